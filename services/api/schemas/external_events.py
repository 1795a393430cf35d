"""Body of POST /os-server-external-events."""

from __future__ import annotations

from services.api.schemas.servers import UUID, Schema

CREATE: Schema = {
    "type": "object",
    "properties": {
        "events": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "server_uuid": UUID,
                    "name": {
                        "enum": [
                            "network-changed", "network-vif-plugged", "network-vif-unplugged",
                            "network-vif-deleted", "volume-extended", "power-update",
                            "accelerator-request-bound",
                        ]
                    },
                    "status": {"enum": ["failed", "completed", "in-progress"]},
                    "tag": {"type": "string", "maxLength": 255},
                },
                "required": ["server_uuid", "name"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["events"],
    "additionalProperties": False,
}  # fmt: skip
