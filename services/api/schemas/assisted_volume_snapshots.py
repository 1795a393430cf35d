"""Body and query of /os-assisted-volume-snapshots."""

from __future__ import annotations

from services.api.schemas.parameters import Schema, body, record

_TEXT: Schema = {"type": "string", "minLength": 1}

create = body(
    "snapshot",
    record(
        {
            "volume_id": _TEXT,
            "create_info": record(
                {
                    "snapshot_id": _TEXT,
                    "type": {"type": "string", "enum": ["qcow2"]},
                    "new_file": _TEXT,
                    "id": _TEXT,
                },
                ["snapshot_id", "type", "new_file"],
            ),
        },
        ["volume_id", "create_info"],
    ),
)
