"""Networks, subnets and ports."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from devstack_lite.objects.registry import Json, message


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network; mtu in bytes."""

    id: str
    name: str
    project_id: str
    description: str = ""
    admin_state_up: bool = True
    shared: bool = False
    external: bool = False
    port_security_enabled: bool = True
    mtu: int = 1450
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A block of addresses on a network; allocation_pools are {"start", "end"} of addresses."""

    id: str
    network_id: str
    project_id: str
    name: str
    cidr: str
    ip_version: int
    description: str = ""
    gateway_ip: str | None = None
    allocation_pools: tuple[Json, ...] = ()
    dns_nameservers: tuple[str, ...] = ()
    host_routes: tuple[Json, ...] = ()
    enable_dhcp: bool = True
    next_offset: int = 0
    """Where in the pools the search for a free address goes on."""
    subnetpool_id: str | None = None
    """The pool that its block is of, if it is of one."""
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port. fixed_ips: {"subnet_id", "ip_address"}; in a request either may be missing."""

    id: str
    network_id: str
    project_id: str
    name: str = ""
    description: str = ""
    mac_address: str = ""
    admin_state_up: bool = True
    status: str = "DOWN"
    device_id: str = ""
    device_owner: str = ""
    host_id: str = ""
    extra: Json = field(default_factory=dict)
    fixed_ips: tuple[Json, ...] | None = None
    """None in a request: one address of each IP version that the network has."""
    security_groups: tuple[str, ...] | None = None
    """None in a request: the project's default group."""
    network_name: str = ""
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetPool:
    """Blocks of which subnets get theirs; none of two subnets overlap."""

    id: str
    project_id: str
    name: str
    prefixes: tuple[str, ...]
    ip_version: int
    default_prefixlen: int
    min_prefixlen: int
    max_prefixlen: int
    description: str = ""
    shared: bool = False
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None
