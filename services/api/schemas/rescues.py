"""The body of rescue."""

from __future__ import annotations

from services.api.schemas.servers import UUID, Schema

RESCUE: Schema = {
    "type": "object",
    "properties": {
        "rescue": {
            "type": ["object", "null"],
            "properties": {
                "adminPass": {"type": "string"},
                "rescue_image_ref": UUID,
            },
            "additionalProperties": False,
        }
    },
    "required": ["rescue"],
    "additionalProperties": False,
}
