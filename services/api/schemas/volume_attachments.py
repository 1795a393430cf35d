"""Bodies of /servers/{id}/os-volume_attachments."""

from __future__ import annotations

import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.parameters import BOOLEAN, TAG, UUID, Schema, body, record

_DEVICE: Schema = {
    "type": ["string", "null"], "pattern": "(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$",
}  # fmt: skip


@functools.cache
def create(version: ApiVersion) -> Schema:
    """Return what POST /servers/{id}/os-volume_attachments takes: from 2.79 on its end, too."""
    wanted: Schema = {"volumeId": UUID, "device": _DEVICE}
    if version >= ApiVersion(2, 49):
        wanted["tag"] = TAG
    if version >= ApiVersion(2, 79):
        wanted["delete_on_termination"] = BOOLEAN
    return body("volumeAttachment", record(wanted, ["volumeId"]))


@functools.cache
def update(version: ApiVersion) -> Schema:
    """Return what a change takes: another volume; from 2.85 on also what the attachment is."""
    wanted: Schema = {"volumeId": UUID}
    if version >= ApiVersion(2, 85):
        wanted |= {
            "device": _DEVICE, "tag": TAG, "delete_on_termination": BOOLEAN, "serverId": UUID,
            "id": UUID,
        }  # fmt: skip
    return body("volumeAttachment", record(wanted, ["volumeId"]))
