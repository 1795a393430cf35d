"""Files that a body wants in the guest: what of them is refused."""

from __future__ import annotations

import base64

import pytest

from devstack_lite.exceptions import Invalid, QuotaExceeded
from services.api.personality import injected_files

LIMITS = {"injected_files": 2, "injected_file_path_bytes": 5, "injected_file_content_bytes": 8}


def file(path: str = "/a", contents: bytes = b"hello") -> dict[str, str]:
    return {"path": path, "contents": base64.b64encode(contents).decode()}


def test_files_within_the_limits_are_kept_as_they_came() -> None:
    """None is fine, too; -1 is no limit."""
    assert injected_files({}, LIMITS) == ()
    assert injected_files({"personality": [file(), file("/b")]}, LIMITS) == (file(), file("/b"))
    many = [file("/a/long/path", b"long contents")] * 9
    assert injected_files({"personality": many}, dict.fromkeys(LIMITS, -1)) == tuple(many)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([file()] * 3, "Personality file limit exceeded"),
        ([file("/toolong")], "Personality file path exceeds maximum 5"),
        ([file(contents=b"too long!")], "Personality file content exceeds maximum 8"),
    ],
)
def test_more_is_over_quota(files: list[dict[str, str]], message: str) -> None:
    """In Nova's words."""
    with pytest.raises(QuotaExceeded, match=message):
        injected_files({"personality": files}, LIMITS)


@pytest.mark.parametrize("contents", ["Y", "YQ=", "ä"])
def test_contents_are_base_64(contents: str) -> None:
    """Anything else is refused."""
    with pytest.raises(Invalid, match="Personality content for /a cannot be decoded"):
        injected_files({"personality": [{"path": "/a", "contents": contents}]}, LIMITS)
