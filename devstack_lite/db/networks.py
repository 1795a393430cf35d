"""Networks and subnets."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict, replace

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import ip_allocations, networks, ports, subnets
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.network import Network, Subnet
from devstack_lite.objects.registry import Json


def list_networks(db: Database, *, project_id: str | None = None) -> list[Network]:
    """Return networks, the oldest first; with project_id, those that the project may see."""
    query = sa.select(networks).order_by(networks.c.created_at, networks.c.id)
    if project_id is not None:
        query = query.where(_seen_by(project_id))
    with db.read() as connection:
        return [Network(**row._mapping) for row in connection.execute(query)]


def _seen_by(project_id: str) -> sa.ColumnElement[bool]:
    own = networks.c
    return sa.or_(own.project_id == project_id, own.shared.is_(True), own.external.is_(True))


def get_network(db: Database, network_id: str, *, project_id: str | None = None) -> Network:
    """Return a network that the project may see. Raises NotFound."""
    query = sa.select(networks).where(networks.c.id == network_id)
    if project_id is not None:
        query = query.where(_seen_by(project_id))
    with db.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"Network {network_id} could not be found.", kind="network")
    return Network(**row._mapping)


def list_subnets(db: Database, *, project_id: str | None = None) -> list[Subnet]:
    """Return subnets, the oldest first; with project_id, those of networks it may see."""
    query = sa.select(subnets).order_by(subnets.c.created_at, subnets.c.id)
    if project_id is not None:
        seen = sa.select(networks.c.id).where(_seen_by(project_id))
        query = query.where(subnets.c.network_id.in_(seen))
    with db.read() as connection:
        return [Subnet(**row._mapping) for row in connection.execute(query)]


def create_networks(db: Database, wanted: list[Network]) -> list[Network]:
    """Record networks, all or none; keyed by id. One transaction."""
    now = utcnow()
    made = [replace(network, created_at=now, updated_at=now) for network in wanted]
    ids = [network.id for network in wanted]
    with db.write() as connection:
        there = connection.execute(sa.select(networks).where(networks.c.id.in_(ids))).all()
        if there:
            return [Network(**row._mapping) for row in there]
        connection.execute(networks.insert(), [asdict(network) for network in made])
    return made


def update_network(db: Database, network_id: str, values: Json) -> Network:
    """Change a network's columns. One transaction. Raises NotFound."""
    with db.write() as connection:
        changed = connection.execute(
            networks.update()
            .where(networks.c.id == network_id)
            .values(updated_at=utcnow(), **values)
        )
        if not changed.rowcount:
            raise NotFound(f"Network {network_id} could not be found.", kind="network")
        row = connection.execute(sa.select(networks).where(networks.c.id == network_id)).one()
        return Network(**row._mapping)


def delete_network(db: Database, network_id: str) -> None:
    """Remove a network with its subnets. One transaction. Raises NotFound, Conflict."""
    with db.write() as connection:
        if connection.execute(
            sa.select(ports.c.id).where(ports.c.network_id == network_id)
        ).first():
            raise Conflict(
                f"Unable to complete operation on network {network_id}. There are one or more"
                " ports still in use on the network.",
                kind="network",
            )
        connection.execute(subnets.delete().where(subnets.c.network_id == network_id))
        if not connection.execute(networks.delete().where(networks.c.id == network_id)).rowcount:
            raise NotFound(f"Network {network_id} could not be found.", kind="network")


def create_subnet(db: Database, wanted: Subnet) -> Subnet:
    """Record a subnet; keyed by id. One transaction.

    Raises NotFound for a network that is gone, Invalid for a block that overlaps another one.
    """
    now = utcnow()
    made = replace(wanted, created_at=now, updated_at=now)
    block = ipaddress.ip_network(wanted.cidr)
    try:
        with db.write() as connection:
            own = subnets.c
            for row in connection.execute(
                sa.select(own.id, own.cidr).where(own.network_id == wanted.network_id)
            ):
                if row.id == wanted.id:
                    return made
                if ipaddress.ip_network(row.cidr).overlaps(block):
                    raise Invalid(
                        f"Invalid input for operation: Requested subnet with cidr: {wanted.cidr}"
                        f" for network: {wanted.network_id} overlaps with another subnet.",
                        kind="invalidInput",
                    )
            values = {**asdict(made), **{
                name: list(getattr(made, name))
                for name in ("allocation_pools", "dns_nameservers", "host_routes")
            }}  # fmt: skip
            connection.execute(subnets.insert().values(values))
    except IntegrityError as error:
        raise NotFound(
            f"Network {wanted.network_id} could not be found.", kind="network"
        ) from error
    return made


def update_subnet(db: Database, subnet_id: str, values: Json) -> Subnet:
    """Change a subnet's columns. One transaction. Raises NotFound."""
    with db.write() as connection:
        changed = connection.execute(
            subnets.update().where(subnets.c.id == subnet_id).values(updated_at=utcnow(), **values)
        )
        if not changed.rowcount:
            raise NotFound(f"Subnet {subnet_id} could not be found.", kind="subnet")
        row = connection.execute(sa.select(subnets).where(subnets.c.id == subnet_id)).one()
        return Subnet(**row._mapping)


def delete_subnet(db: Database, subnet_id: str) -> None:
    """Remove a subnet none of whose addresses is held. One transaction."""
    with db.write() as connection:
        held = ip_allocations.c
        if connection.execute(sa.select(held.port_id).where(held.subnet_id == subnet_id)).first():
            raise Conflict(
                f"Unable to complete operation on subnet {subnet_id}: One or more ports have an IP"
                " allocation from this subnet.",
                kind="subnet",
            )
        if not connection.execute(subnets.delete().where(subnets.c.id == subnet_id)).rowcount:
            raise NotFound(f"Subnet {subnet_id} could not be found.", kind="subnet")
