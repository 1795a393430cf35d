"""Bodies of /servers/{id}/os-interface."""

from __future__ import annotations

import copy
import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.server_bodies import TAG
from services.api.schemas.servers import UUID, Schema


@functools.cache
def create(version: ApiVersion) -> Schema:
    """Return what POST /servers/{id}/os-interface takes: from 2.49 on a tag."""
    schema = copy.deepcopy(_CREATE)
    if version >= ApiVersion(2, 49):
        schema["properties"]["interfaceAttachment"]["properties"]["tag"] = TAG
    return schema


_CREATE: Schema = {
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
