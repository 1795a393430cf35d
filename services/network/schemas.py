"""Bodies of the network API."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "maxLength": 255}
_FLAG: Schema = {"enum": [True, False, "true", "false", "True", "False", 0, 1]}
_UUID: Schema = {"type": "string", "format": "uuid"}
_ADDRESS: Schema = {"anyOf": [{"type": "string", "format": "ipv4"},
                              {"type": "string", "format": "ipv6"}]}  # fmt: skip

NETWORK: Schema = {
    "name": _TEXT,
    "description": _TEXT,
    "admin_state_up": _FLAG,
    "shared": _FLAG,
    "router:external": _FLAG,
    "port_security_enabled": _FLAG,
    "is_default": _FLAG,
    "mtu": {"type": "integer", "minimum": 68, "maximum": 65535},
    "project_id": _TEXT,
    "tenant_id": _TEXT,
    "availability_zone_hints": {"type": "array"},
}

SUBNET: Schema = {
    "name": _TEXT,
    "description": _TEXT,
    "network_id": _UUID,
    "cidr": {"type": "string", "minLength": 3},
    "ip_version": {"enum": [4, 6, "4", "6"]},
    "gateway_ip": {"anyOf": [_ADDRESS, {"type": "null"}]},
    "allocation_pools": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"start": _ADDRESS, "end": _ADDRESS},
            "required": ["start", "end"],
            "additionalProperties": False,
        },
    },
    "dns_nameservers": {"type": "array", "items": _ADDRESS},
    "host_routes": {"type": "array", "items": {"type": "object"}},
    "enable_dhcp": _FLAG,
    "project_id": _TEXT,
    "tenant_id": _TEXT,
}

PORT: Schema = {
    "network_id": _UUID,
    "name": _TEXT,
    "description": _TEXT,
    "admin_state_up": _FLAG,
    "mac_address": {"type": "string", "pattern": "^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$"},
    "fixed_ips": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"subnet_id": _UUID, "ip_address": _ADDRESS},
            "additionalProperties": False,
        },
    },
    "device_id": _TEXT,
    "device_owner": _TEXT,
    "binding:host_id": {"type": ["string", "null"], "maxLength": 255},
    "binding:vnic_type": _TEXT,
    "binding:profile": {"type": ["object", "null"]},
    "security_groups": {"type": "array", "items": _TEXT},
    "allowed_address_pairs": {"type": "array"},
    "port_security_enabled": _FLAG,
    "extra_dhcp_opts": {"type": ["array", "null"]},
    "project_id": _TEXT,
    "tenant_id": _TEXT,
}


def one(name: str, properties: Schema, *required: str) -> Schema:
    """Return the schema of {name: {…}}."""
    return {
        "type": "object",
        "properties": {name: _thing(properties, required)},
        "required": [name],
        "additionalProperties": False,
    }


def one_or_many(name: str, properties: Schema, *required: str) -> Schema:
    """Return the schema of {name: {…}} or of {names: [{…}, …]}."""
    thing = _thing(properties, required)
    return {
        "type": "object",
        "properties": {
            name: thing,
            f"{name}s": {"type": "array", "items": thing, "minItems": 1},
        },
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }


def _thing(properties: Schema, required: tuple[str, ...]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
