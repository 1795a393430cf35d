"""Networks, subnets and ports as the API shows them."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite import clock
from devstack_lite.objects.network import Network, Port, Subnet

Json = dict[str, Any]

_GROUP_IDS = uuid.UUID("c2f5d6f0-7b0f-4a40-9a64-c80c1c2f4f10")


def default_group_id(project_id: str) -> str:
    """Return the id of a project's default security group."""
    return str(uuid.uuid5(_GROUP_IDS, project_id))


def _common(one: Network | Subnet | Port) -> Json:
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "project_id": one.project_id,
        "tenant_id": one.project_id,
        "created_at": clock.to_zulu(one.created_at),
        "updated_at": clock.to_zulu(one.updated_at),
    }


def network(one: Network, subnet_ids: list[str]) -> Json:
    """Return a network with the ids of its subnets."""
    return {
        **_common(one),
        "status": "ACTIVE",
        "admin_state_up": one.admin_state_up,
        "shared": one.shared,
        "router:external": one.external,
        "port_security_enabled": one.port_security_enabled,
        "mtu": one.mtu,
        "subnets": subnet_ids,
        "availability_zones": ["nova"],
        "ipv4_address_scope": None,
        "ipv6_address_scope": None,
    }


def subnet(one: Subnet) -> Json:
    """Return a subnet."""
    return {
        **_common(one),
        "network_id": one.network_id,
        "cidr": one.cidr,
        "ip_version": one.ip_version,
        "gateway_ip": one.gateway_ip,
        "allocation_pools": list(one.allocation_pools),
        "dns_nameservers": list(one.dns_nameservers),
        "host_routes": list(one.host_routes),
        "enable_dhcp": one.enable_dhcp,
        "ipv6_address_mode": None,
        "ipv6_ra_mode": None,
        "subnetpool_id": None,
        "service_types": [],
    }


def port(one: Port, *, is_admin: bool) -> Json:
    """Return a port; where it is bound is for administrators."""
    is_secured = bool(one.extra.get("port_security_enabled", True))
    groups = [default_group_id(one.project_id)] if is_secured else []
    shown = {
        **_common(one),
        "network_id": one.network_id,
        "mac_address": one.mac_address,
        "admin_state_up": one.admin_state_up,
        "status": one.status,
        "device_id": one.device_id,
        "device_owner": one.device_owner,
        "fixed_ips": list(one.fixed_ips or ()),
        "security_groups": one.extra.get("security_groups", groups),
        "port_security_enabled": is_secured,
        "binding:vnic_type": one.extra.get("binding:vnic_type", "normal"),
    }
    if is_admin:
        shown |= {
            "binding:host_id": one.host_id,
            "binding:profile": one.extra.get("binding:profile") or {},
            "binding:vif_type": "ovs" if one.host_id else "unbound",
            "binding:vif_details": {"port_filter": True} if one.host_id else {},
        }
    return shown


def default_group(project_id: str) -> Json:
    """Return a project's default security group: everything may leave, members may enter."""
    group_id = default_group_id(project_id)

    def rule(direction: str, ethertype: str) -> Json:
        return {
            "id": str(uuid.uuid5(_GROUP_IDS, f"{group_id}/{direction}/{ethertype}")),
            "security_group_id": group_id,
            "direction": direction,
            "ethertype": ethertype,
            "protocol": None,
            "port_range_min": None,
            "port_range_max": None,
            "remote_ip_prefix": None,
            "remote_group_id": group_id if direction == "ingress" else None,
            "project_id": project_id,
            "tenant_id": project_id,
            "description": "",
        }

    return {
        "id": group_id,
        "name": "default",
        "description": "Default security group",
        "project_id": project_id,
        "tenant_id": project_id,
        "stateful": True,
        "shared": False,
        "tags": [],
        "security_group_rules": [
            rule(direction, ethertype)
            for direction in ("egress", "ingress")
            for ethertype in ("IPv4", "IPv6")
        ],
    }
