"""Bodies of createImage and createBackup."""

from __future__ import annotations

from services.api.schemas.parameters import METADATA, NAME, NON_NEGATIVE_INTEGER, body, record

CREATE_IMAGE = body("createImage", record({"name": NAME, "metadata": METADATA}, ["name"]))
CREATE_BACKUP = body(
    "createBackup",
    record(
        {
            "name": NAME,
            "backup_type": {"type": "string"},
            "rotation": NON_NEGATIVE_INTEGER,
            "metadata": METADATA,
        },
        ["name", "backup_type", "rotation"],
    ),
)
