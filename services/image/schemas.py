"""What an image is: its attributes, which of them a user may set, and the documents that say so."""

from __future__ import annotations

from typing import Any

UUID_PATTERN = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
CONTAINER_FORMATS = [None, "ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"]
DISK_FORMATS = [
    None, "ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop",
]  # fmt: skip
VISIBILITIES = ["public", "private", "shared", "community"]
MEMBER_STATUSES = ["pending", "accepted", "rejected"]
MAX_INTEGER = 2**31 - 1

_STRING = {"type": ["null", "string"], "maxLength": 255, "pattern": r"^[^\x00-\x1f\x7f]*\Z"}
_READ_ONLY = {"readOnly": True}
_TIME = {"type": "string", **_READ_ONLY}

ATTRIBUTES: dict[str, Any] = {
    "id": {"type": "string", "pattern": UUID_PATTERN, "description": "An identifier"},
    "name": {**_STRING, "description": "Descriptive name"},
    "status": {"type": "string", **_READ_ONLY, "description": "Status of the image"},
    "visibility": {"type": "string", "enum": VISIBILITIES, "description": "Who may see it"},
    "owner": {**_STRING, "description": "Project that owns the image"},
    "disk_format": {"type": ["null", "string"], "enum": DISK_FORMATS},
    "container_format": {"type": ["null", "string"], "enum": CONTAINER_FORMATS},
    "min_disk": {"type": "integer", "minimum": 0, "maximum": MAX_INTEGER, "description": "GiB"},
    "min_ram": {"type": "integer", "minimum": 0, "maximum": MAX_INTEGER, "description": "MiB"},
    "protected": {"type": "boolean", "description": "Whether deleting it is refused"},
    "os_hidden": {"type": "boolean", "description": "Whether lists leave it out"},
    "tags": {
        "type": "array",
        "items": {"type": "string", "maxLength": 255},
    },
    "size": {"type": ["null", "integer"], **_READ_ONLY, "description": "Bytes of its data"},
    "virtual_size": {"type": ["null", "integer"], **_READ_ONLY},
    "checksum": {"type": ["null", "string"], **_READ_ONLY, "description": "md5 of its data"},
    "os_hash_algo": {"type": ["null", "string"], **_READ_ONLY},
    "os_hash_value": {"type": ["null", "string"], **_READ_ONLY},
    "created_at": _TIME,
    "updated_at": _TIME,
    "self": {"type": "string", **_READ_ONLY},
    "file": {"type": "string", **_READ_ONLY},
    "schema": {"type": "string", **_READ_ONLY},
    "direct_url": {"type": "string", **_READ_ONLY},
}

READ_ONLY = frozenset(name for name, rule in ATTRIBUTES.items() if rule.get("readOnly"))
RESERVED = frozenset({"deleted", "deleted_at", "is_public", "location", "locations"})
SETTABLE = frozenset(ATTRIBUTES) - READ_ONLY - {"id"}

CREATE: dict[str, Any] = {
    "type": "object",
    "properties": ATTRIBUTES,
    "additionalProperties": {"type": "string", "maxLength": 65535},
}

PATCH: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "op": {"enum": ["add", "replace", "remove"]},
            "path": {"type": "string", "pattern": "^/[^/]+$"},
        },
        "required": ["op", "path"],
    },
}

IMPORT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "method": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
        }
    },
    "required": ["method"],
}

MEMBER_CREATE: dict[str, Any] = {
    "type": "object",
    "properties": {"member": {"type": "string", "minLength": 1, "maxLength": 64}},
    "required": ["member"],
}

MEMBER_UPDATE: dict[str, Any] = {
    "type": "object",
    "properties": {"status": {"enum": MEMBER_STATUSES}},
    "required": ["status"],
}

_IMAGE_DOCUMENT = {
    "name": "image",
    "properties": ATTRIBUTES,
    "additionalProperties": {"type": "string"},
    "links": [
        {"rel": "self", "href": "{self}"},
        {"rel": "enclosure", "href": "{file}"},
        {"rel": "describedby", "href": "{schema}"},
    ],
}

_MEMBER_DOCUMENT = {
    "name": "member",
    "properties": {
        "image_id": {"type": "string", "pattern": UUID_PATTERN},
        "member_id": {"type": "string"},
        "status": {"type": "string", "enum": MEMBER_STATUSES},
        "created_at": {"type": "string"},
        "updated_at": {"type": "string"},
        "schema": {"type": "string", "readOnly": True},
    },
}


def _collection(name: str, item: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "properties": {
            name: {"type": "array", "items": item},
            "first": {"type": "string"},
            "next": {"type": "string"},
            "schema": {"type": "string"},
        },
        "links": [
            {"rel": "first", "href": "{first}"},
            {"rel": "next", "href": "{next}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    }


DOCUMENTS: dict[str, dict[str, Any]] = {
    "image": _IMAGE_DOCUMENT,
    "images": _collection("images", _IMAGE_DOCUMENT),
    "member": _MEMBER_DOCUMENT,
    "members": _collection("members", _MEMBER_DOCUMENT),
}
"""What GET /v2/schemas/{name} answers."""
