"""JSON schemas of the snapshots' bodies."""

from __future__ import annotations

from services.volume.schemas import BOOLEAN, NULLABLE_METADATA, TEXT, UUID, one

CREATE = one(
    "snapshot",
    {
        "type": "object",
        "properties": {
            "name": TEXT,
            "display_name": TEXT,
            "description": TEXT,
            "display_description": TEXT,
            "volume_id": UUID,
            "force": BOOLEAN,
            "metadata": NULLABLE_METADATA,
        },
        "required": ["volume_id"],
    },
)

UPDATE = one(
    "snapshot",
    {
        "type": "object",
        "properties": {
            "name": TEXT,
            "display_name": TEXT,
            "description": TEXT,
            "display_description": TEXT,
        },
        "minProperties": 1,
    },
)

STATUSES = ["creating", "available", "deleting", "error", "error_deleting"]

RESET_STATUS = one(
    "os-reset_status",
    {"type": "object", "properties": {"status": {"enum": STATUSES}}, "required": ["status"]},
)

UPDATE_STATUS = one(
    "os-update_snapshot_status",
    {
        "type": "object",
        "properties": {"status": {"enum": STATUSES}, "progress": TEXT},
        "required": ["status"],
    },
)
