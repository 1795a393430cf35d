"""Bodies of /servers/{id}/os-volume_attachments."""

from __future__ import annotations

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.servers import BOOLEAN, UUID, Schema

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
