"""How much may stand with an image; more is answered 413, in Glance's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from devstack_lite.exceptions import QuotaExceeded
from devstack_lite.wsgi.faults import HttpError

MAXIMUM = {"tags": 128, "properties": 128}
"""Glance's image_tag_quota and image_property_quota."""
MAX_MEMBERS = 128
"""Glance's image_member_quota."""


def check_count(kind: str, count: int) -> None:
    """Raise 413 when an image may not have so many of a kind."""
    if count > MAXIMUM[kind]:
        raise HttpError(
            413,
            f"The limit has been exceeded on the number of allowed image {kind}. Attempted:"
            f" {count}, Maximum: {MAXIMUM[kind]}",
        )


@contextmanager
def over_limit() -> Iterator[None]:
    """Answer what the conductor refuses because of a limit as Glance does: 413."""
    try:
        yield
    except QuotaExceeded as error:
        raise HttpError(413, error.message) from error
