"""JSON schemas as OpenStack's APIs check them, and what they say of what they refuse.

Beyond the standard: a bound holds for a number that is written as a text, too, and there are the
formats that Nova's schemas use. The first error in the order of the schema's keys is the one said.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError
from oslo_serialization import base64
from oslo_utils import timeutils, uuidutils

from devstack_lite.exceptions import Invalid

Schema = Mapping[str, Any]

BODY = "Invalid input for field/attribute"
QUERY = "Invalid input for query parameters"

_FORMATS = jsonschema.FormatChecker()


class Checker:
    """Checks values by one schema; made once, since that takes longer than a check."""

    def __init__(self, schema: Schema, *, what: str = BODY) -> None:
        self._validator = _Validator(schema, format_checker=_FORMATS)
        self._what = what

    def check(self, value: Any) -> None:
        """Raise Invalid when the schema does not take the value."""
        try:
            error = next(iter(self._validator.iter_errors(value)), None)
        except RecursionError:
            raise Invalid("The request body is nested too deeply.") from None
        if error is None:
            return
        if isinstance(error.cause, Invalid):
            raise error.cause
        if not error.path:
            raise Invalid(error.message)
        # Of a query that is the name: each has a list of values.
        place = error.path[-1] if self._what is BODY else error.path[0]
        raise Invalid(f"{self._what} {place}. Value: {error.instance}. {error.message}")


# -------------------------------------------------------------------------------- numbers


def _number(text: Any) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def _bound(keyword: str) -> Callable[..., Iterator[ValidationError]]:
    check = jsonschema.Draft202012Validator.VALIDATORS[keyword]

    def bound(validator: Any, limit: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        number = _number(value)
        if number is not None:
            yield from check(validator, limit, number, schema) or ()

    return bound


_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    {keyword: _bound(keyword) for keyword in ("minimum", "maximum")},
)


# -------------------------------------------------------------------------------- formats


def _is_visible(char: str) -> bool:
    """Say whether a character shows; emoji and the like, beyond the basic plane, are in no name."""
    return char < "\uffff" and unicodedata.category(char)[0] not in "CZ"


def _is_printable(char: str) -> bool:
    return _is_visible(char) or unicodedata.category(char) == "Zs"


def _printable_ranges() -> str:
    """Return what stands between the brackets of a pattern for the printable characters."""
    found = []
    for is_in, run in itertools.groupby(map(chr, range(0xFFFF)), key=_is_printable):
        if is_in:
            chars = list(run)
            first, last = re.escape(chars[0]), re.escape(chars[-1])
            found.append(first if len(chars) == 1 else f"{first}-{last}")
    return "".join(found)


PRINTABLE = f"^[{_printable_ranges()}]*$"
"""A pattern of texts in which every character shows, or is a blank."""

_NAMES = {
    "name": "printable characters. Can not start or end with whitespace.",
    "az_name": "printable characters except :.Can not start or end with whitespace.",
    "name_with_leading_trailing_spaces": (
        "printable characters with at least one non space character"
    ),
}


def _is_name(value: Any, kind: str) -> bool:
    """Say that a value is a name of that kind. Raises Invalid, which says what one is."""
    # Nova's patterns end with $, before which a newline may stand.
    text = value.removesuffix("\n") if isinstance(value, str) else ""
    if kind == "name_with_leading_trailing_spaces":
        is_right = any(map(_is_visible, text))
    else:
        is_right = value == "" or (text != "" and _is_visible(text[0]) and _is_visible(text[-1]))
    if is_right and all(map(_is_printable, text)) and not (kind == "az_name" and ":" in text):
        return True
    raise Invalid(f"An invalid 'name' value was provided. The name must be: {_NAMES[kind]}")


for _kind in _NAMES:
    _FORMATS.checks(_kind, raises=Invalid)(functools.partial(_is_name, kind=_kind))


def _texts_only(check: Callable[[str], object]) -> Callable[[Any], bool]:
    """Return a check of formats: what is no text has none."""
    return lambda value: not isinstance(value, str) or bool(check(value))


def _is_moment(text: str) -> bool:
    timeutils.parse_isotime(text)
    return True


def _is_base64(text: str) -> bool:
    base64.decode_as_bytes(text.encode())
    return True


def _is_regex(text: str) -> bool:
    re.compile(text)
    return text != ""


_FORMATS.checks("uuid")(_texts_only(uuidutils.is_uuid_like))
_FORMATS.checks("date-time", raises=ValueError)(_texts_only(_is_moment))
_FORMATS.checks("base64", raises=(TypeError, ValueError))(_texts_only(_is_base64))
_FORMATS.checks("regex", raises=(re.error, OverflowError, RecursionError))(_texts_only(_is_regex))
