"""Which memory pages a guest wants: hw:mem_page_size, and hw_mem_page_size where that lets it."""

from __future__ import annotations

import math
import re

from devstack_lite.exceptions import Invalid
from devstack_lite.numa.guest import ANY, LARGE, SMALL
from devstack_lite.numa.said import Said, is_true

_WORDS = {"any": ANY, "large": LARGE, "small": SMALL}
_AMOUNT = re.compile(r"([-+]?\d*\.?\d+)(?:([KMGTPEZYRQ])i?)?(b|bit|B)$")
_PREFIXES = "KMGTPEZYRQ"


def page_size(said: Said) -> float | None:
    """Return the size in KiB, or ANY, LARGE or SMALL; None where it does not matter.

    Raises Invalid.
    """
    flavor, image = said.both("mem_page_size")
    if not flavor:
        if image:
            raise _forbidden(image, "<empty>")
        return None
    size = _read(flavor)
    if not image:
        return size
    if size not in {ANY, LARGE}:
        raise _forbidden(image, flavor)
    return _read(image)


def check_locked(said: Said) -> None:
    """Raise Invalid where memory shall be locked in pages of no size, or by one of two alone."""
    flavor, image = map(is_true, said.both("locked_memory"))
    if flavor is not None and image is not None and flavor != image:
        raise Invalid(
            f"locked_memory value in image ({image}) and flavor ({flavor}) conflict. A consistent"
            " value is expected if both specified."
        )
    is_locked = image if flavor is None else flavor
    if is_locked and not any(said.both("mem_page_size")):
        raise Invalid(
            "locked_memory value in image or flavor is forbidden when mem_page_size is not set."
        )


def _read(text: str) -> float:
    if text in _WORDS:
        return _WORDS[text]
    if text.isdigit():
        return int(text)
    found = _AMOUNT.match(text)
    if found is None:
        raise Invalid(f"Invalid memory page size '{text}'")
    number, prefix, unit = found.groups()
    amount = float(number) / (1 if unit == "B" else 8)
    exponent = 1 + _PREFIXES.index(prefix) if prefix else 0
    return math.ceil(amount * 1024.0**exponent) / 1024


def _forbidden(size: str, against: str) -> Invalid:
    return Invalid(f"Page size {size} forbidden against '{against}'")
