"""Limits and markers of list requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from devstack_lite.exceptions import Invalid
from devstack_lite.wsgi.request import Request

T = TypeVar("T")


def page_size(req: Request, maximum: int) -> int:
    """Return how many items the request asks for, at most maximum. Raises Invalid."""
    text = req.GET.get("limit")
    if text is None:
        return maximum
    if not re.fullmatch(r"[0-9]{0,18}", text):
        raise Invalid(
            f"Invalid input for query parameters limit. Value: {text}. {text!r} does not match"
            " '^[0-9]*$'"
        )
    return min(int(text), maximum) if text else maximum


def page_offset(req: Request) -> int:
    """Return how many items the request passes over. Raises Invalid."""
    text = req.GET.get("offset", "0")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise Invalid(
            f"Invalid input for query parameters offset. Value: {text}. {text!r} does not match"
            " '^[0-9]*$'"
        )
    return int(text)


def page_of(
    items: Sequence[T], req: Request, maximum: int, key: Callable[[T], str]
) -> tuple[list[T], bool]:
    """Return the page that the request asks for of a short list, and whether more follow.

    Raises Invalid for a marker that names nothing.
    """
    start = 0
    marker = req.GET.get("marker")
    if marker is not None:
        keys = [key(item) for item in items]
        if marker not in keys:
            raise Invalid(f"marker [{marker}] not found")
        start = keys.index(marker) + 1
    size = page_size(req, maximum)
    return list(items[start : start + size]), 0 < size < len(items) - start
