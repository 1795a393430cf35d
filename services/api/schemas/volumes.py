"""Bodies of /os-volumes and /os-snapshots; what else they hold is passed over, as in Nova."""

from __future__ import annotations

from services.api.schemas.servers import BOOLEAN, Schema

_TEXT: Schema = {"type": ["string", "null"], "maxLength": 255}


def _body(noun: str, properties: Schema, required: str) -> Schema:
    own = {"type": "object", "properties": properties, "required": [required]}
    return {
        "type": "object", "properties": {noun: own}, "required": [noun],
        "additionalProperties": False,
    }  # fmt: skip


VOLUME = _body(
    "volume",
    {
        "size": {
            "oneOf": [
                {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
                {"type": "string", "pattern": "^0*[1-9][0-9]{0,8}$"},
            ]
        },
        "display_name": _TEXT,
        "display_description": _TEXT,
        "volume_type": {"type": ["string", "null"]},
        "metadata": {"type": ["object", "null"]},
        "snapshot_id": {"type": ["string", "null"]},
        "availability_zone": {"type": ["string", "null"]},
    },
    "size",
)
SNAPSHOT = _body(
    "snapshot",
    {
        "volume_id": {"type": "string"},
        "display_name": _TEXT,
        "display_description": _TEXT,
        "force": BOOLEAN,
    },
    "volume_id",
)
