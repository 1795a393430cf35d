"""Networks and subnets."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.network_quotas import require_room
from devstack_lite.db.port_removal import forget_tags
from devstack_lite.db.schema import ip_allocations, networks, ports, subnets
from devstack_lite.db.subnet_pools import require_free
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.network import Network, Subnet
from devstack_lite.objects.registry import Json

_LISTS = ("allocation_pools", "dns_nameservers", "host_routes")


def list_networks(db: Database, *, project_id: str | None = None) -> list[Network]:
    """Return networks, the oldest first; with project_id, those that the project may see."""
    query = sa.select(networks).order_by(networks.c.created_at, networks.c.id)
    if project_id is not None:
        query = query.where(_seen_by(project_id))
    with db.read() as connection:
        return [Network(**row._mapping) for row in connection.execute(query)]


def _seen_by(project_id: str | sa.BindParameter[str]) -> sa.ColumnElement[bool]:
    own = networks.c
    return sa.or_(own.project_id == project_id, own.shared.is_(True), own.external.is_(True))


_NETWORK = sa.select(networks).where(networks.c.id == sa.bindparam("id"))
_SEEN_NETWORK = _NETWORK.where(_seen_by(sa.bindparam("project_id", type_=sa.String)))


def get_network(db: Database, network_id: str, *, project_id: str | None = None) -> Network:
    """Return a network that the project may see. Raises NotFound."""
    query = _NETWORK if project_id is None else _SEEN_NETWORK
    with db.read() as connection:
        row = connection.execute(query, {"id": network_id, "project_id": project_id}).one_or_none()
    if row is None:
        raise NotFound(f"Network {network_id} could not be found.", kind="network")
    return Network(**row._mapping)


def external_network_ids(db: Database) -> set[str]:
    """Return which networks are external."""
    query = sa.select(networks.c.id).where(networks.c.external.is_(True))
    with db.read() as connection:
        return set(connection.execute(query).scalars())


def list_subnets(
    db: Database, *, project_id: str | None = None, subnet_id: str | None = None
) -> list[Subnet]:
    """Return subnets, the oldest first; with project_id, those of networks it may see."""
    query = sa.select(subnets).order_by(subnets.c.created_at, subnets.c.id)
    if subnet_id is not None:
        query = query.where(subnets.c.id == subnet_id)
    if project_id is not None:
        seen = sa.select(networks.c.id).where(_seen_by(project_id))
        query = query.where(subnets.c.network_id.in_(seen))
    with db.read() as connection:
        return [subnet_of(row) for row in connection.execute(query)]


def get_subnet(db: Database, subnet_id: str, *, project_id: str | None = None) -> Subnet:
    """Return a subnet of a network that the project may see. Raises NotFound."""
    found = list_subnets(db, project_id=project_id, subnet_id=subnet_id)
    if not found:
        raise NotFound(f"Subnet {subnet_id} could not be found.", kind="subnet")
    return found[0]


def subnet_ids_of(db: Database, network_id: str | None = None) -> dict[str, list[str]]:
    """Return the ids of subnets by network: of one network, or of all."""
    own = subnets.c
    query = sa.select(own.network_id, own.id).order_by(own.created_at, own.id)
    if network_id is not None:
        query = query.where(own.network_id == network_id)
    found: dict[str, list[str]] = defaultdict(list)
    with db.read() as connection:
        for row in connection.execute(query):
            found[row.network_id].append(row.id)
    return found


def subnet_of(row: Any) -> Subnet:
    """Return the subnet of a row that holds all its columns, perhaps among others."""
    values = {column.name: row._mapping[column] for column in subnets.c}
    for name in _LISTS:
        values[name] = tuple(values[name])
    return Subnet(**values)


def create_networks(db: Database, wanted: list[Network]) -> list[Network]:
    """Record networks, all or none; keyed by id. One transaction. Raises Conflict over quota."""
    now = utcnow()
    made = [replace(network, created_at=now, updated_at=now) for network in wanted]
    ids = [network.id for network in wanted]
    with db.write() as connection:
        there = connection.execute(sa.select(networks).where(networks.c.id.in_(ids))).all()
        if there:
            found = {row.id: Network(**row._mapping) for row in there}
            return [found[network_id] for network_id in ids if network_id in found]
        require_room(connection, "network", [network.project_id for network in made])
        connection.execute(networks.insert(), [asdict(network) for network in made])
    return made


def update_network(db: Database, network_id: str, values: Json) -> Network:
    """Change a network's columns. One transaction. Raises NotFound, Conflict."""
    with db.write() as connection:
        if values.get("external") is False:
            _check_not_left(connection, network_id)
        changed = connection.execute(
            networks.update()
            .where(networks.c.id == network_id)
            .values(updated_at=utcnow(), **values)
        )
        if not changed.rowcount:
            raise NotFound(f"Network {network_id} could not be found.", kind="network")
        row = connection.execute(sa.select(networks).where(networks.c.id == network_id)).one()
        return Network(**row._mapping)


