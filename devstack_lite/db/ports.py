"""Ports, and the addresses they hold."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db.addresses import take_given, take_next
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import ip_allocations, networks, ports, subnets
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.network import Port
from devstack_lite.objects.registry import Json

BASE_MAC = "fa:16:3e"
"""Neutron's default base_mac."""

_COLUMNS = (
    "id", "network_id", "project_id", "name", "description", "mac_address", "admin_state_up",
    "status", "device_id", "device_owner", "host_id", "extra", "created_at", "updated_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PortFilter:
    """Which ports a list holds: columns with any of their values, an address, a project's view."""

    columns: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    addresses: tuple[str, ...] = ()
    subnet_ids: tuple[str, ...] = ()
    project_id: str | None = None


def list_ports(db: Database, wanted: PortFilter) -> list[Port]:
    """Return ports with their addresses, the oldest first."""
    query = _with_network().order_by(ports.c.created_at, ports.c.id)
    for name, values in wanted.columns:
        query = query.where(ports.c[name].in_(values))
    if wanted.project_id is not None:
        query = query.where(ports.c.project_id == wanted.project_id)
    held = ip_allocations.c
    if wanted.addresses:
        having = sa.select(held.port_id).where(held.ip_address.in_(wanted.addresses))
        query = query.where(ports.c.id.in_(having))
    if wanted.subnet_ids:
        having = sa.select(held.port_id).where(held.subnet_id.in_(wanted.subnet_ids))
        query = query.where(ports.c.id.in_(having))
    with db.read() as connection:
        return _with_addresses(connection, connection.execute(query).all())


def get_port(db: Database, port_id: str, *, project_id: str | None = None) -> Port:
    """Return one port, of project_id when given. Raises NotFound."""
    wanted = PortFilter(columns=(("id", (port_id,)),), project_id=project_id)
    found = list_ports(db, wanted)
    if not found:
        raise NotFound(f"Port {port_id} could not be found.", kind="port")
    return found[0]


def _with_network() -> sa.Select[Any]:
    return sa.select(ports, networks.c.name.label("network_name")).join_from(ports, networks)


def _with_addresses(connection: Connection, rows: Sequence[Any]) -> list[Port]:
    held: dict[str, list[Json]] = defaultdict(list)
    own = ip_allocations.c
    ids = [row.id for row in rows]
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        for row in connection.execute(sa.select(ip_allocations).where(own.port_id.in_(some))):
            held[row.port_id].append({"subnet_id": row.subnet_id, "ip_address": row.ip_address})
    return [Port(**row._mapping, fixed_ips=tuple(held[row.id])) for row in rows]


def create_ports(db: Database, wanted: Sequence[Port]) -> list[Port]:
    """Record ports with addresses of their own, all or none. One transaction.

    Delivered twice: the ports that are there are returned. Raises NotFound for a network that is
    gone, Invalid and Conflict for addresses that cannot be had.
    """
    ids = [port.id for port in wanted]
    with db.write() as connection:
        there = connection.execute(_with_network().where(ports.c.id.in_(ids))).all()
        if there:
            return _with_addresses(connection, there)
        nets = _networks_of(connection, wanted)
        pools = _subnets_of(connection, list(nets))
        macs = _new_macs(connection, wanted)
        now = utcnow()
        addresses = _allocate(connection, wanted, pools)
        made = [
            replace(
                port, mac_address=macs[port.id], fixed_ips=tuple(addresses[port.id]),
                network_name=nets[port.network_id].name, created_at=now, updated_at=now,
            )
            for port in wanted
        ]  # fmt: skip
        connection.execute(
            ports.insert(), [{name: getattr(port, name) for name in _COLUMNS} for port in made]
        )
        _hold(connection, addresses)
    return made


def _networks_of(connection: Connection, wanted: Sequence[Port]) -> dict[str, Any]:
    ids = {port.network_id for port in wanted}
    found = {
        row.id: row for row in connection.execute(sa.select(networks).where(networks.c.id.in_(ids)))
    }
    for network_id in ids - found.keys():
        raise NotFound(f"Network {network_id} could not be found.", kind="network")
    return found


def _subnets_of(connection: Connection, network_ids: Sequence[str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    query = (
        sa.select(subnets)
        .where(subnets.c.network_id.in_(network_ids))
        .order_by(subnets.c.created_at, subnets.c.id)
        .with_for_update()
    )
    for row in connection.execute(query):
        found[row.network_id].append(row)
    return found


def _new_macs(connection: Connection, wanted: Sequence[Port]) -> dict[str, str]:
    """Return a MAC address for each port: the one it asks for, or a free one."""
    chosen: dict[str, str] = {}
    used: set[str] = set()
    waiting = [port for port in wanted if not port.mac_address]
    for port in wanted:
        if port.mac_address:
            if _macs_there(connection, port.network_id, [port.mac_address]):
                raise Conflict(
                    f"Unable to complete operation for network {port.network_id}. The mac address"
                    f" {port.mac_address} is in use.",
                    kind="macAddress",
                )
            chosen[port.id] = port.mac_address
    while waiting:
        for port in waiting:
            chosen[port.id] = _random_mac()
        taken: set[str] = set()
        for network_id in {port.network_id for port in waiting}:
            own = [chosen[port.id] for port in waiting if port.network_id == network_id]
            taken |= _macs_there(connection, network_id, own)
        clashing = []
        for port in waiting:
            if chosen[port.id] in taken | used:
                clashing.append(port)
            else:
                used.add(chosen[port.id])
        waiting = clashing
    return chosen


def _random_mac() -> str:
    return ":".join((BASE_MAC, *(f"{byte:02x}" for byte in secrets.token_bytes(3))))


def _macs_there(connection: Connection, network_id: str, macs: Sequence[str]) -> set[str]:
    own = ports.c
    query = sa.select(own.mac_address).where(
        own.network_id == network_id, own.mac_address.in_(macs)
    )
    return set(connection.execute(query).scalars())


def _allocate(
    connection: Connection, wanted: Sequence[Port], pools: dict[str, list[Any]]
) -> dict[str, list[Json]]:
    """Return the addresses of each port; those that were asked for go first."""
    held: dict[str, list[Json]] = {port.id: [] for port in wanted}
    given: dict[str, set[str]] = defaultdict(set)
    automatic: dict[str, list[str]] = defaultdict(list)
    by_id = {subnet.id: subnet for found in pools.values() for subnet in found}
    for port in wanted:
        found = pools.get(port.network_id, [])
        if port.fixed_ips is None:
            versions = {subnet.ip_version: subnet for subnet in reversed(found)}
            for subnet in versions.values():
                automatic[subnet.id].append(port.id)
            continue
        for fixed in port.fixed_ips:
            subnet, address = _asked(connection, found, fixed, port.network_id)
            if address is None:
                automatic[subnet.id].append(port.id)
            elif address in given[subnet.id]:
                raise Conflict(f"IP address {address} already allocated in subnet {subnet.id}",
                               kind="ipAddressAlreadyAllocated")  # fmt: skip
            else:
                given[subnet.id].add(address)
                held[port.id].append({"subnet_id": subnet.id, "ip_address": address})
    for subnet_id, port_ids in automatic.items():
        free = take_next(connection, by_id[subnet_id], len(port_ids), given[subnet_id])
        for port_id, address in zip(port_ids, free, strict=True):
            held[port_id].append({"subnet_id": subnet_id, "ip_address": address})
    return held


def _asked(
    connection: Connection, found: Sequence[Any], fixed: Json, network_id: str
) -> tuple[Any, str | None]:
    """Return the subnet that a fixed IP names, and the address if it names one."""
    import ipaddress

    address = fixed.get("ip_address")
    for subnet in found:
        if fixed.get("subnet_id") not in {None, subnet.id}:
            continue
        if address is None:
            return subnet, None
        try:
            is_inside = ipaddress.ip_address(address) in ipaddress.ip_network(subnet.cidr)
        except ValueError as error:
            raise Invalid(f"'{address}' is not a valid IP address.") from error
        if is_inside:
            return subnet, take_given(connection, subnet, address)
    raise Invalid(
        f"IP address {address or ''} is not a valid IP for any of the subnets on network"
        f" {network_id}.",
        kind="invalidIpForNetwork",
    )


def _hold(connection: Connection, addresses: dict[str, list[Json]]) -> None:
    rows = [{"port_id": port_id, **fixed} for port_id, held in addresses.items() for fixed in held]
    if rows:
        connection.execute(ip_allocations.insert(), rows)


def update_port(db: Database, port_id: str, values: Json) -> Port:
    """Change columns of a port, and its addresses when `fixed_ips` is among values.

    Addresses that it keeps stay its own. One transaction. Raises NotFound, Invalid, Conflict.
    """
    changed = {name: values[name] for name in _COLUMNS if name in values}
    with db.write() as connection:
        row = connection.execute(
            _with_network().where(ports.c.id == port_id).with_for_update()
        ).one_or_none()
        if row is None:
            raise NotFound(f"Port {port_id} could not be found.", kind="port")
        connection.execute(
            ports.update().where(ports.c.id == port_id).values(updated_at=utcnow(), **changed)
        )
        if "fixed_ips" in values:
            connection.execute(ip_allocations.delete().where(ip_allocations.c.port_id == port_id))
            pools = _subnets_of(connection, [row.network_id])
            port = Port(**row._mapping, fixed_ips=tuple(values["fixed_ips"] or ()))
            _hold(connection, _allocate(connection, [port], pools))
        changed_row = connection.execute(_with_network().where(ports.c.id == port_id)).one()
        return _with_addresses(connection, [changed_row])[0]


def delete_port(db: Database, port_id: str) -> bool:
    """Remove a port and free its addresses; False when it was gone already. One transaction."""
    with db.write() as connection:
        connection.execute(ip_allocations.delete().where(ip_allocations.c.port_id == port_id))
        return bool(connection.execute(ports.delete().where(ports.c.id == port_id)).rowcount)
