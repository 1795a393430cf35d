"""Ports, and the addresses they hold."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from devstack_lite.clock import utcnow
from devstack_lite.db.addresses import allocate, hold
from devstack_lite.db.collisions import retried
from devstack_lite.db.engine import Database
from devstack_lite.db.mac_addresses import mac_in_use, macs_there, new_macs, random_mac
from devstack_lite.db.moves import holder_of
from devstack_lite.db.network_quotas import require_room
from devstack_lite.db.port_groups import (
    change_groups,
    groups_of,
    lock_groups_of,
    put_in_groups,
    wanted_groups,
)
from devstack_lite.db.port_removal import release_floating_ips, remove_ports
from devstack_lite.db.schema import instances, ip_allocations, networks, ports, subnets
from devstack_lite.db.schema_network import floating_ips, network_quotas
from devstack_lite.db.shown_addresses import instance_with, show_addresses
from devstack_lite.db.statements import one_of
from devstack_lite.exceptions import Conflict, NotFound
from devstack_lite.objects.network import Port
from devstack_lite.objects.registry import Json

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


def get_ports_in(connection: Connection, port_ids: Sequence[str]) -> list[Port]:
    """Return those of these ports that are there, as a transaction sees them."""
    rows = connection.execute(_with_network().where(ports.c.id.in_(port_ids))).all()
    return _with_addresses(connection, rows)


def _with_network() -> sa.Select[Any]:
    return sa.select(ports, networks.c.name.label("network_name")).join_from(ports, networks)


def _with_addresses(connection: Connection, rows: Sequence[Any]) -> list[Port]:
    held: dict[str, list[Json]] = defaultdict(list)
    own = ip_allocations.c
    groups: dict[str, list[str]] = {}
    ids = [row.id for row in rows]
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        groups |= groups_of(connection, some)
        for row in connection.execute(sa.select(ip_allocations).where(own.port_id.in_(some))):
            held[row.port_id].append({"subnet_id": row.subnet_id, "ip_address": row.ip_address})
    for fixed_ips in held.values():
        fixed_ips.sort(key=lambda fixed: ":" in fixed["ip_address"])
    return [
        Port(
            **row._mapping,
            fixed_ips=tuple(held[row.id]),
            security_groups=tuple(groups.get(row.id, ())),
        )
        for row in rows
    ]


def create_ports(db: Database, wanted: Sequence[Port]) -> list[Port]:
    """Record ports with addresses of their own, all or none. One transaction.

    Delivered twice: the ports that are there are returned, without further addresses, and are moved
    to the host that asks now, if their instance is there. Raises NotFound for a network that is
    gone, Invalid and Conflict for addresses that cannot be had, Conflict for an id that is another
    project's or device's.
    """
    try:
        with db.write() as connection:
            made = _make_new(connection, wanted)
    except IntegrityError:
        made = None
    return made or retried(db, lambda connection: make_ports(connection, wanted))


def _make_new(connection: Connection, wanted: Sequence[Port]) -> list[Port] | None:
    """Record ports of new instances with few statements; what could be wrong, the keys refuse.

    None, or IntegrityError: it takes make_ports, which finds out why.
    """
    hosts = {port.device_id: port.host_id for port in wanted}
    if len({(port.device_id, port.host_id) for port in wanted}) > len(hosts):
        return None
    if not all(port.device_id and port.host_id and not port.mac_address for port in wanted):
        return None
    names: dict[str, str] = {}
    by_network: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(
        _SUBNETS_WITH_NETWORK, {"network_ids": [port.network_id for port in wanted]}
    ):
        names[row.network_id] = row.network_name
        by_network[row.network_id].append(row)
    if any(port.network_id not in names for port in wanted):
        return None
    found = connection.execute(
        _HOLDERS,
        {"uuids": list(hosts), "project_ids": [port.project_id for port in wanted]},
    ).all()
    if any(row.is_limited for row in found) or {row.uuid for row in found} != hosts.keys():
        return None
    _check_holders(found, hosts)
    macs = {port.id: random_mac() for port in wanted}
    return _record(connection, wanted, names, macs, allocate(connection, wanted, by_network))


_SUBNETS_WITH_NETWORK = (
    sa.select(
        subnets,
        sa.select(networks.c.name)
        .where(networks.c.id == subnets.c.network_id)
        .scalar_subquery()
        .label("network_name"),
    )
    .where(one_of(subnets.c.network_id, "network_ids"))
    .order_by(subnets.c.created_at, subnets.c.id)
    .with_for_update()
)
_HOLDERS = sa.select(
    instances.c.uuid, instances.c.host, instances.c.operation, instances.c.deleted_at,
    sa.exists()
    .where(
        one_of(network_quotas.c.project_id, "project_ids"),
        network_quotas.c.resource == "port",
        network_quotas.c.most >= 0,
    )
    .label("is_limited"),
).where(one_of(instances.c.uuid))  # fmt: skip


def make_ports(connection: Connection, wanted: Sequence[Port]) -> list[Port]:
    """Record ports as create_ports does, in the caller's transaction."""
    # Locks first, networks before subnets: what is read below then holds.
    nets = _lock_networks(connection, wanted)
    by_network = _lock_subnets(connection, list(nets))
    ids = [port.id for port in wanted]
    found = {port.id: port for port in get_ports_in(connection, ids)}
    moved = [
        _same(port, found[port.id], now=utcnow()) for port in wanted if port.id in found
    ]  # fmt: skip
    leaving = [port for port in moved if port != found[port.id]]
    missing = [port for port in wanted if port.id not in found]
    bound = [port for port in (*leaving, *missing) if port.device_id and port.host_id]
    for host_id in sorted({port.host_id for port in bound}):
        here = [port for port in bound if port.host_id == host_id]
        _check_fence(connection, dict.fromkeys((port.device_id for port in here), host_id))
    if leaving:
        _move(connection, leaving)
    made = _insert(connection, missing, nets, by_network)
    by_id = {port.id: port for port in (*moved, *made)}
    return [by_id[port_id] for port_id in ids]


