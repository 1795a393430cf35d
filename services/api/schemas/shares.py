"""Bodies of /servers/{id}/shares."""

from __future__ import annotations

from services.api.schemas.servers import UUID, Schema

CREATE: Schema = {
    "type": "object",
    "properties": {
        "share": {
            "type": "object",
            "properties": {
                "share_id": UUID,
                "tag": {
                    "type": "string", "minLength": 1, "maxLength": 255,
                    "pattern": r"^[a-zA-Z0-9-]*\Z",
                },
            },
            "required": ["share_id"],
            "additionalProperties": False,
        }
    },
    "required": ["share"],
    "additionalProperties": False,
}  # fmt: skip
