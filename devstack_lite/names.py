"""Names of instances made from what the user gave: display names in a batch, host names."""

from __future__ import annotations

import re

_NOT_IN_HOSTNAME = re.compile(r"[^a-z0-9-]+")
HOSTNAME_LENGTH = 63


def name_of(name: str, index: int, count: int) -> str:
    """Return the display name of one instance of a batch: web, or web-1, web-2 … as Nova does."""
    return name if count == 1 else f"{name}-{index + 1}"


def hostname_of(name: str, uuid: str) -> str:
    """Return a valid host name made from a display name; Server-<uuid> when nothing is left."""
    clean = _NOT_IN_HOSTNAME.sub("", re.sub(r"[ _.]", "-", name.lower())).strip("-")
    return clean[:HOSTNAME_LENGTH].rstrip("-") or f"server-{uuid}"
