"""Bodies of createImage and createBackup."""

from __future__ import annotations

from services.api.schemas.servers import METADATA, NAME, Schema

_COUNT_OR_NONE: Schema = {
    "oneOf": [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": "^[0-9]{1,9}$"},
    ]
}


def _body(key: str, properties: Schema, required: list[str]) -> Schema:
    own = {
        "type": "object", "properties": properties, "required": required,
        "additionalProperties": False,
    }  # fmt: skip
    return {
        "type": "object", "properties": {key: own}, "required": [key],
        "additionalProperties": False,
    }  # fmt: skip


CREATE_IMAGE = _body("createImage", {"name": NAME, "metadata": METADATA}, ["name"])
CREATE_BACKUP = _body(
    "createBackup",
    {
        "name": NAME,
        "backup_type": {"type": "string", "maxLength": 255},
        "rotation": _COUNT_OR_NONE,
        "metadata": METADATA,
    },
    ["name", "backup_type", "rotation"],
)
