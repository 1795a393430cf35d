"""MAC addresses of ports: those that are asked for, and random ones that nobody has."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.schema import ports
from devstack_lite.exceptions import Conflict
from devstack_lite.objects.network import Port

BASE_MAC = "fa:16:3e"
"""Neutron's default base_mac."""


def new_macs(connection: Connection, wanted: Sequence[Port]) -> dict[str, str]:
    """Return a MAC address for each port: the one it asks for, or a free one."""
    chosen: dict[str, str] = {}
    used: set[str] = set()
    waiting = [port for port in wanted if not port.mac_address]
    for port in wanted:
        if port.mac_address:
            if port.mac_address in used or macs_there(
                connection, port.network_id, [port.mac_address]
            ):
                raise mac_in_use(port.network_id, port.mac_address)
            chosen[port.id] = port.mac_address
            used.add(port.mac_address)
    while waiting:
        for port in waiting:
            chosen[port.id] = random_mac()
        taken: set[str] = set()
        for network_id in {port.network_id for port in waiting}:
            own = [chosen[port.id] for port in waiting if port.network_id == network_id]
            taken |= macs_there(connection, network_id, own)
        clashing = []
        for port in waiting:
            if chosen[port.id] in taken | used:
                clashing.append(port)
            else:
                used.add(chosen[port.id])
        waiting = clashing
    return chosen


def random_mac() -> str:
    """Return an address of Neutron's range; whether a port has it is not known."""
    return ":".join((BASE_MAC, *(f"{byte:02x}" for byte in secrets.token_bytes(3))))


def macs_there(connection: Connection, network_id: str, macs: Sequence[str]) -> set[str]:
    """Return those of these addresses that ports of a network have."""
    own = ports.c
    query = sa.select(own.mac_address).where(
        own.network_id == network_id, own.mac_address.in_(macs)
    )
    return set(connection.execute(query).scalars())


def mac_in_use(network_id: str, mac_address: str) -> Conflict:
    """Return the error that says that another port has the address, in Neutron's words."""
    return Conflict(
        f"Unable to complete operation for network {network_id}. The mac address {mac_address} is"
        " in use.",
        kind="macAddress",
    )
