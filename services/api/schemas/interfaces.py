"""Bodies of /servers/{id}/os-interface."""

from __future__ import annotations

from services.api.schemas.servers import UUID, Schema

CREATE: Schema = {
    "type": "object",
    "properties": {
        "interfaceAttachment": {
            "type": "object",
            "properties": {
                "net_id": UUID,
                "port_id": UUID,
                "fixed_ips": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 1,
                    "items": {
                        "type": "object",
                        "properties": {
                            "ip_address": {
                                "anyOf": [
                                    {"type": "string", "format": "ipv4"},
                                    {"type": "string", "format": "ipv6"},
                                ]
                            }
                        },
                        "required": ["ip_address"],
                        "additionalProperties": False,
                    },
                },
            },
            "additionalProperties": False,
        }
    },
    "additionalProperties": False,
}
