"""Networks, subnets and ports as the API shows them."""

from __future__ import annotations

from typing import Any

from devstack_lite import clock
from devstack_lite.objects.network import Network, Port, Subnet, SubnetPool

Json = dict[str, Any]


def common(one: Any) -> Json:
    """Return what every resource shows."""
    return {
        "id": one.id,
        "description": one.description,
        "project_id": one.project_id,
        "tenant_id": one.project_id,
        "created_at": clock.to_zulu(one.created_at),
        "updated_at": clock.to_zulu(one.updated_at),
        "tags": [],
    }


def network(one: Network, subnet_ids: list[str]) -> Json:
    """Return a network with the ids of its subnets."""
    return {
        **common(one),
        "name": one.name,
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


def subnet(one: Subnet, *, external: bool) -> Json:
    """Return a subnet; external: whether its network is."""
    return {
        **common(one),
        "name": one.name,
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
        "subnetpool_id": one.subnetpool_id,
        "service_types": [],
        "router:external": external,
    }


def subnet_pool(one: SubnetPool) -> Json:
    """Return a subnet pool."""
    return {
        **common(one),
        "name": one.name,
        "prefixes": list(one.prefixes),
        "ip_version": one.ip_version,
        "default_prefixlen": one.default_prefixlen,
        "min_prefixlen": one.min_prefixlen,
        "max_prefixlen": one.max_prefixlen,
        "shared": one.shared,
        "is_default": False,
        "default_quota": None,
        "address_scope_id": None,
    }


def port(one: Port, *, is_admin: bool) -> Json:
    """Return a port; where it is bound is for administrators."""
    pairs = one.extra.get("allowed_address_pairs", ())
    shown = {
        **common(one),
        "name": one.name,
        "network_id": one.network_id,
        "mac_address": one.mac_address,
        "admin_state_up": one.admin_state_up,
        "status": one.status,
        "device_id": one.device_id,
        "device_owner": one.device_owner,
        "fixed_ips": list(one.fixed_ips or ()),
        "security_groups": list(one.security_groups or ()),
        "port_security_enabled": bool(one.extra.get("port_security_enabled", True)),
        "allowed_address_pairs": [{"mac_address": one.mac_address, **pair} for pair in pairs],
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
