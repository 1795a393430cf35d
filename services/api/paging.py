"""Limits and markers of list requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from devstack_lite.exceptions import Invalid
from devstack_lite.wsgi.request import Request

T = TypeVar("T")
FAR = 2**31 - 1
"""Beyond the end of any list."""


def page_size(req: Request, maximum: int) -> int:
    """Return how many items the request asks for, at most maximum. Raises Invalid."""
    text = req.GET.get("limit")
    return maximum if not text else min(_number(text, "limit"), maximum)


def page_offset(req: Request) -> int:
    """Return how many items the request passes over. Raises Invalid."""
    return min(_number(req.GET.get("offset", "0"), "offset"), FAR)


def _number(text: str, name: str) -> int:
    """Return a number, of as many digits as Python reads. Raises Invalid."""
    if re.fullmatch(r"[0-9]{1,4000}\n?", text):
        return int(text)
    raise Invalid(
        f"Invalid input for query parameters {name}. Value: {text}. {text!r} does not match"
        " '^[0-9]*$'"
    )


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
