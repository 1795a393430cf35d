"""Body of POST /os-keypairs."""

from __future__ import annotations

from typing import Any

CREATE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "keypair": {
            "type": "object",
            "properties": {
                "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 255,
                    "pattern": r"^[a-zA-Z0-9 _@.-]+$",
                },
                "public_key": {"type": "string"},
            },
            "required": ["name"],
            "additionalProperties": False,
        }
    },
    "required": ["keypair"],
    "additionalProperties": False,
}