def _same(wanted: Port, found: Port, *, now: datetime.datetime) -> Port:
    """Return a port that is there as it will be. Raises Conflict when it is not the one wanted."""
    key = ("project_id", "network_id", "device_id")
    if any(getattr(wanted, name) != getattr(found, name) for name in key):
        raise Conflict(f"Port {wanted.id} is still in use.", kind="port")
    if wanted.host_id == found.host_id:
        return found
    return replace(found, host_id=wanted.host_id, status=wanted.status, updated_at=now)


def _check_fence(connection: Connection, hosts: Mapping[str, str]) -> None:
    """Let only the host that has an instance now bind its ports. hosts: host by instance.

    Who built it in an earlier attempt, and wakes up, would take them away from the one who builds
    it now, or make some for an instance that is gone. Raises Conflict.
    """
    if hosts:
        own = instances.c
        query = sa.select(own.uuid, own.host, own.operation, own.deleted_at)
        _check_holders(connection.execute(query.where(own.uuid.in_(list(hosts)))), hosts)


def _check_holders(rows: Iterable[Any], hosts: Mapping[str, str]) -> None:
    for row in rows:
        if row.deleted_at is not None:
            raise Conflict(f"Instance {row.uuid} is gone: it gets no ports.", kind="port")
        if holder_of(row) != hosts[row.uuid]:
            raise Conflict(
                f"Instance {row.uuid} is not on {hosts[row.uuid]}: its ports stay.", kind="port"
            )


def _move(connection: Connection, moved: Sequence[Port]) -> None:
    if moved:
        names = ("host_id", "status", "updated_at")
        connection.execute(
            ports.update()
            .where(ports.c.id == sa.bindparam("port_id"))
            .values({name: sa.bindparam(f"new_{name}") for name in names}),
            [
                {"port_id": port.id, **{f"new_{name}": getattr(port, name) for name in names}}
                for port in moved
            ],
        )


def _insert(
    connection: Connection,
    wanted: Sequence[Port],
    nets: Mapping[str, Any],
    by_network: Mapping[str, Sequence[Any]],
) -> list[Port]:
    if not wanted:
        return []
    require_room(connection, "port", [port.project_id for port in wanted if port.project_id])
    macs = new_macs(connection, wanted)
    addresses = allocate(connection, wanted, by_network)
    names = {network_id: net.name for network_id, net in nets.items()}
    lock_groups_of(connection, wanted)
    return _record(connection, wanted, names, macs, addresses)


def _record(
    connection: Connection,
    wanted: Sequence[Port],
    network_names: Mapping[str, str],
    macs: Mapping[str, str],
    addresses: Mapping[str, Sequence[Json]],
) -> list[Port]:
    now = utcnow()
    groups = wanted_groups(wanted)
    made = [
        replace(
            port, mac_address=macs[port.id], fixed_ips=tuple(addresses[port.id]),
            network_name=network_names[port.network_id], security_groups=groups[port.id],
            created_at=now, updated_at=now,
        )
        for port in wanted
    ]  # fmt: skip
    connection.execute(_INSERT, [{name: getattr(port, name) for name in _COLUMNS} for port in made])
    hold(connection, addresses)
    put_in_groups(connection, groups)
    return made


