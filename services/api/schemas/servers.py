"""Bodies and query strings of /servers; Nova's rules for v2.1, in our own words."""

from __future__ import annotations

from typing import Any

from services.api.schemas import block_devices

Schema = dict[str, Any]

NAME: Schema = {
    # Nothing that a log or an XML document could not hold, and no blank at either end.
    "type": "string", "minLength": 1, "maxLength": 255,
    "pattern": r"^(?!\s)[^\x00-\x1f\x7f-\x9f]*(?<!\s)\Z",
}  # fmt: skip
UUID: Schema = {"type": "string", "format": "uuid"}
BOOLEAN: Schema = {
    "enum": [
        True, False, "True", "False", "true", "false", "TRUE", "FALSE", "1", "0", "on", "off",
        "yes", "no", 1, 0,
    ]
}  # fmt: skip


def is_true(value: Any) -> bool:
    """Say what one of BOOLEAN means; None is false."""
    return str(value).lower() in {"true", "1", "on", "yes"}


COUNT: Schema = {
    "oneOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": "^0*[1-9][0-9]{0,8}$"},
    ]
}
METADATA: Schema = {
    "type": "object",
    "patternProperties": {r"^[a-zA-Z0-9-_:. ]{1,255}$": {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
}

_PERSONALITY: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "contents": {"type": "string"}},
        "required": ["path", "contents"],
        "additionalProperties": False,
    },
}

_NETWORKS: Schema = {
    "oneOf": [
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "uuid": UUID,
                    "port": {"oneOf": [UUID, {"type": "null"}]},
                    "fixed_ip": {
                        "anyOf": [
                            {"type": "string", "format": "ipv4"},
                            {"type": "string", "format": "ipv6"},
                        ]
                    },
                    "tag": {"type": "string", "maxLength": 60, "minLength": 1},
                },
                "additionalProperties": False,
            },
        },
    ]
}

_SERVER: Schema = {
    "type": "object",
    "properties": {
        "name": NAME,
        "flavorRef": {
            "anyOf": [{"type": "string", "minLength": 1}, {"type": "integer", "minimum": 0}]
        },
        "imageRef": {"type": "string", "maxLength": 255},
        "adminPass": {"type": "string"},
        "metadata": METADATA,
        "networks": _NETWORKS,
        "OS-DCF:diskConfig": {"type": "string", "enum": ["AUTO", "MANUAL"]},
        "accessIPv4": {"type": "string", "format": "ipv4"},
        "accessIPv6": {"type": "string", "format": "ipv6"},
        "personality": _PERSONALITY,
        "availability_zone": {"type": "string", "minLength": 1, "maxLength": 255},
        "block_device_mapping": block_devices.MAPPINGS,
        "block_device_mapping_v2": block_devices.MAPPINGS_V2,
        "config_drive": BOOLEAN,
        "key_name": {"type": "string", "minLength": 1, "maxLength": 255},
        "min_count": COUNT,
        "max_count": COUNT,
        "return_reservation_id": BOOLEAN,
        "security_groups": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": 255}},
                "additionalProperties": False,
            },
        },
        "user_data": {"type": "string", "maxLength": 65535},
    },
    "required": ["name", "flavorRef"],
    "additionalProperties": False,
}

_HINTS: Schema = {"type": "object"}

CREATE: Schema = {
    "type": "object",
    "properties": {
        "server": _SERVER,
        "os:scheduler_hints": _HINTS,
        "OS-SCH-HNT:scheduler_hints": _HINTS,
    },
    "required": ["server"],
    "additionalProperties": False,
}

UPDATE: Schema = {
    "type": "object",
    "properties": {
        "server": {
            "type": "object",
            "properties": {
                "name": NAME,
                "accessIPv4": {"type": "string", "format": "ipv4"},
                "accessIPv6": {"type": "string", "format": "ipv6"},
            },
            "additionalProperties": False,
        }
    },
    "required": ["server"],
    "additionalProperties": False,
}

REBOOT: Schema = {
    "type": "object",
    "properties": {
        "reboot": {
            "type": "object",
            "properties": {
                "type": {"type": "string", "enum": ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]}
            },
            "required": ["type"],
            "additionalProperties": False,
        }
    },
    "required": ["reboot"],
    "additionalProperties": False,
}

REBUILD: Schema = {
    "type": "object",
    "properties": {
        "rebuild": {
            "type": "object",
            "properties": {
                "imageRef": {"type": "string", "minLength": 1, "maxLength": 255},
                "name": NAME,
                "adminPass": {"type": "string"},
                "metadata": METADATA,
                "preserve_ephemeral": BOOLEAN,
                "OS-DCF:diskConfig": {"type": "string", "enum": ["AUTO", "MANUAL"]},
                "accessIPv4": {"type": "string", "format": "ipv4"},
                "accessIPv6": {"type": "string", "format": "ipv6"},
                "personality": _PERSONALITY,
            },
            "required": ["imageRef"],
            "additionalProperties": False,
        }
    },
    "required": ["rebuild"],
    "additionalProperties": False,
}

EVACUATE: Schema = {
    "type": "object",
    "properties": {
        "evacuate": {
            "type": "object",
            "properties": {
                "host": {"type": "string", "minLength": 1, "maxLength": 255},
                "adminPass": {"type": "string"},
                "onSharedStorage": BOOLEAN,
            },
            "additionalProperties": False,
        }
    },
    "required": ["evacuate"],
    "additionalProperties": False,
}
