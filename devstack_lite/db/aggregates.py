"""Aggregates: hosts that are grouped, and what the group says of them.

A zone is an aggregate's metadata. What a host's zone is stands in its service's and its nodes'
rows, too, where everybody reads it; each function here leaves the two in agreement.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from devstack_lite.clock import utcnow
from devstack_lite.db.claims import next_version
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import (
    aggregate_hosts,
    aggregates,
    compute_nodes,
    counters,
    instances,
    services,
)
from devstack_lite.exceptions import Conflict, NotFound
from devstack_lite.objects.compute import Aggregate
from devstack_lite.objects.registry import Json

DEFAULT_ZONE = "nova"
ZONE = "availability_zone"
VERSION = "aggregate_version"


def list_aggregates(db: Database) -> list[Aggregate]:
    """Return all aggregates by id, each with its hosts by name."""
    with db.read() as connection:
        return read_all(connection)


def get_aggregate(db: Database, aggregate_id: int) -> Aggregate:
    """Return one. Raises NotFound."""
    with db.read() as connection:
        return _get(connection, aggregate_id)


def read_version(connection: Connection) -> int:
    """Return a number that grows with each change of any aggregate."""
    return int(connection.execute(_VERSION).scalar() or 0)


_VERSION = sa.select(counters.c.value).where(counters.c.name == VERSION)


def create_aggregate(db: Database, *, aggregate: Aggregate) -> Aggregate:
    """Record an aggregate without hosts. Delivered twice (the same uuid): the one that is there.

    One transaction. Raises Conflict when the name is taken.
    """
    try:
        with db.write() as connection:
            connection.execute(
                aggregates.insert().values(
                    uuid=aggregate.uuid, name=aggregate.name, metadata=dict(aggregate.metadata),
                    created_at=utcnow(),
                )
            )  # fmt: skip
            _note_change(connection)
    except IntegrityError as error:
        with db.read() as connection:
            there = _found(connection, aggregates.c.uuid == aggregate.uuid)
        if not there:
            raise _name_taken(aggregate.name) from error
        return there[0]
    with db.read() as connection:
        return _found(connection, aggregates.c.uuid == aggregate.uuid)[0]


def update_aggregate(
    db: Database, *, aggregate_id: int, name: str | None = None, metadata: Json | None = None
) -> Aggregate:
    """Rename it; merge metadata into its own, where None removes a key. One transaction.

    Raises NotFound; Conflict when the name is taken, or when another zone would come to hosts that
    have instances or are in another zone already.
    """
    try:
        with db.write() as connection:
            known = _get(connection, aggregate_id)
            merged = {**known.metadata, **(metadata or {})}
            merged = {key: value for key, value in merged.items() if value is not None}
            if merged.get(ZONE) != known.availability_zone:
                _check_zone(connection, known, known.hosts, merged.get(ZONE))
            connection.execute(
                aggregates.update()
                .where(aggregates.c.id == aggregate_id)
                .values(name=name or known.name, metadata=merged, updated_at=utcnow())
            )
            _settle_zones(connection, known.hosts)
            _note_change(connection)
            return _get(connection, aggregate_id)
    except IntegrityError as error:
        raise _name_taken(str(name)) from error


def delete_aggregate(db: Database, *, aggregate_id: int) -> None:
    """Remove one. Raises NotFound; Conflict while it has hosts. One transaction."""
    with db.write() as connection:
        if _get(connection, aggregate_id).hosts:
            raise Conflict(
                f"Cannot remove aggregate {aggregate_id}: Host aggregate is not empty.",
                kind="aggregate",
            )
        connection.execute(aggregates.delete().where(aggregates.c.id == aggregate_id))
        _note_change(connection)


def add_host(db: Database, *, aggregate_id: int, host: str) -> Aggregate:
    """Put a compute host into an aggregate. One transaction.

    Raises NotFound for either; Conflict when it is in it already, or in another zone.
    """
    with db.write() as connection:
        known = _get(connection, aggregate_id)
        _check_host(connection, host)
        if host in known.hosts:
            raise Conflict(
                f"Cannot add host {host} in aggregate {aggregate_id}: host already in it.",
                kind="aggregate",
            )
        if known.availability_zone is not None:
            _check_zone(connection, known, [host], known.availability_zone)
        connection.execute(aggregate_hosts.insert().values(aggregate_id=aggregate_id, host=host))
        _settle_zones(connection, [host])
        _note_change(connection)
        return _get(connection, aggregate_id)


def remove_host(db: Database, *, aggregate_id: int, host: str) -> Aggregate:
    """Take a host out of an aggregate. One transaction.

    Raises NotFound for the aggregate, the host, or one that is not in it; Conflict when the host
    has instances in the aggregate's zone.
    """
    own = aggregate_hosts.c
    with db.write() as connection:
        known = _get(connection, aggregate_id)
        _check_host(connection, host)
        if host in known.hosts and known.availability_zone is not None:
            _check_zone(connection, known, [host], None)
        gone = connection.execute(
            aggregate_hosts.delete().where(own.aggregate_id == aggregate_id, own.host == host)
        )
        if not gone.rowcount:
            raise NotFound(f"Aggregate {aggregate_id} has no host {host}.", kind="aggregate")
        _settle_zones(connection, [host])
        _note_change(connection)
        return _get(connection, aggregate_id)


def read_all(connection: Connection) -> list[Aggregate]:
    """Return all aggregates by id, each with its hosts by name."""
    return _found(connection, sa.true())


def _found(connection: Connection, condition: sa.ColumnElement[bool]) -> list[Aggregate]:
    members = defaultdict(list)
    for row in connection.execute(sa.select(aggregate_hosts).order_by(aggregate_hosts.c.host)):
        members[row.aggregate_id].append(row.host)
    rows = connection.execute(sa.select(aggregates).where(condition).order_by(aggregates.c.id))
    return [Aggregate(**row._mapping, hosts=tuple(members[row.id])) for row in rows]


def _get(connection: Connection, aggregate_id: int) -> Aggregate:
    found = _found(connection, aggregates.c.id == aggregate_id)
    if not found:
        raise NotFound(f"Aggregate {aggregate_id} could not be found.", kind="aggregate")
    return found[0]


def _check_host(connection: Connection, host: str) -> None:
    own = services.c
    known = sa.select(own.id).where(own.host == host, own.binary == "nova-compute")
    if connection.execute(known).first() is None:
        raise NotFound(f"Compute host {host} could not be found.", kind="host")


def _check_zone(connection: Connection, aggregate: Aggregate, hosts: Any, zone: str | None) -> None:
    """Raise Conflict when hosts cannot come into a zone, or leave the one they are in."""
    for other in read_all(connection):
        both = set(other.hosts) & set(hosts)
        if other.id != aggregate.id and both and other.availability_zone not in {None, zone}:
            raise Conflict(
                f"Cannot perform action on aggregate {aggregate.id}. Reason: host {min(both)}"
                f" already in availability zone {other.availability_zone}.",
                kind="aggregate",
            )
    alive = sa.select(instances.c.uuid).where(
        instances.c.host.in_(list(hosts)), instances.c.deleted_at.is_(None)
    )
    if connection.execute(alive).first() is not None:
        raise Conflict(
            f"Cannot perform action on aggregate {aggregate.id}. Reason: One or more hosts contain"
            " instances in this zone.",
            kind="aggregate",
        )


def _settle_zones(connection: Connection, hosts: Any) -> None:
    """Write these hosts' zones where they are read."""
    zones = {
        host: one.availability_zone
        for one in read_all(connection)
        if one.availability_zone
        for host in one.hosts
    }
    version = next_version(connection)
    for host in hosts:
        zone = zones.get(host, DEFAULT_ZONE)
        connection.execute(
            services.update()
            .where(services.c.host == host, services.c.binary == "nova-compute")
            .values(availability_zone=zone)
        )
        connection.execute(
            compute_nodes.update()
            .where(compute_nodes.c.host == host)
            .values(availability_zone=zone, version=version)
        )


def _note_change(connection: Connection) -> None:
    changed = connection.execute(
        counters.update().where(counters.c.name == VERSION).values(value=counters.c.value + 1)
    )
    if not changed.rowcount:
        connection.execute(counters.insert().values(name=VERSION, value=1))


def _name_taken(name: str) -> Conflict:
    return Conflict(f"Aggregate {name} already exists.", kind="aggregate")
