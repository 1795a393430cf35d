"""Routers and floating IPs."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from devstack_lite.objects.registry import Json, message


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The way out of a router: addresses of it on an external network.

    fixed_ips: {"subnet_id", "ip_address"}; in a request either may be missing, and None is any.
    """

    network_id: str
    enable_snat: bool = True
    fixed_ips: tuple[Json, ...] | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """A router; routes are {"destination", "nexthop"}."""

    id: str
    project_id: str
    name: str = ""
    description: str = ""
    admin_state_up: bool = True
    gateway: Gateway | None = None
    routes: tuple[Json, ...] = ()
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class FloatingIp:
    """An address of an external network that stands for a port's fixed address.

    address, in a request: the one wanted, else empty; subnet_id: in a request, where it shall come
    from. floating_port_id: the port that holds it on the external network.
    """

    id: str
    project_id: str
    network_id: str
    description: str = ""
    address: str = ""
    subnet_id: str | None = None
    floating_port_id: str = ""
    port_id: str | None = None
    fixed_address: str | None = None
    router_id: str | None = None
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None
