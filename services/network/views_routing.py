"""Routers and floating IPs as the API shows them."""

from __future__ import annotations

from typing import Any

from devstack_lite.objects.network import Port
from devstack_lite.objects.routing import FloatingIp, Router
from services.network.views import common

Json = dict[str, Any]


def router(one: Router) -> Json:
    """Return a router."""
    gateway = one.gateway
    return {
        **common(one),
        "name": one.name,
        "status": "ACTIVE",
        "admin_state_up": one.admin_state_up,
        "routes": list(one.routes),
        "availability_zones": ["nova"],
        "external_gateway_info": gateway
        and {
            "network_id": gateway.network_id,
            "enable_snat": gateway.enable_snat,
            "external_fixed_ips": list(gateway.fixed_ips or ()),
        },
    }


def floating_ip(one: FloatingIp, port: Port | None) -> Json:
    """Return a floating IP, with what is to be known of the port that it stands for."""
    details = port and {
        "name": port.name,
        "network_id": port.network_id,
        "mac_address": port.mac_address,
        "admin_state_up": port.admin_state_up,
        "status": port.status,
        "device_id": port.device_id,
        "device_owner": port.device_owner,
    }
    return {
        **common(one),
        "status": "ACTIVE" if one.port_id else "DOWN",
        "floating_network_id": one.network_id,
        "floating_ip_address": one.address,
        "port_id": one.port_id,
        "fixed_ip_address": one.fixed_address,
        "router_id": one.router_id,
        "port_details": details,
    }
