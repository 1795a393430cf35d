"""Bodies of PUT /os-services/{action}."""

from __future__ import annotations

from devstack_lite.objects.registry import Json
from services.api.schemas.servers import BOOLEAN

_HOST: Json = {
    "type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[a-zA-Z0-9-._]*$",
}  # fmt: skip
_REASON: Json = {"type": "string", "minLength": 1, "maxLength": 255}

CHANGE: Json = {
    "type": "object",
    "properties": {"host": _HOST, "binary": {"type": "string", "minLength": 1, "maxLength": 255}},
    "required": ["host", "binary"],
    "additionalProperties": False,
}
DISABLE: Json = {
    **CHANGE,
    "properties": {**CHANGE["properties"], "disabled_reason": _REASON},
    "required": ["host", "binary", "disabled_reason"],
}
FORCE_DOWN: Json = {
    **CHANGE,
    "properties": {**CHANGE["properties"], "forced_down": BOOLEAN},
    "required": ["host", "binary", "forced_down"],
}
UPDATE: Json = {
    "type": "object",
    "properties": {
        "status": {"enum": ["enabled", "disabled"]},
        "disabled_reason": _REASON,
        "forced_down": BOOLEAN,
    },
    "minProperties": 1,
    "additionalProperties": False,
}
