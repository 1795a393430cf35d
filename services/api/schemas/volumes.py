"""Bodies of /os-volumes and /os-snapshots."""

from __future__ import annotations

from services.api.schemas.parameters import BOOLEAN, Schema, body, record

_TEXT: Schema = {"type": "string"}

VOLUME = body(
    "volume",
    record(
        {
            "volume_type": _TEXT,
            "metadata": {"type": "object"},
            "snapshot_id": _TEXT,
            "size": {"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": 1},
            "availability_zone": _TEXT,
            "display_name": _TEXT,
            "display_description": _TEXT,
        },
        ["size"],
    ),
)
SNAPSHOT = body(
    "snapshot",
    record(
        {
            "volume_id": _TEXT,
            "force": BOOLEAN,
            "display_name": _TEXT,
            "display_description": _TEXT,
        },
        ["volume_id"],
    ),
)
