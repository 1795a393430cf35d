"""Bodies of /flavors and what is below it."""

from __future__ import annotations

import copy
import functools
from typing import Any

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.servers import BOOLEAN, NAME

MAX_INTEGER = 0x7FFFFFFF


def _number(minimum: int) -> dict[str, Any]:
    return {
        "oneOf": [
            {"type": "integer", "minimum": minimum, "maximum": MAX_INTEGER},
            {"type": "string", "pattern": r"^[0-9]{1,10}$"},
        ]
    }


_SPEC_VALUE: dict[str, Any] = {"anyOf": [{"type": "string", "maxLength": 255}, {"type": "number"}]}
_SPECS: dict[str, Any] = {
    "type": "object",
    "patternProperties": {r"^[a-zA-Z0-9-_:. ]{1,255}$": _SPEC_VALUE},
    "additionalProperties": False,
}
EXTRA_SPECS: dict[str, Any] = {
    "type": "object",
    "properties": {"extra_specs": _SPECS},
    "required": ["extra_specs"],
    "additionalProperties": False,
}
EXTRA_SPEC: dict[str, Any] = {**_SPECS, "minProperties": 1, "maxProperties": 1}
_DESCRIPTION: dict[str, Any] = {
    "type": ["string", "null"], "maxLength": 65535, "pattern": r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*\Z",
}  # fmt: skip
UPDATE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "flavor": {
            "type": "object",
            "properties": {"description": _DESCRIPTION},
            "required": ["description"],
            "additionalProperties": False,
        }
    },
    "required": ["flavor"],
    "additionalProperties": False,
}


def access(action: str) -> dict[str, Any]:
    """Return what addTenantAccess and removeTenantAccess take."""
    return {
        "type": "object",
        "properties": {
            action: {
                "type": "object",
                "properties": {"tenant": {"type": "string", "minLength": 1, "maxLength": 255}},
                "required": ["tenant"],
                "additionalProperties": False,
            }
        },
        "required": [action],
        "additionalProperties": False,
    }


@functools.cache
def create(version: ApiVersion) -> dict[str, Any]:
    """Return what POST /flavors takes: from 2.55 on a description, from 2.102 on no rxtx_factor."""
    schema = copy.deepcopy(CREATE)
    if version >= ApiVersion(2, 55):
        schema["properties"]["flavor"]["properties"]["description"] = _DESCRIPTION
    if version >= ApiVersion(2, 102):
        del schema["properties"]["flavor"]["properties"]["rxtx_factor"]
    return schema


CREATE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "flavor": {
            "type": "object",
            "properties": {
                "name": NAME,
                "id": {
                    "oneOf": [
                        {
                            "type": "string",
                            "minLength": 1,
                            "maxLength": 255,
                            "pattern": r"^(?! )[a-zA-Z0-9. _-]+(?<! )$",
                        },
                        {"type": "integer", "minimum": 0},
                        {"type": "null"},
                    ]
                },
                "ram": _number(1),
                "vcpus": _number(1),
                "disk": _number(0),
                "OS-FLV-EXT-DATA:ephemeral": _number(0),
                "swap": _number(0),
                "rxtx_factor": {"type": ["number", "string"]},
                "os-flavor-access:is_public": BOOLEAN,
            },
            "required": ["name", "ram", "vcpus", "disk"],
            "additionalProperties": False,
        }
    },
    "required": ["flavor"],
    "additionalProperties": False,
}
