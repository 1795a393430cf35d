"""Bodies of /servers by microversion, on the ground of what v2.1 takes."""

from __future__ import annotations

import copy
import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas import servers as v2_1
from services.api.schemas.servers import BOOLEAN, NAME, Schema

DESCRIPTION: Schema = {
    "type": ["string", "null"], "maxLength": 255, "pattern": r"^[^\x00-\x1f\x7f-\x9f]*\Z",
}  # fmt: skip
TAG: Schema = {"type": "string", "minLength": 1, "maxLength": 60, "pattern": "^[^,/]*$"}
TAGS: Schema = {"type": "array", "items": TAG, "maxItems": 50, "uniqueItems": True}
HOST: Schema = {
    "type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[a-zA-Z0-9-._]*$",
}  # fmt: skip
HOSTNAME: Schema = {
    "type": "string", "minLength": 2, "maxLength": 63,
    "pattern": r"^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$",
}  # fmt: skip
FULL_HOSTNAME: Schema = {
    "type": "string", "minLength": 2, "maxLength": 255,
    "pattern": r"^([a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+[.]?)+$",
}  # fmt: skip
CERTIFICATES: Schema = {
    "anyOf": [
        {"type": "null"},
        {
            "type": "array", "minItems": 1, "maxItems": 50, "uniqueItems": True,
            "items": {"type": "string", "minLength": 1},
        },
    ]
}  # fmt: skip


def _since(version: ApiVersion, minor: int) -> bool:
    return version >= ApiVersion(2, minor)


def _hostname(version: ApiVersion) -> Schema:
    return FULL_HOSTNAME if _since(version, 94) else HOSTNAME


@functools.cache
def create(version: ApiVersion) -> Schema:
    """Return what POST /servers takes."""
    schema = copy.deepcopy(v2_1.CREATE)
    server = schema["properties"]["server"]
    wanted = server["properties"]
    networks = wanted["networks"]
    if not (ApiVersion(2, 32) <= version <= ApiVersion(2, 36) or _since(version, 42)):
        del networks["oneOf"][0]["items"]["properties"]["tag"]
    devices = wanted["block_device_mapping_v2"]["items"]["properties"]
    if not (version == ApiVersion(2, 32) or _since(version, 42)):
        del devices["tag"]
    if not _since(version, 67):
        del devices["volume_type"]
    if _since(version, 37):
        networks["oneOf"].append({"type": "string", "enum": ["none", "auto"]})
        server["required"].append("networks")
    if _since(version, 19):
        wanted["description"] = DESCRIPTION
    if _since(version, 52):
        wanted["tags"] = TAGS
    if _since(version, 57):
        del wanted["personality"]
    if _since(version, 63):
        wanted["trusted_image_certificates"] = CERTIFICATES
    if _since(version, 74):
        wanted |= {"host": HOST, "hypervisor_hostname": HOST}
    if _since(version, 90):
        wanted["hostname"] = _hostname(version)
    return schema


@functools.cache
def update(version: ApiVersion) -> Schema:
    """Return what PUT /servers/{id} takes; from 2.104 on the zone that it is pinned to."""
    schema = copy.deepcopy(v2_1.UPDATE)
    wanted = schema["properties"]["server"]["properties"]
    wanted["OS-DCF:diskConfig"] = {"type": "string", "enum": ["AUTO", "MANUAL"]}
    if _since(version, 19):
        wanted["description"] = DESCRIPTION
    if _since(version, 90):
        wanted["hostname"] = _hostname(version)
    if _since(version, 104):
        wanted["pinned_availability_zone"] = {"oneOf": [NAME, {"type": "null"}]}
    return schema


@functools.cache
def rebuild(version: ApiVersion) -> Schema:
    """Return what the action rebuild takes."""
    schema = copy.deepcopy(v2_1.REBUILD)
    wanted = schema["properties"]["rebuild"]["properties"]
    if _since(version, 19):
        wanted["description"] = DESCRIPTION
    if _since(version, 54):
        wanted["key_name"] = {"type": ["string", "null"], "minLength": 1, "maxLength": 255}
    if _since(version, 57):
        del wanted["personality"]
        wanted["user_data"] = {"type": ["string", "null"], "maxLength": 65535}
    if _since(version, 63):
        wanted["trusted_image_certificates"] = CERTIFICATES
    if _since(version, 90):
        wanted["hostname"] = _hostname(version)
    return schema


@functools.cache
def evacuate(version: ApiVersion) -> Schema:
    """Return what the action evacuate takes."""
    schema = copy.deepcopy(v2_1.EVACUATE)
    wanted = schema["properties"]["evacuate"]["properties"]
    if _since(version, 14):
        del wanted["onSharedStorage"]
    else:
        schema["properties"]["evacuate"]["required"] = ["onSharedStorage"]
    if ApiVersion(2, 29) <= version <= ApiVersion(2, 67):
        wanted["force"] = BOOLEAN
    return schema


@functools.cache
def lock(version: ApiVersion) -> Schema:
    """Return what the action lock takes: from 2.73 on a reason."""
    reason = {
        "type": "object",
        "properties": {"locked_reason": {"type": "string", "minLength": 1, "maxLength": 255}},
        "additionalProperties": False,
    }
    takes = {"oneOf": [reason, {"type": "null"}]} if _since(version, 73) else {}
    return {"type": "object", "properties": {"lock": takes}, "required": ["lock"]}


SET_TAGS: Schema = {
    "type": "object",
    "properties": {"tags": TAGS},
    "required": ["tags"],
    "additionalProperties": False,
}
