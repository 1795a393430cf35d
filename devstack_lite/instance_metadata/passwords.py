"""The encrypted password that a guest posts, in the pieces in which system metadata keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devstack_lite.objects.compute import Instance

PIECES = 4
PIECE_LENGTH = 255
MAX_LENGTH = PIECES * PIECE_LENGTH
"""What a guest may post, in bytes; Nova's."""

_PREFIX = "password_"


def password_of(instance: Instance) -> str:
    """Return what was posted, empty when nothing was."""
    kept = instance.system_metadata or {}
    return "".join(kept.get(f"{_PREFIX}{number}", "") for number in range(PIECES))


def with_password(system_metadata: Mapping[str, Any] | None, password: str) -> dict[str, Any]:
    """Return system metadata with another password; an empty one takes it away."""
    kept = {
        key: value for key, value in (system_metadata or {}).items() if not key.startswith(_PREFIX)
    }
    pieces = [
        password[start : start + PIECE_LENGTH] for start in range(0, len(password), PIECE_LENGTH)
    ]
    return kept | {f"{_PREFIX}{number}": piece for number, piece in enumerate(pieces)}
