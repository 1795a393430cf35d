"""Bodies of /os-hosts."""

from __future__ import annotations

from services.api.schemas.parameters import Schema

_SWITCH: Schema = {
    "type": "string", "enum": ["enable", "disable", "Enable", "Disable", "ENABLE", "DISABLE"],
}  # fmt: skip

UPDATE: Schema = {
    "type": "object",
    "properties": {"status": _SWITCH, "maintenance_mode": _SWITCH},
    "anyOf": [{"required": ["status"]}, {"required": ["maintenance_mode"]}],
    "additionalProperties": False,
}
