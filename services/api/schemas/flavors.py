"""Body of POST /flavors."""

from __future__ import annotations

from typing import Any

from services.api.schemas.servers import BOOLEAN, NAME

MAX_INTEGER = 0x7FFFFFFF


def _number(minimum: int) -> dict[str, Any]:
    return {
        "oneOf": [
            {"type": "integer", "minimum": minimum, "maximum": MAX_INTEGER},
            {"type": "string", "pattern": r"^[0-9]{1,10}$"},
        ]
    }


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
