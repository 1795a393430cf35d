"""Bodies of /servers; Nova's rules for v2.1, in our own words."""

from __future__ import annotations

from services.api.schemas import block_devices
from services.api.schemas.parameters import (
    BOOLEAN,
    DISK_CONFIG,
    FLAVOR_REF,
    FQDN,
    IP_ADDRESS,
    IPV4,
    IPV6,
    METADATA,
    NAME,
    PASSWORD,
    PERSONALITY,
    POSITIVE_INTEGER,
    TAG,
    USER_DATA,
    UUID,
    Schema,
    body,
    record,
)

_IMAGE: Schema = {"oneOf": [UUID, {"type": "string", "maxLength": 0}]}
_UUIDS: Schema = {"type": "array", "items": UUID}
HINTS: Schema = {
    "type": "object",
    "properties": {
        "group": {"oneOf": [_UUIDS, UUID]},
        "different_host": {"oneOf": [UUID, _UUIDS]},
        "same_host": {"type": ["string", "array"], "items": UUID},
        "query": {"type": ["string", "object"]},
        "target_cell": NAME,
        "different_cell": {"type": ["string", "array"], "items": {"type": "string"}},
        "build_near_host_ip": IP_ADDRESS,
        "cidr": {"type": "string", "pattern": "^/[0-9a-f.:]+$"},
    },
    "additionalProperties": True,
}
"""What other hints say is for the filters to judge."""

SERVER: Schema = {
    "name": NAME,
    "imageRef": _IMAGE,
    "flavorRef": FLAVOR_REF,
    "adminPass": PASSWORD,
    "metadata": METADATA,
    "networks": {},
    "OS-DCF:diskConfig": DISK_CONFIG,
    "accessIPv4": IPV4,
    "accessIPv6": IPV6,
    "personality": PERSONALITY,
    "availability_zone": NAME,
    "block_device_mapping": block_devices.MAPPINGS,
    "block_device_mapping_v2": {},
    "config_drive": BOOLEAN,
    "key_name": NAME,
    "min_count": POSITIVE_INTEGER,
    "max_count": POSITIVE_INTEGER,
    "return_reservation_id": BOOLEAN,
    "security_groups": {"type": "array", "items": record({"name": NAME})},
    "user_data": USER_DATA,
}
"""Attributes of a server to be made; networks and newer mappings are the version's to say."""


def networks(*, with_tag: bool, with_words: bool) -> Schema:
    """Return what a boot's networks are: a list, or a word where there are words for it."""
    port: Schema = {"type": ["string", "null"], "format": "uuid"}
    one: Schema = {"fixed_ip": IP_ADDRESS, "port": port, "uuid": UUID}
    if not with_words:
        # Some ask for `br-<uuid>`, as the first version let them.
        one["uuid"] = {"type": "string"}
    if with_tag:
        one["tag"] = TAG
    some: Schema = {"type": "array", "items": record(one)}
    return {"oneOf": [some, {"type": "string", "enum": ["none", "auto"]}]} if with_words else some


UPDATE: Schema = {
    "name": NAME, "OS-DCF:diskConfig": DISK_CONFIG, "accessIPv4": IPV4, "accessIPv6": IPV6,
}  # fmt: skip
REBUILD: Schema = {
    "name": NAME,
    "imageRef": UUID,
    "adminPass": PASSWORD,
    "metadata": METADATA,
    "preserve_ephemeral": BOOLEAN,
    "OS-DCF:diskConfig": DISK_CONFIG,
    "accessIPv4": IPV4,
    "accessIPv6": IPV6,
    "personality": PERSONALITY,
}
EVACUATE: Schema = {"host": FQDN, "onSharedStorage": BOOLEAN, "adminPass": PASSWORD}

REBOOT = body(
    "reboot",
    record(
        {"type": {"type": "string", "enum": ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]}},
        ["type"],
    ),
)
