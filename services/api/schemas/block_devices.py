"""The disks of a boot request, in the older and the newer form."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_BOOLEAN: Schema = {
    "enum": [
        True, False, "True", "False", "true", "false", "TRUE", "FALSE", "1", "0", "on", "off",
        "yes", "no",
    ]
}  # fmt: skip
_SIZE: Schema = {
    "type": ["integer", "string", "null"],
    "pattern": r"^[0-9]*\Z",
    "minimum": 0,
    "maximum": 2**31 - 1,
    "maxLength": 9,
}
_TEXT: Schema = {"type": "string", "maxLength": 255, "pattern": r"^[^\x00\ud800-\udfff]*\Z"}
"""What every database can look for: no NUL, no half of a character."""
_ID: Schema = {**_TEXT, "type": ["string", "null"]}

_BOTH: Schema = {
    "device_name": {
        "type": ["string", "null"],
        "maxLength": 255,
        "pattern": r"^[a-zA-Z0-9._\-/]*\Z",
    },
    "volume_size": _SIZE,
    "delete_on_termination": _BOOLEAN,
    "no_device": {},
}

MAPPINGS: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {**_BOTH, "volume_id": _ID, "snapshot_id": _ID, "virtual_name": _ID},
        "additionalProperties": False,
    },
}

MAPPINGS_V2: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            **_BOTH,
            "source_type": {"type": "string", "enum": ["volume", "image", "snapshot", "blank"]},
            "uuid": {**_TEXT, "minLength": 1},
            "destination_type": {"type": ["string", "null"], "enum": ["local", "volume", None]},
            "boot_index": {
                "type": ["integer", "string", "null"],
                "pattern": r"^(-?[0-9]+)?\Z",
                "maxLength": 4,
            },
            "guest_format": _ID,
            "device_type": _ID,
            "disk_bus": _ID,
            "tag": {"type": ["string", "null"], "minLength": 1, "maxLength": 60},
            "volume_type": _ID,
        },
        "additionalProperties": False,
    },
}

IMAGE_MAPPINGS: Schema = {
    **MAPPINGS_V2,
    "items": {**MAPPINGS_V2["items"], "required": ["uuid"], "additionalProperties": True},
}
"""In an image's property, which may also hold what else Nova's database keeps of a mapping."""
