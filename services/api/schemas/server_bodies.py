"""Bodies of /servers by microversion, on the ground of what v2.1 takes."""

from __future__ import annotations

import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas import block_devices
from services.api.schemas import servers as v2_1
from services.api.schemas.parameters import (
    BOOLEAN,
    CERTIFICATES,
    DESCRIPTION,
    FQDN,
    HOSTNAME,
    NAME_OR_NONE,
    TAGS,
    TEXT,
    USER_DATA,
    Schema,
    body,
    record,
)


def _since(version: ApiVersion, minor: int) -> bool:
    return version >= ApiVersion(2, minor)


def _hostname(version: ApiVersion) -> Schema:
    return FQDN if _since(version, 94) else HOSTNAME


@functools.cache
def create(version: ApiVersion) -> Schema:
    """Return what POST /servers takes."""
    wanted = {
        **v2_1.SERVER,
        "networks": v2_1.networks(
            with_tag=ApiVersion(2, 32) <= version <= ApiVersion(2, 36) or _since(version, 42),
            with_words=_since(version, 37),
        ),
        "block_device_mapping_v2": block_devices.mappings_v2(
            with_tag=version == ApiVersion(2, 32) or _since(version, 42),
            with_volume_type=_since(version, 67),
        ),
    }
    required = ["name", "flavorRef"]
    if _since(version, 37):
        required.append("networks")
    if _since(version, 19):
        wanted["description"] = DESCRIPTION
    if _since(version, 52):
        wanted["tags"] = TAGS
    if _since(version, 57):
        del wanted["personality"]
    if _since(version, 63):
        wanted["trusted_image_certificates"] = CERTIFICATES
    if _since(version, 74):
        wanted |= {"host": FQDN, "hypervisor_hostname": FQDN}
    if _since(version, 90):
        wanted["hostname"] = _hostname(version)
    return record(
        {
            "server": record(wanted, required),
            "os:scheduler_hints": v2_1.HINTS,
            "OS-SCH-HNT:scheduler_hints": v2_1.HINTS,
        },
        ["server"],
    )


@functools.cache
def update(version: ApiVersion) -> Schema:
    """Return what PUT /servers/{id} takes; from 2.104 on the zone that it is pinned to."""
    wanted = dict(v2_1.UPDATE)
    if _since(version, 19):
        wanted["description"] = DESCRIPTION
    if _since(version, 90):
        wanted["hostname"] = _hostname(version)
    if _since(version, 104):
        wanted["pinned_availability_zone"] = NAME_OR_NONE
    return body("server", record(wanted))


@functools.cache
def rebuild(version: ApiVersion) -> Schema:
    """Return what the action rebuild takes."""
    wanted = dict(v2_1.REBUILD)
    if _since(version, 19):
        wanted["description"] = DESCRIPTION
    if _since(version, 54):
        wanted["key_name"] = NAME_OR_NONE
    if _since(version, 57):
        del wanted["personality"]
        wanted["user_data"] = {**USER_DATA, "type": ["string", "null"]}
    if _since(version, 63):
        wanted["trusted_image_certificates"] = CERTIFICATES
    if _since(version, 90):
        wanted["hostname"] = _hostname(version)
    return body("rebuild", record(wanted, ["imageRef"]))


@functools.cache
def evacuate(version: ApiVersion) -> Schema:
    """Return what the action evacuate takes."""
    wanted = dict(v2_1.EVACUATE)
    required = ["onSharedStorage"]
    if _since(version, 14):
        del wanted["onSharedStorage"]
        required = []
    if ApiVersion(2, 29) <= version <= ApiVersion(2, 67):
        wanted["force"] = BOOLEAN
    return body("evacuate", record(wanted, required))


@functools.cache
def lock(version: ApiVersion) -> Schema:
    """Return what the action lock takes: from 2.73 on a reason."""
    reason = {**record({"locked_reason": TEXT}), "type": ["object", "null"]}
    return body("lock", reason if _since(version, 73) else {})


SET_TAGS = body("tags", TAGS)
NO_BODY: Schema = {"type": "null"}
