"""Bodies of /servers/{id}/os-volume_attachments."""

from __future__ import annotations

from services.api.schemas.servers import UUID, Schema

CREATE: Schema = {
    "type": "object",
    "properties": {
        "volumeAttachment": {
            "type": "object",
            "properties": {
                "volumeId": UUID,
                "device": {
                    "type": ["string", "null"],
                    "pattern": r"^/dev/x?[a-z]?d?[a-z]+[0-9]*\Z",
                },
            },
            "required": ["volumeId"],
            "additionalProperties": False,
        }
    },
    "required": ["volumeAttachment"],
    "additionalProperties": False,
}
