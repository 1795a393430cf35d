"""Bodies of the network API."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {  # PostgreSQL keeps no NUL
    "type": "string",
    "maxLength": 255,
    "pattern": "^[^\\x00]*$",
}
_MAC: Schema = {  # as in Neutron neither nobody's nor everybody's
    "type": "string",
    "pattern": "^(?!(00:){5}00)(?!([fF]{2}:){5}[fF]{2})([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$",
    "maxLength": 17,
}
FLAG: Schema = {"enum": [True, False, "true", "false", "True", "False", 0, 1]}
UUID: Schema = {"type": "string", "format": "uuid"}
ADDRESS: Schema = {"anyOf": [{"type": "string", "format": "ipv4"},
                              {"type": "string", "format": "ipv6"}]}  # fmt: skip

NETWORK: Schema = {
    "name": TEXT,
    "description": TEXT,
    "admin_state_up": FLAG,
    "shared": FLAG,
    "router:external": FLAG,
    "port_security_enabled": FLAG,
    "mtu": {  # the openstack client sends a string
        "type": ["integer", "string"],
        "minimum": 68,
        "maximum": 65535,
        "pattern": "^(6[89]|[7-9][0-9]|[1-9][0-9]{2,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}"
        "|655[0-2][0-9]|6553[0-5])$",
    },
    "project_id": TEXT,
    "tenant_id": TEXT,
}

_LENGTH: Schema = {
    "type": ["integer", "string"], "minimum": 0, "maximum": 128, "pattern": "^[0-9]{1,3}$",
}  # fmt: skip

SUBNET: Schema = {
    "subnetpool_id": {"anyOf": [UUID, {"type": "null"}]},
    "prefixlen": _LENGTH,
    "name": TEXT,
    "description": TEXT,
    "network_id": UUID,
    "cidr": {"type": "string", "minLength": 3, "maxLength": 64},
    "ip_version": {"enum": [4, 6, "4", "6"]},
    "gateway_ip": {"anyOf": [ADDRESS, {"type": "null"}]},
    "allocation_pools": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"start": ADDRESS, "end": ADDRESS},
            "required": ["start", "end"],
            "additionalProperties": False,
        },
    },
    "dns_nameservers": {"type": "array", "items": ADDRESS},
    "host_routes": {
        "type": "array",
        "maxItems": 20,
        "items": {
            "type": "object",
            "properties": {
                "destination": {"type": "string", "maxLength": 64},
                "nexthop": ADDRESS,
            },
            "required": ["destination", "nexthop"],
            "additionalProperties": False,
        },
    },
    "enable_dhcp": FLAG,
    "project_id": TEXT,
    "tenant_id": TEXT,
}

SUBNET_POOL: Schema = {
    "name": TEXT,
    "description": TEXT,
    "prefixes": {
        "type": "array",
        "items": {"type": "string", "maxLength": 64},
        "minItems": 1,
        "maxItems": 100,
    },
    "default_prefixlen": _LENGTH,
    "min_prefixlen": _LENGTH,
    "max_prefixlen": _LENGTH,
    "shared": FLAG,
    # Neither address scopes nor quotas or defaults of pools are here.
    "address_scope_id": {"type": "null"},
    "default_quota": {"type": "null"},
    "is_default": {"enum": [False, "false", "False", 0]},
    "project_id": TEXT,
    "tenant_id": TEXT,
}

PORT: Schema = {
    "network_id": UUID,
    "name": TEXT,
    "description": TEXT,
    "admin_state_up": FLAG,
    "mac_address": _MAC,
    "fixed_ips": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"subnet_id": UUID, "ip_address": ADDRESS},
            "additionalProperties": False,
        },
    },
    "device_id": TEXT,
    "device_owner": TEXT,
    "binding:host_id": {**TEXT, "type": ["string", "null"]},
    "binding:vnic_type": TEXT,
    "binding:profile": {"type": ["object", "null"]},
    "security_groups": {"type": ["array", "null"], "items": TEXT},
    "port_security_enabled": FLAG,
    "allowed_address_pairs": {
        "type": ["array", "null"],
        "maxItems": 10,  # Neutron's default max_allowed_address_pair
        "uniqueItems": True,
        "items": {
            "type": "object",
            "properties": {
                "ip_address": {
                    "type": "string",
                    "maxLength": 64,
                    "pattern": "^[0-9a-fA-F:.]+(/[0-9]{1,3})?$",
                },
                "mac_address": _MAC,
            },
            "required": ["ip_address"],
            "additionalProperties": False,
        },
    },
    "project_id": TEXT,
    "tenant_id": TEXT,
}


_OWNER = frozenset({"project_id", "tenant_id"})


def without_owner(properties: Schema, *fixed: str) -> Schema:
    """Return what of properties can be changed: neither the owner, nor those named."""
    return {key: value for key, value in properties.items() if key not in _OWNER | set(fixed)}


NETWORK_CHANGE = without_owner(NETWORK)
SUBNET_CHANGE = without_owner(
    SUBNET, "network_id", "cidr", "ip_version", "subnetpool_id", "prefixlen"
)
SUBNET_POOL_CHANGE = without_owner(SUBNET_POOL, "shared")
PORT_CHANGE = without_owner(PORT, "network_id")


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