_INSERT = ports.insert()


def _lock_networks(connection: Connection, wanted: Sequence[Port]) -> dict[str, Any]:
    """Return the ports' networks, which then cannot be deleted. Raises NotFound."""
    ids = {port.network_id for port in wanted}
    query = sa.select(networks).where(networks.c.id.in_(ids)).order_by(networks.c.id)
    found = {row.id: row for row in connection.execute(query.with_for_update(read=True))}
    for network_id in ids - found.keys():
        raise NotFound(f"Network {network_id} could not be found.", kind="network")
    return found


def _lock_subnets(connection: Connection, network_ids: Sequence[str]) -> dict[str, list[Any]]:
    """Return each network's subnets, the oldest first; nobody else then gives out addresses."""
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


def update_port(db: Database, port_id: str, values: Json, *, holder: str | None = None) -> Port:
    """Change columns of a port, and its addresses and groups when they are among values.

    `extra` is merged into what is there. Addresses that the port keeps stay its own; a fixed IP
    that names only a subnet keeps the one it has there. holder: the device that alone may hold the
    port now, and that must be on the host which binds it; None lets any. One transaction. Raises
    NotFound, Invalid, Conflict.
    """
    return retried(db, lambda connection: _update(connection, port_id, values, holder))


def _update(connection: Connection, port_id: str, values: Json, holder: str | None) -> Port:
    # The instance before the port, as everywhere: two that wait for each other never end.
    instance = instance_with(connection, port_id) if "fixed_ips" in values else None
    row = connection.execute(
        sa.select(ports).where(ports.c.id == port_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound(f"Port {port_id} could not be found.", kind="port")
    if holder is not None and row.device_id not in {"", holder}:
        raise Conflict(f"Port {port_id} is still in use.", kind="port")
    if holder is not None and values.get("host_id"):
        _check_fence(connection, {holder: values["host_id"]})
    changed = {name: values[name] for name in _COLUMNS if name in values}
    mac = changed.get("mac_address", row.mac_address)
    if mac != row.mac_address and macs_there(connection, row.network_id, [mac]):
        raise mac_in_use(row.network_id, mac)
    if "extra" in values:
        changed["extra"] = {**row.extra, **values["extra"]}
    connection.execute(
        ports.update().where(ports.c.id == port_id).values(updated_at=utcnow(), **changed)
    )
    if "fixed_ips" in values:
        port = _with_addresses(connection, [row])[0]
        port = replace(port, fixed_ips=_kept(port, values["fixed_ips"]))
        connection.execute(ip_allocations.delete().where(ip_allocations.c.port_id == port_id))
        by_network = _lock_subnets(connection, [row.network_id])
        addresses = allocate(connection, [port], by_network)
        hold(connection, addresses)
        _release_others(connection, port_id, addresses[port_id])
        if instance is not None:
            show_addresses(connection, instance, port_id, addresses[port_id])
    if "security_groups" in values:
        change_groups(connection, port_id, values["security_groups"], project_id=row.project_id)
    return get_ports_in(connection, [port_id])[0]


def _release_others(connection: Connection, port_id: str, held: Sequence[Json]) -> None:
    """Have floating IPs of addresses that a port no longer has stand for nothing."""
    own = floating_ips.c
    kept = [fixed["ip_address"] for fixed in held]
    release_floating_ips(
        connection, sa.and_(own.port_id == port_id, own.fixed_address.not_in(kept))
    )


def _kept(port: Port, wanted: Sequence[Json]) -> tuple[Json, ...]:
    """Return wanted with the address that the port has on a subnet, where no other was named."""
    named = {fixed.get("ip_address") for fixed in wanted}
    free = [fixed for fixed in port.fixed_ips or () if fixed["ip_address"] not in named]
    kept = []
    for fixed in wanted:
        own = next((one for one in free if one["subnet_id"] == fixed.get("subnet_id")), None)
        if own is not None and fixed.get("ip_address") is None:
            free.remove(own)
            kept.append(own)
        else:
            kept.append(fixed)
    return tuple(kept)


def delete_port(db: Database, port_id: str) -> bool:
    """Remove a port and free its addresses; False when it was gone already. One transaction."""
    with db.write() as connection:
        return bool(remove_ports(connection, [port_id]))


def delete_ports(db: Database, port_ids: Sequence[str]) -> None:
    """Remove many ports, all or none. One transaction. Raises NotFound when one is gone."""
    with db.write() as connection:
        if remove_ports(connection, port_ids) < len(port_ids):
            raise NotFound("one of the ports could not be found", kind="port")
