"""Files that a body wants in the guest, up to 2.56; the config drive is their only way there."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from devstack_lite.exceptions import Invalid, QuotaExceeded
from devstack_lite.objects.registry import Json


def injected_files(server: Json, limits: Mapping[str, int]) -> tuple[Json, ...]:
    """Return the files of a body, contents as they came. Raises Invalid, QuotaExceeded."""
    files = tuple(server.get("personality") or ())
    if 0 <= limits["injected_files"] < len(files):
        raise QuotaExceeded("Personality file limit exceeded")
    for one in files:
        missing = {"path", "contents"} - set(one)
        if missing:
            raise Invalid(f"Bad personality format: missing {', '.join(sorted(missing))}")
        try:
            contents = base64.b64decode(one["contents"])
        except ValueError as error:
            raise Invalid(f"Personality content for {one['path']} cannot be decoded") from error
        _check("path", len(one["path"].encode()), limits["injected_file_path_bytes"])
        _check("content", len(contents), limits["injected_file_content_bytes"])
    return files


def _check(what: str, size: int, allowed: int) -> None:
    if 0 <= allowed < size:
        raise QuotaExceeded(f"Personality file {what} exceeds maximum {allowed}")
