"""The disks of a boot request, in the older and the newer form."""

from __future__ import annotations

from services.api.schemas.parameters import BOOLEAN, SIZE, TAG, UUID, Schema, record

_TEXT: Schema = {"type": "string", "maxLength": 255}

_BOTH: Schema = {
    "virtual_name": _TEXT,
    "volume_id": UUID,
    "snapshot_id": UUID,
    "volume_size": SIZE,
    "device_name": {
        "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9._/-]*$",
    },
    "delete_on_termination": BOOLEAN,
    "no_device": {},
    "connection_info": {"type": "string", "maxLength": 16777215},
}  # fmt: skip
_NEWER: Schema = {
    **_BOTH,
    "source_type": {"type": "string", "enum": ["volume", "image", "snapshot", "blank"]},
    "uuid": {
        "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9._-]*$",
    },
    "image_id": UUID,
    "destination_type": {"type": "string", "enum": ["local", "volume"]},
    "guest_format": _TEXT,
    "device_type": _TEXT,
    "disk_bus": _TEXT,
    "boot_index": {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$"},
}  # fmt: skip

MAPPINGS: Schema = {"type": "array", "items": record(_BOTH)}


def mappings_v2(*, with_tag: bool, with_volume_type: bool) -> Schema:
    """Return what block_device_mapping_v2 takes."""
    more: Schema = {"tag": TAG} if with_tag else {}
    if with_volume_type:
        more["volume_type"] = {"type": ["string", "null"], "minLength": 0, "maxLength": 255}
    return {"type": "array", "items": record({**_NEWER, **more})}


_OF_IMAGES = mappings_v2(with_tag=True, with_volume_type=True)["items"]
IMAGE_MAPPINGS: Schema = {
    "type": "array",
    "items": {**_OF_IMAGES, "required": ["uuid"], "additionalProperties": True},
}
"""In an image's property, which may also hold what else Nova's database keeps of a mapping."""
