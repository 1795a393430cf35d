"""Subnet pools, and that what subnets take of one does not overlap."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import subnets
from devstack_lite.db.schema_network import subnetpools
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.network import Subnet, SubnetPool
from devstack_lite.objects.registry import Json


def list_pools(db: Database, *, project_id: str | None = None) -> list[SubnetPool]:
    """Return pools, the oldest first; with project_id, those that the project may see."""
    with db.read() as connection:
        query = _seen_by(project_id).order_by(subnetpools.c.created_at, subnetpools.c.id)
        return [_pool(row) for row in connection.execute(query)]


def get_pool(db: Database, pool_id: str, *, project_id: str | None = None) -> SubnetPool:
    """Return a pool that the project may see. Raises NotFound."""
    with db.read() as connection:
        query = _seen_by(project_id).where(subnetpools.c.id == pool_id)
        row = connection.execute(query).one_or_none()
    if row is None:
        raise _missing(pool_id)
    return _pool(row)


def _seen_by(project_id: str | None) -> sa.Select[Any]:
    own = subnetpools.c
    query = sa.select(subnetpools)
    if project_id is None:
        return query
    return query.where(sa.or_(own.project_id == project_id, own.shared.is_(True)))


def _missing(pool_id: str) -> NotFound:
    return NotFound(f"Subnet pool {pool_id} could not be found.", kind="subnetpool")


def _pool(row: Any) -> SubnetPool:
    values = dict(row._mapping)
    values["prefixes"] = tuple(values["prefixes"])
    return SubnetPool(**values)


def taken_of(db: Database, pool_id: str) -> list[str]:
    """Return the blocks that subnets have of a pool."""
    with db.read() as connection:
        query = sa.select(subnets.c.cidr).where(subnets.c.subnetpool_id == pool_id)
        return list(connection.execute(query).scalars())


def create_pool(db: Database, pool: SubnetPool) -> SubnetPool:
    """Record a pool; keyed by id. One transaction."""
    now = utcnow()
    made = replace(pool, created_at=now, updated_at=now)
    with db.write() as connection:
        query = sa.select(subnetpools).where(subnetpools.c.id == pool.id)
        there = connection.execute(query).one_or_none()
        if there is not None:
            return _pool(there)
        values = {**asdict(made), "prefixes": list(made.prefixes)}
        connection.execute(subnetpools.insert().values(values))
    return made


def update_pool(db: Database, pool_id: str, values: Json) -> SubnetPool:
    """Change a pool's columns. One transaction. Raises NotFound."""
    with db.write() as connection:
        _lock(connection, pool_id)
        connection.execute(
            subnetpools.update()
            .where(subnetpools.c.id == pool_id)
            .values(updated_at=utcnow(), **values)
        )
        query = sa.select(subnetpools).where(subnetpools.c.id == pool_id)
        return _pool(connection.execute(query).one())


def delete_pool(db: Database, pool_id: str) -> None:
    """Remove a pool of which no subnet has anything. One transaction. Raises NotFound, Invalid."""
    with db.write() as connection:
        _lock(connection, pool_id)
        used = sa.select(subnets.c.id).where(subnets.c.subnetpool_id == pool_id).limit(1)
        if connection.execute(used).first() is not None:
            raise Invalid(
                "Unable to delete subnet pool: Subnet pool has existing allocations.",
                kind="SubnetPoolDeleteError",
            )
        connection.execute(subnetpools.delete().where(subnetpools.c.id == pool_id))


def _lock(connection: Connection, pool_id: str) -> None:
    query = sa.select(subnetpools.c.id).where(subnetpools.c.id == pool_id).with_for_update()
    if connection.execute(query).first() is None:
        raise _missing(pool_id)


def require_free(connection: Connection, wanted: Sequence[Subnet]) -> None:
    """Raise Conflict when a block that a subnet takes of its pool is another's by now.

    In the caller's transaction, which holds the pools from here on. Raises NotFound.
    """
    for pool_id in sorted({one.subnetpool_id for one in wanted if one.subnetpool_id}):
        _lock(connection, pool_id)
        held = connection.execute(
            sa.select(subnets.c.cidr).where(subnets.c.subnetpool_id == pool_id)
        )
        taken = [ipaddress.ip_network(cidr) for cidr in held.scalars()]
        for subnet in (one for one in wanted if one.subnetpool_id == pool_id):
            block = ipaddress.ip_network(subnet.cidr)
            if any(block.version == one.version and block.overlaps(one) for one in taken):
                raise Conflict(
                    f"Failed to allocate subnet: {subnet.cidr} of the pool {pool_id} is taken.",
                    kind="SubnetAllocationError",
                )
            taken.append(block)
