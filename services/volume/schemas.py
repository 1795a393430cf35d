"""JSON schemas of the volume API's bodies."""

from __future__ import annotations

from typing import Any

MAX_SIZE_GB = 2**31 - 1
UUID = {
    "type": "string",
    "pattern": "^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$",
}
TEXT = {"type": ["string", "null"], "maxLength": 255, "pattern": r"^[^\x00-\x1f\x7f]*\Z"}
_TRUTHS = [True, False, "true", "false", "True", "False"]
BOOLEAN = {"enum": _TRUTHS}
METADATA = {
    "type": "object",
    "propertyNames": {"minLength": 1, "maxLength": 255},
    "additionalProperties": {"type": "string", "maxLength": 255},
}
NULLABLE_METADATA = {**METADATA, "type": ["object", "null"]}


def one(name: str, rule: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a body that holds one thing under its name."""
    return {"type": "object", "properties": {name: rule}, "required": [name]}


CREATE = one(
    "volume",
    {
        "type": "object",
        "properties": {
            "name": TEXT,
            "display_name": TEXT,
            "description": TEXT,
            "display_description": TEXT,
            "size": {"type": ["integer", "string", "null"], "pattern": "^[0-9]+$", "maxLength": 10},
            "volume_type": TEXT,
            "availability_zone": TEXT,
            "imageRef": TEXT,
            "source_volid": TEXT,
            "snapshot_id": TEXT,
            "backup_id": TEXT,
            "group_id": TEXT,
            "consistencygroup_id": TEXT,
            "multiattach": {"enum": [*_TRUTHS, None]},
            "metadata": NULLABLE_METADATA,
        },
    },
)  # fmt: skip

UPDATE = one(
    "volume",
    {
        "type": "object",
        "properties": {
            "name": TEXT,
            "display_name": TEXT,
            "description": TEXT,
            "display_description": TEXT,
            "metadata": NULLABLE_METADATA,
        },
        "minProperties": 1,
    },
)

SET_METADATA = one("metadata", METADATA)
SET_META = one("meta", {**METADATA, "minProperties": 1, "maxProperties": 1})

_CONNECTOR = {"type": ["object", "null"]}
_MODE = {"type": "string", "enum": ["rw", "ro"]}

ATTACHMENT_CREATE = one(
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

ATTACHMENT_UPDATE = one(
    "attachment",
    {
        "type": "object",
        "properties": {"connector": {"type": "object", "minProperties": 1}},
        "required": ["connector"],
    },
)

ATTACH = one(
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
DETACH = one("os-detach", _DETACH)
FORCE_DETACH = one("os-force_detach", _DETACH)

_CONNECT = {
    "type": "object",
    "properties": {"connector": _CONNECTOR},
    "required": ["connector"],
}
INITIALIZE_CONNECTION = one("os-initialize_connection", _CONNECT)
TERMINATE_CONNECTION = one("os-terminate_connection", _CONNECT)

EXTEND = one(
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

SET_BOOTABLE = one(
    "os-set_bootable",
    {"type": "object", "properties": {"bootable": BOOLEAN}, "required": ["bootable"]},
)

SET_READONLY = one(
    "os-update_readonly_flag",
    {"type": "object", "properties": {"readonly": BOOLEAN}, "required": ["readonly"]},
)

RESET_STATUS = one(
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

SET_IMAGE_METADATA = one(
    "os-set_image_metadata",
    {"type": "object", "properties": {"metadata": METADATA}, "required": ["metadata"]},
)

UNSET_IMAGE_METADATA = one(
    "os-unset_image_metadata",
    {
        "type": "object",
        "properties": {"key": {"type": "string", "minLength": 1, "maxLength": 255}},
        "required": ["key"],
    },
)

REVERT = one(
    "revert",
    {"type": "object", "properties": {"snapshot_id": UUID}, "required": ["snapshot_id"]},
)

RETYPE = one(
    "os-retype",
    {
        "type": "object",
        "properties": {
            "new_type": {"type": "string", "minLength": 1, "maxLength": 255},
            "migration_policy": {"enum": ["on-demand", "never", None]},
        },
        "required": ["new_type"],
    },
)

_QUOTAS = {
    "type": "object",
    "properties": {"tenant_id": TEXT, "project_id": TEXT, "id": TEXT, "force": BOOLEAN,
                   "class_name": TEXT},
    "additionalProperties": {
        "type": ["integer", "string"],
        "minimum": -1,
        "maximum": MAX_SIZE_GB,
        "pattern": "^(-1|[0-9]+)$",
        "maxLength": 9,
    },
}  # fmt: skip
QUOTA_SET = one("quota_set", {**_QUOTAS, "minProperties": 1})
QUOTA_CLASS_SET = one("quota_class_set", {**_QUOTAS, "minProperties": 1})

UPLOAD_IMAGE = one(
    "os-volume_upload_image",
    {
        "type": "object",
        "properties": {
            "image_name": {"type": "string", "minLength": 1, "maxLength": 255},
            "force": BOOLEAN,
            "disk_format": {
                "enum": ["raw", "vmdk", "vdi", "qcow2", "vhd", "vhdx", "ploop", None],
            },
            "container_format": TEXT,
            "visibility": {"enum": ["community", "public", "private", "shared"]},
            "protected": BOOLEAN,
        },
        "required": ["image_name"],
    },
)

REIMAGE = one(
    "os-reimage",
    {
        "type": "object",
        "properties": {"image_id": UUID, "reimage_reserved": BOOLEAN},
        "required": ["image_id"],
        "additionalProperties": False,
    },
)

TRANSFER_CREATE = one(
    "transfer",
    {
        "type": "object",
        "properties": {"volume_id": UUID, "name": TEXT, "no_snapshots": BOOLEAN},
        "required": ["volume_id"],
    },
)

TRANSFER_ACCEPT = one(
    "accept",
    {
        "type": "object",
        "properties": {"auth_key": {"type": "string", "minLength": 1, "maxLength": 255}},
        "required": ["auth_key"],
    },
)
