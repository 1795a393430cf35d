"""Body of POST /os-server-external-events."""

from __future__ import annotations

import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.parameters import UUID, Schema, body, record

_FIRST = ("network-changed", "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted")
_LATER = {
    51: "volume-extended", 76: "power-update", 82: "accelerator-request-bound",
    93: "volume-reimaged",
}  # fmt: skip
"""Events by the minor version that brought them."""


@functools.cache
def create(version: ApiVersion) -> Schema:
    """Return what POST /os-server-external-events takes."""
    later = [name for minor, name in _LATER.items() if version >= ApiVersion(2, minor)]
    event = record(
        {
            "name": {"type": "string", "enum": [*_FIRST, *later]},
            "server_uuid": UUID,
            "status": {"type": "string", "enum": ["failed", "completed", "in-progress"]},
            "tag": {"type": "string", "maxLength": 255},
        },
        ["name", "server_uuid"],
    )
    return body("events", {"type": "array", "minItems": 1, "items": event})
