"""Body of POST /os-server-external-events."""

from __future__ import annotations

import copy
import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.servers import UUID, Schema

_LATER = {
    51: "volume-extended", 76: "power-update", 82: "accelerator-request-bound",
    93: "volume-reimaged",
}  # fmt: skip
"""Events by the minor version that brought them."""
_CREATE: Schema = {
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
                            "network-vif-deleted",
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


@functools.cache
def create(version: ApiVersion) -> Schema:
    """Return what POST /os-server-external-events takes."""
    schema = copy.deepcopy(_CREATE)
    names = schema["properties"]["events"]["items"]["properties"]["name"]["enum"]
    names += [name for minor, name in _LATER.items() if version >= ApiVersion(2, minor)]
    return schema
