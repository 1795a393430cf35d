"""What many bodies and queries hold: names, ids, numbers, truths; Nova's limits for each.

Where a value breaks several rules, what is said first follows from the order of a schema's keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from devstack_lite.wsgi.schema_checks import PRINTABLE

Schema = dict[str, Any]

MAX_INTEGER = 0x7FFFFFFF


def record(properties: Schema, required: Sequence[str] = ()) -> Schema:
    """Return the schema of an object with these properties and no others."""
    needs: Schema = {"required": list(required)} if required else {}
    return {
        "type": "object", "properties": properties, **needs, "additionalProperties": False,
    }  # fmt: skip


def body(key: str, value: Schema) -> Schema:
    """Return the schema of a body that is one thing: {key: value}."""
    return record({key: value}, [key])


NAME: Schema = {"type": "string", "format": "name", "minLength": 1, "maxLength": 255}
NAME_OR_BLANKS: Schema = {**NAME, "format": "name_with_leading_trailing_spaces"}
AZ_NAME: Schema = {**NAME, "format": "az_name"}
TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
NAME_OR_NONE: Schema = {"oneOf": [TEXT, {"type": "null"}]}
DESCRIPTION: Schema = {
    "type": ["string", "null"], "pattern": PRINTABLE, "minLength": 0, "maxLength": 255,
}  # fmt: skip
UUID: Schema = {"type": "string", "format": "uuid"}
FQDN: Schema = {
    "type": "string", "pattern": "^[a-zA-Z0-9-._]*$", "minLength": 1, "maxLength": 255,
}  # fmt: skip
HOSTNAME: Schema = {
    "type": "string", "pattern": "^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$", "minLength": 2,
    "maxLength": 63,
}  # fmt: skip
TAG: Schema = {"type": "string", "pattern": "^[^,/]*$", "minLength": 1, "maxLength": 60}
TAGS: Schema = {"type": "array", "items": TAG, "maxItems": 50}
PASSWORD: Schema = {"type": "string"}
IP_ADDRESS: Schema = {"type": "string", "oneOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
IPV4: Schema = {"type": "string", "format": "ipv4"}
IPV6: Schema = {"type": "string", "format": "ipv6"}

BOOLEAN: Schema = {
    "type": ["boolean", "string"],
    "enum": [
        True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes",
        False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no",
    ],
}  # fmt: skip


def is_true(value: Any) -> bool:
    """Say what one of BOOLEAN means; None is false."""
    return str(value).lower() in {"true", "1", "on", "yes"}


_DIGITS = 4000
"""Fewer than Python reads as a number."""


def whole(value: Any) -> int:
    """Return the number that one of those below means; of too many digits only the first ones."""
    return int(value[:_DIGITS] if isinstance(value, str) else value)


def _number(pattern: str, **bounds: int) -> Schema:
    return {"type": ["integer", "string"], "pattern": pattern, **bounds}


POSITIVE_INTEGER = _number("^[0-9]*$", minimum=1, minLength=1)
NON_NEGATIVE_INTEGER = _number("^[0-9]*$", minimum=0, minLength=1)
SIZE = _number("^[0-9]+$", minimum=1, maximum=MAX_INTEGER)
SIZE_OR_NONE = _number("^[0-9]+$", minimum=0, maximum=MAX_INTEGER)
LIMIT = _number("^-?[0-9]+$", minimum=-1, maximum=MAX_INTEGER)

FLAVOR_REF: Schema = {"type": ["string", "integer"], "minLength": 1}
DISK_CONFIG: Schema = {"type": "string", "enum": ["AUTO", "MANUAL"]}
USER_DATA: Schema = {"type": "string", "format": "base64", "maxLength": 65535}
CERTIFICATES: Schema = {
    "type": ["array", "null"], "minItems": 1, "maxItems": 50, "uniqueItems": True,
    "items": {"type": "string", "minLength": 1},
}  # fmt: skip
PERSONALITY: Schema = {
    "type": "array",
    "items": record(
        {"path": {"type": "string"}, "contents": {"type": "string", "format": "base64"}}
    ),
}


def metadata(value: Schema) -> Schema:
    """Return the schema of keys and values."""
    return {
        "type": "object",
        "patternProperties": {"^[a-zA-Z0-9-_:. ]{1,255}$": {**value, "maxLength": 255}},
        "additionalProperties": False,
    }


METADATA = metadata({"type": "string"})
ONE_ITEM: Schema = {**METADATA, "minProperties": 1, "maxProperties": 1}