def _check_not_left(connection: Connection, network_id: str) -> None:
    """Raise Conflict while routers or floating IPs need a network to be external."""
    outside = ports.c.device_owner.in_(("network:router_gateway", "network:floatingip"))
    used = sa.select(ports.c.id).where(ports.c.network_id == network_id, outside)
    if connection.execute(used.limit(1)).first():
        raise Conflict(
            f"External network {network_id} cannot be updated to be made non-external, since it"
            " has existing gateway ports.",
            kind="ExternalNetworkInUse",
        )


def delete_network(db: Database, network_id: str) -> None:
    """Remove a network with its subnets. One transaction. Raises NotFound, Conflict."""
    with db.write() as connection:
        _lock_networks(connection, {network_id})
        if connection.execute(
            sa.select(ports.c.id).where(ports.c.network_id == network_id).limit(1)
        ).first():
            raise Conflict(
                f"Unable to complete operation on network {network_id}. There are one or more"
                " ports still in use on the network.",
                kind="network",
            )
        own = sa.select(subnets.c.id).where(subnets.c.network_id == network_id)
        forget_tags(connection, [network_id, *connection.execute(own).scalars()])
        connection.execute(subnets.delete().where(subnets.c.network_id == network_id))
        connection.execute(networks.delete().where(networks.c.id == network_id))


def _lock_networks(connection: Connection, network_ids: set[str]) -> None:
    """Let nobody else add to these networks meanwhile. Raises NotFound when one is gone."""
    query = sa.select(networks.c.id).where(networks.c.id.in_(sorted(network_ids)))
    there = set(connection.execute(query.with_for_update()).scalars())
    for network_id in network_ids - there:
        raise NotFound(f"Network {network_id} could not be found.", kind="network")


def create_subnets(db: Database, wanted: list[Subnet]) -> list[Subnet]:
    """Record subnets, all or none; keyed by id. One transaction.

    Raises NotFound for a network that is gone, Invalid for a block that overlaps another one,
    Conflict for one that another subnet has of its pool.
    """
    now = utcnow()
    made = [replace(subnet, created_at=now, updated_at=now) for subnet in wanted]
    ids = {subnet.id for subnet in wanted}
    with db.write() as connection:
        network_ids = {subnet.network_id for subnet in wanted}
        _lock_networks(connection, network_ids)
        there = connection.execute(
            sa.select(subnets).where(subnets.c.network_id.in_(network_ids))
        ).all()
        if any(row.id in ids for row in there):
            found = {row.id: subnet_of(row) for row in there}
            return [found[subnet.id] for subnet in wanted if subnet.id in found]
        require_room(connection, "subnet", [subnet.project_id for subnet in made])
        require_free(connection, wanted)
        _check_overlaps([*((row.network_id, row.cidr) for row in there)], wanted)
        connection.execute(
            subnets.insert(),
            [
                {**asdict(subnet), **{name: list(getattr(subnet, name)) for name in _LISTS}}
                for subnet in made
            ],
        )
    return made


def _check_overlaps(there: list[tuple[str, str]], wanted: list[Subnet]) -> None:
    blocks = [(network_id, ipaddress.ip_network(cidr)) for network_id, cidr in there]
    for subnet in wanted:
        block = ipaddress.ip_network(subnet.cidr)
        if any(one == subnet.network_id and other.overlaps(block) for one, other in blocks):
            raise Invalid(
                f"Invalid input for operation: Requested subnet with cidr: {subnet.cidr} for"
                f" network: {subnet.network_id} overlaps with another subnet.",
                kind="invalidInput",
            )
        blocks.append((subnet.network_id, block))


def update_subnet(db: Database, subnet_id: str, values: Json) -> Subnet:
    """Change a subnet's columns. One transaction. Raises NotFound."""
    with db.write() as connection:
        changed = connection.execute(
            subnets.update().where(subnets.c.id == subnet_id).values(updated_at=utcnow(), **values)
        )
        if not changed.rowcount:
            raise NotFound(f"Subnet {subnet_id} could not be found.", kind="subnet")
        row = connection.execute(sa.select(subnets).where(subnets.c.id == subnet_id)).one()
        return subnet_of(row)


def delete_subnet(db: Database, subnet_id: str) -> None:
    """Remove a subnet none of whose addresses is held. One transaction. Raises NotFound, Conflict.

    Whoever gives out an address has locked the subnet's row, so that none is given meanwhile.
    """
    with db.write() as connection:
        locked = sa.select(subnets.c.id).where(subnets.c.id == subnet_id).with_for_update()
        if connection.execute(locked).first() is None:
            raise NotFound(f"Subnet {subnet_id} could not be found.", kind="subnet")
        held = ip_allocations.c
        if connection.execute(
            sa.select(held.port_id).where(held.subnet_id == subnet_id).limit(1)
        ).first():
            raise Conflict(
                f"Unable to complete operation on subnet {subnet_id}: One or more ports have an IP"
                " allocation from this subnet.",
                kind="subnet",
            )
        forget_tags(connection, [subnet_id])
        connection.execute(subnets.delete().where(subnets.c.id == subnet_id))
