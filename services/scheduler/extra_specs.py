"""What an extra spec may ask of a figure, in Nova's words (`>= 4`, `s== x`, `<in> y`)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.ge,  # Nova's oldest operator means at least.
    "==": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip
TEXTS: dict[str, Callable[[str, str], bool]] = {
    "s==": operator.eq, "s!=": operator.ne, "s<": operator.lt, "s<=": operator.le,
    "s>": operator.gt, "s>=": operator.ge, "<in>": lambda value, part: part in value,
}  # fmt: skip


def matches(value: str, wanted: str) -> bool:
    """Say whether a figure's text is what an extra spec wants.

    Without an operator the two are the same. A number that is none matches nothing.
    """
    name, *words = wanted.split() or [""]
    if name == "<or>":
        return value in words[::2]
    if name not in NUMBERS and name not in TEXTS and name != "<all-in>":
        return value == wanted
    if not words:
        return False
    if name == "<all-in>":
        return all(word in value for word in words)
    if name in TEXTS:
        return TEXTS[name](value, words[0])
    try:
        return bool(NUMBERS[name](float(value), float(words[0])))
    except ValueError:
        return False
