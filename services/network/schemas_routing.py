"""Bodies for routers and floating IPs."""

from __future__ import annotations

from services.network.schemas import ADDRESS, FLAG, TEXT, UUID, Schema, without_owner

GATEWAY: Schema = {
    "anyOf": [
        {"type": "null"},
        {"type": "object", "maxProperties": 0},
        {
            "type": "object",
            "properties": {
                "network_id": UUID,
                "enable_snat": FLAG,
                "external_fixed_ips": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"subnet_id": UUID, "ip_address": ADDRESS},
                        "additionalProperties": False,
                    },
                },
            },
            "required": ["network_id"],
            "additionalProperties": False,
        },
    ]
}

ROUTER: Schema = {
    "name": TEXT,
    "description": TEXT,
    "admin_state_up": FLAG,
    "external_gateway_info": GATEWAY,
    "routes": {
        "type": "array",
        "maxItems": 30,
        "items": {
            "type": "object",
            "properties": {"destination": {"type": "string", "maxLength": 64}, "nexthop": ADDRESS},
            "required": ["destination", "nexthop"],
            "additionalProperties": False,
        },
    },
    "project_id": TEXT,
    "tenant_id": TEXT,
}
ROUTES: Schema = {"routes": ROUTER["routes"]}
ROUTER_CHANGE = without_owner(ROUTER)

INTERFACE: Schema = {
    "type": "object",
    "properties": {"subnet_id": UUID, "port_id": UUID},
    "additionalProperties": False,
}

FLOATING_IP: Schema = {
    "floating_network_id": UUID,
    "floating_ip_address": ADDRESS,
    "subnet_id": {"anyOf": [UUID, {"type": "null"}]},
    "port_id": {"anyOf": [UUID, {"type": "null"}]},
    "fixed_ip_address": {"anyOf": [ADDRESS, {"type": "null"}]},
    "description": TEXT,
    "project_id": TEXT,
    "tenant_id": TEXT,
}
FLOATING_IP_CHANGE: Schema = {
    name: FLOATING_IP[name] for name in ("port_id", "fixed_ip_address", "description")
}
