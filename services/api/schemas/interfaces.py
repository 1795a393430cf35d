"""Bodies of /servers/{id}/os-interface."""

from __future__ import annotations

import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.parameters import IP_ADDRESS, TAG, UUID, Schema, record

_ADDRESSES: Schema = {
    "type": "array", "minItems": 1, "maxItems": 1,
    "items": record({"ip_address": IP_ADDRESS}, ["ip_address"]),
}  # fmt: skip


@functools.cache
def create(version: ApiVersion) -> Schema:
    """Return what POST /servers/{id}/os-interface takes: from 2.49 on a tag."""
    wanted: Schema = {"net_id": UUID, "port_id": UUID, "fixed_ips": _ADDRESSES}
    if version >= ApiVersion(2, 49):
        wanted["tag"] = TAG
    return record({"interfaceAttachment": record(wanted)})
