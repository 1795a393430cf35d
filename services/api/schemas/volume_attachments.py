"""Bodies of /servers/{id}/os-volume_attachments."""

from __future__ import annotations

import copy
import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.server_bodies import TAG
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
    """Return what an attach takes: a tag from 2.49 on, from 2.79 on whether it goes, too."""
    schema = copy.deepcopy(_CREATE)
    own = schema["properties"]["volumeAttachment"]["properties"]
    if version >= ApiVersion(2, 49):
        own["tag"] = TAG
    if version >= ApiVersion(2, 79):
        own["delete_on_termination"] = BOOLEAN
    return schema


def update(version: ApiVersion) -> Schema:
    """Return what a change takes: another volume; from 2.85 on also what the attachment is."""
    wanted: Schema = {"volumeId": UUID}
    if version >= ApiVersion(2, 85):
        text: Schema = {"type": ["string", "null"]}
        wanted |= {
            "device": text, "tag": text, "delete_on_termination": BOOLEAN, "serverId": UUID,
            "id": UUID,
        }  # fmt: skip
    own = {
        "type": "object", "properties": wanted, "required": ["volumeId"],
        "additionalProperties": False,
    }  # fmt: skip
    return {
        "type": "object", "properties": {"volumeAttachment": own},
        "required": ["volumeAttachment"], "additionalProperties": False,
    }  # fmt: skip
