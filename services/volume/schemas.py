"""JSON schemas of the volume API's bodies."""

from __future__ import annotations

from typing import Any

MAX_SIZE_GB = 2**31 - 1
UUID = {
    "type": "string",
    "pattern": "^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$",
}
_TEXT = {"type": ["string", "null"], "maxLength": 255, "pattern": r"^[^\x00-\x1f\x7f]*\Z"}
_TRUTHS = [True, False, "true", "false", "True", "False"]
_BOOLEAN = {"enum": _TRUTHS}
METADATA = {
    "type": "object",
    "propertyNames": {"minLength": 1, "maxLength": 255},
    "additionalProperties": {"type": "string", "maxLength": 255},
}
_NULLABLE_METADATA = {**METADATA, "type": ["object", "null"]}


def _one(name: str, rule: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: rule}, "required": [name]}


CREATE = _one(
    "volume",
    {
        "type": "object",
        "properties": {
            "name": _TEXT,
            "display_name": _TEXT,
            "description": _TEXT,
            "display_description": _TEXT,
            "size": {"type": ["integer", "string", "null"], "pattern": "^[0-9]+$", "maxLength": 10},
            "volume_type": _TEXT,
            "availability_zone": _TEXT,
            "imageRef": _TEXT,
            "source_volid": _TEXT,
            "snapshot_id": _TEXT,
            "backup_id": _TEXT,
            "group_id": _TEXT,
            "consistencygroup_id": _TEXT,
            "multiattach": {"enum": [*_TRUTHS, None]},
            "metadata": _NULLABLE_METADATA,
        },
    },
)  # fmt: skip

UPDATE = _one(
    "volume",
    {
        "type": "object",
        "properties": {
            "name": _TEXT,
            "display_name": _TEXT,
            "description": _TEXT,
            "display_description": _TEXT,
            "metadata": _NULLABLE_METADATA,
        },
        "minProperties": 1,
    },
)

SET_METADATA = _one("metadata", METADATA)
SET_META = _one("meta", {**METADATA, "minProperties": 1, "maxProperties": 1})

_CONNECTOR = {"type": ["object", "null"]}
_MODE = {"type": "string", "enum": ["rw", "ro"]}

ATTACHMENT_CREATE = _one(
    "attachment",
    {
        "type": "object",
        "properties": {
            "volume_uuid": UUID,
            "instance_uuid": UUID,
            "connector": _CONNECTOR,
            "mode": {**_MODE, "type": ["string", "null"], "enum": ["rw", "ro", None]},
        },
        "required": ["volume_uuid"],
    },
)

ATTACHMENT_UPDATE = _one(
    "attachment",
    {
        "type": "object",
        "properties": {"connector": {"type": "object", "minProperties": 1}},
        "required": ["connector"],
    },
)

ATTACH = _one(
    "os-attach",
    {
        "type": "object",
        "properties": {
            "instance_uuid": UUID,
            "mountpoint": {"type": "string", "minLength": 1, "maxLength": 255},
            "host_name": {"type": "string", "maxLength": 255},
            "mode": _MODE,
        },
        "required": ["mountpoint"],
        "anyOf": [{"required": ["instance_uuid"]}, {"required": ["host_name"]}],
    },
)

_DETACH = {
    "type": ["object", "null"],
    "properties": {"attachment_id": {"type": ["string", "null"], "maxLength": 64}},
}
DETACH = _one("os-detach", _DETACH)
FORCE_DETACH = _one("os-force_detach", _DETACH)

_CONNECT = {
    "type": "object",
    "properties": {"connector": _CONNECTOR},
    "required": ["connector"],
}
INITIALIZE_CONNECTION = _one("os-initialize_connection", _CONNECT)
TERMINATE_CONNECTION = _one("os-terminate_connection", _CONNECT)

EXTEND = _one(
    "os-extend",
    {
        "type": "object",
        "properties": {
            "new_size": {
                "type": ["integer", "string"],
                "minimum": 1,
                "maximum": MAX_SIZE_GB,
                "pattern": "^[0-9]+$",
                "maxLength": 10,
            }
        },
        "required": ["new_size"],
    },
)

SET_BOOTABLE = _one(
    "os-set_bootable",
    {"type": "object", "properties": {"bootable": _BOOLEAN}, "required": ["bootable"]},
)

SET_READONLY = _one(
    "os-update_readonly_flag",
    {"type": "object", "properties": {"readonly": _BOOLEAN}, "required": ["readonly"]},
)

RESET_STATUS = _one(
    "os-reset_status",
    {
        "type": "object",
        "properties": {
            "status": {
                "enum": [
                    "creating", "available", "reserved", "attaching", "in-use", "detaching",
                    "deleting", "error", "error_deleting", "error_managing", "error_restoring",
                    "error_extending", "maintenance",
                ]
            }
        },
        "required": ["status"],
    },
)  # fmt: skip

SET_IMAGE_METADATA = _one(
    "os-set_image_metadata",
    {"type": "object", "properties": {"metadata": METADATA}, "required": ["metadata"]},
)

UNSET_IMAGE_METADATA = _one(
    "os-unset_image_metadata",
    {
        "type": "object",
        "properties": {"key": {"type": "string", "minLength": 1, "maxLength": 255}},
        "required": ["key"],
    },
)
