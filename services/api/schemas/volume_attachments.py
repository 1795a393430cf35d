"""Bodies of /servers/{id}/os-volume_attachments."""

from __future__ import annotations

import copy
import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.servers import BOOLEAN, UUID, Schema

_CREATE: Schema = {
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


@functools.cache
def create(version: ApiVersion) -> Schema:
    """Return what POST /servers/{id}/os-volume_attachments takes: from 2.79 on its end, too."""
    schema = copy.deepcopy(_CREATE)
    if version >= ApiVersion(2, 79):
        own = schema["properties"]["volumeAttachment"]["properties"]
        own["delete_on_termination"] = BOOLEAN
    return schema
