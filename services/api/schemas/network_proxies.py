"""Bodies of what compute passes on to network."""

from __future__ import annotations

from services.api.schemas.servers import Schema

_TEXT: Schema = {"type": "string", "maxLength": 255}
_UUID_PATTERN = "^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$"
_ADDRESS: Schema = {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}


def _within(key: str, value: Schema, *, is_open: bool) -> Schema:
    return {
        "type": "object",
        "properties": {key: {"type": "object", **value, "additionalProperties": is_open}},
        "required": [key],
        "additionalProperties": is_open,
    }


GROUP = _within(
    "security_group",
    {"properties": {"name": _TEXT, "description": _TEXT}, "required": ["name", "description"]},
    is_open=True,
)
RULE = _within(
    "security_group_rule",
    {
        "properties": {
            "parent_group_id": {"type": "string", "pattern": _UUID_PATTERN},
            "group_id": {"type": ["string", "null"], "pattern": _UUID_PATTERN},
            "ip_protocol": {"type": ["string", "integer", "null"], "maxLength": 255},
            "from_port": {"type": ["string", "integer", "null"], "maxLength": 255},
            "to_port": {"type": ["string", "integer", "null"], "maxLength": 255},
            "cidr": {"type": ["string", "null"], "maxLength": 255},
        },
        "required": ["parent_group_id"],
    },
    is_open=True,
)
"""Nova looks at these values later, and refuses other types then."""
FLOATING_IP: Schema = {
    "type": ["object", "null"],
    "properties": {"pool": {"type": ["string", "null"]}},
}
ADD_FLOATING_IP = _within(
    "addFloatingIp",
    {"properties": {"address": _ADDRESS, "fixed_address": _ADDRESS}, "required": ["address"]},
    is_open=False,
)
REMOVE_FLOATING_IP = _within(
    "removeFloatingIp", {"properties": {"address": _ADDRESS}, "required": ["address"]},
    is_open=False,
)  # fmt: skip
ADD_FIXED_IP = _within(
    "addFixedIp",
    {
        "properties": {
            "networkId": {"type": ["string", "number"], "minLength": 1, "maxLength": 36}
        },
        "required": ["networkId"],
    },
    is_open=False,
)
REMOVE_FIXED_IP = _within(
    "removeFixedIp", {"properties": {"address": _ADDRESS}, "required": ["address"]},
    is_open=False,
)  # fmt: skip
