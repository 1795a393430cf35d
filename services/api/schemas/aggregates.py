"""Bodies of /os-aggregates."""

from __future__ import annotations

from devstack_lite.objects.registry import Json
from services.api.schemas.servers import NAME, UUID

_ZONE: Json = {**NAME, "pattern": r"^(?!\s)[^\x00-\x1f\x7f-\x9f:]*(?<!\s)\Z"}
_HOST: Json = {
    "type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[a-zA-Z0-9-._]*$",
}  # fmt: skip


def _of(key: str, properties: Json, *, required: list[str], least: int = 1) -> Json:
    inner = {
        "type": "object", "properties": properties, "required": required,
        "minProperties": least, "additionalProperties": False,
    }  # fmt: skip
    return {
        "type": "object", "properties": {key: inner}, "required": [key],
        "additionalProperties": False,
    }  # fmt: skip


_NULLABLE_ZONE: Json = {"oneOf": [_ZONE, {"type": "null"}]}
CREATE = _of("aggregate", {"name": NAME, "availability_zone": _NULLABLE_ZONE}, required=["name"])
UPDATE = _of("aggregate", {"name": NAME, "availability_zone": _NULLABLE_ZONE}, required=[])
ADD_HOST = _of("add_host", {"host": _HOST}, required=["host"])
REMOVE_HOST = _of("remove_host", {"host": _HOST}, required=["host"])
SET_METADATA = _of(
    "set_metadata",
    {
        "metadata": {
            "type": "object",
            "patternProperties": {
                r"^[a-zA-Z0-9-_:. ]{1,255}$": {"type": ["string", "null"], "maxLength": 255}
            },
            "additionalProperties": False,
        }
    },
    required=["metadata"],
)
CACHE: Json = {
    "type": "object",
    "properties": {
        "cache": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {"id": UUID},
                "required": ["id"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["cache"],
    "additionalProperties": False,
}
