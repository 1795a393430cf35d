"""What others know of an instance and its guest may read: its interfaces, groups and volumes."""

from __future__ import annotations

from dataclasses import dataclass

from devstack_lite.objects.network import Subnet
from devstack_lite.objects.registry import message


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class AddressFacts:
    """A fixed address, the subnet that it is of, and the floating IPs that lead to it."""

    address: str
    subnet: Subnet
    floating: tuple[str, ...] = ()


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceFacts:
    """A port of an instance; mtu in bytes."""

    port_id: str
    mac: str
    network_id: str
    mtu: int
    addresses: tuple[AddressFacts, ...] = ()
    tag: str | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeFacts:
    """A volume at an instance; device as the guest calls it, empty when that is not known."""

    volume_id: str
    device: str = ""
    tag: str | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFacts:
    """All of them, interfaces in the order of the instance's own list."""

    availability_zone: str | None = None
    interfaces: tuple[InterfaceFacts, ...] = ()
    security_groups: tuple[str, ...] = ()
    """Names, each once."""
    volumes: tuple[VolumeFacts, ...] = ()
