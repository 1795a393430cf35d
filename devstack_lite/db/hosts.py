"""Services and hypervisor nodes: signs of life, and what a host reports it has."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db import pci_devices
from devstack_lite.db.claims import next_version
from devstack_lite.db.engine import Database
from devstack_lite.db.rows import node_of, service_of
from devstack_lite.db.schema import compute_nodes, instances, services
from devstack_lite.db.statements import one_of
from devstack_lite.exceptions import Conflict, NotFound
from devstack_lite.objects.compute import ComputeNode, ServiceRecord

_REPORTED = (
    "host", "vcpus", "memory_mb", "disk_gb", "reserved_memory_mb", "cpu_allocation_ratio",
    "ram_allocation_ratio", "disk_allocation_ratio", "hypervisor_type", "hypervisor_version",
    "architecture", "availability_zone", "host_ip", "traits", "metrics",
    "reserved_vcpus", "reserved_disk_gb", "inventories", "numa_topology",
)  # fmt: skip

_ITS_OWN = tuple(name for name in _REPORTED if name != "availability_zone")
"""What a host knows of itself at any time; its zone is an aggregate's to say once it is known."""

_SERVICES = sa.select(services).order_by(services.c.created_at, services.c.id)


def report_service(
    db: Database, *, binary: str, host: str, topic: str, availability_zone: str
) -> None:
    """Note a sign of life; the first one records the service. One transaction."""
    now = utcnow()
    own = services.c
    change = (
        services.update()
        .where(own.binary == binary, own.host == host)
        .values(last_seen_at=now, updated_at=now)
    )
    with db.write() as connection:
        if connection.execute(change).rowcount:
            return
        connection.execute(
            services.insert().values(
                id=str(uuid.uuid4()),
                binary=binary,
                host=host,
                topic=topic,
                availability_zone=availability_zone,
                created_at=now,
                last_seen_at=now,
                updated_at=now,
            )
        )


def report_nodes(db: Database, nodes: Sequence[ComputeNode]) -> None:
    """Record what a host's nodes have; what is used on them stays the sum of the claims.

    Delivered twice: the same rows. One transaction for any number of nodes.
    """
    names = [node.hypervisor_hostname for node in nodes]
    with db.write() as connection:
        there = {
            row.hypervisor_hostname: row
            for row in connection.execute(
                sa.select(compute_nodes).where(compute_nodes.c.hypervisor_hostname.in_(names))
            )
        }
        new = [node for node in nodes if node.hypervisor_hostname not in there]
        changed = [
            node
            for node in nodes
            if (row := there.get(node.hypervisor_hostname)) is not None
            and any(_stored(getattr(node, name)) != row._mapping[name] for name in _ITS_OWN)
        ]
        plugged = pci_devices.find_changed(connection, nodes, there)
        if not new and not changed and not plugged:
            return
        version = next_version(connection)
        zones = _zones_of_hosts(connection) if new else {}
        if new:
            connection.execute(
                compute_nodes.insert(),
                [
                    {
                        **{name: _stored(getattr(node, name)) for name in _REPORTED},
                        "availability_zone": zones.get(node.host, node.availability_zone),
                        "id": node.id,
                        "hypervisor_hostname": node.hypervisor_hostname,
                        "version": version,
                    }
                    for node in new
                ],
            )
        for node in changed:
            connection.execute(
                compute_nodes.update()
                .where(compute_nodes.c.hypervisor_hostname == node.hypervisor_hostname)
                .values(
                    version=version,
                    **{name: _stored(getattr(node, name)) for name in _ITS_OWN},
                )
            )
        pci_devices.record(connection, plugged, version)


def _stored(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def update_service(
    db: Database,
    *,
    binary: str,
    host: str,
    is_disabled: bool | None = None,
    disabled_reason: str | None = None,
    is_forced_down: bool | None = None,
) -> ServiceRecord:
    """Enable or disable a service, or have it be taken for dead. One transaction.

    None leaves as it is; enabling forgets the reason. Raises NotFound.
    """
    own = services.c
    values: dict[str, object] = {"updated_at": utcnow()}
    if is_disabled is not None:
        values |= {"is_disabled": is_disabled, "disabled_reason": disabled_reason}
    if is_forced_down is not None:
        values["is_forced_down"] = is_forced_down
    chosen = sa.and_(own.binary == binary, own.host == host)
    with db.write() as connection:
        if not connection.execute(services.update().where(chosen).values(values)).rowcount:
            raise NotFound(f"Could not find binary {binary} on host {host}.", kind="service")
        return service_of(connection.execute(sa.select(services).where(chosen)).one())


def delete_service(db: Database, *, binary: str, host: str, down_time_s: float) -> None:
    """Remove a service that is down, with the nodes of its host. One transaction.

    It is back when it reports again. Raises NotFound; Conflict while it is up or has instances.
    """
    with db.write() as connection:
        if binary == "nova-compute":
            # As claims do before they lock nodes and devices; none comes between check and removal.
            next_version(connection)
        chosen = sa.and_(services.c.binary == binary, services.c.host == host)
        row = connection.execute(sa.select(services).where(chosen)).one_or_none()
        if row is None:
            raise NotFound(f"Could not find binary {binary} on host {host}.", kind="service")
        if row.binary == "nova-compute":
            _check_unused(connection, service_of(row), down_time_s)
            pci_devices.forget_host(connection, row.host)
            connection.execute(compute_nodes.delete().where(compute_nodes.c.host == row.host))
        connection.execute(services.delete().where(chosen))


def _check_unused(connection: Connection, service: ServiceRecord, down_time_s: float) -> None:
    used = sa.select(instances.c.uuid).where(
        instances.c.host == service.host, instances.c.deleted_at.is_(None)
    )
    if connection.execute(used.limit(1)).first() is not None:
        raise Conflict(
            "Unable to delete compute service that is hosting instances. Migrate or delete the"
            " instances first.",
            kind="service",
        )
    if service.is_up(utcnow(), down_time_s):
        raise Conflict(
            f"Unable to delete compute service {service.host} that is up: it would report again."
            " Stop it first.",
            kind="service",
        )


def _zones_of_hosts(connection: Connection) -> dict[str, str]:
    own = services.c
    rows = connection.execute(
        sa.select(own.host, own.availability_zone).where(own.binary == "nova-compute")
    )
    return {row.host: row.availability_zone for row in rows}


def down_hosts(db: Database, down_time_s: float) -> frozenset[str]:
    """Return the compute hosts without a sign of life for down_time_s seconds."""
    now = utcnow()
    return frozenset(
        service.host
        for service in list_services(db)
        if service.binary == "nova-compute" and not service.is_up(now, down_time_s)
    )


def list_services(db: Database) -> list[ServiceRecord]:
    """Return all services in the order in which they first reported."""
    with db.read() as connection:
        return [service_of(row) for row in connection.execute(_SERVICES)]


def list_nodes(
    db: Database,
    *,
    newer_than: int = -1,
    names: Collection[str] = (),
    marker: str | None = None,
    limit: int | None = None,
) -> list[ComputeNode]:
    """Return the nodes that changed after a version, by host name; a page after marker's id.

    names: nodes that are wanted, changed or not.
    """
    own = compute_nodes.c
    query = _changed_query(is_all=newer_than < 0, has_names=bool(names))
    if marker is not None:
        query = query.where(
            own.hypervisor_hostname
            > sa.select(own.hypervisor_hostname).where(own.id == marker).scalar_subquery()
        )
    if limit is not None:
        query = query.limit(limit)
    with db.read() as connection:
        rows = connection.execute(query, {"newer_than": newer_than, "names": list(names)})
        return [node_of(row) for row in rows]


def get_node(db: Database, name: str) -> ComputeNode:
    """Return the node of that name. Raises NotFound."""
    query = sa.select(compute_nodes).where(compute_nodes.c.hypervisor_hostname == name)
    with db.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"Compute host {name} could not be found.", kind="host")
    return node_of(row)


def read_nodes(
    connection: Connection, *, newer_than: int, names: Collection[str] = ()
) -> list[ComputeNode]:
    """Do what list_nodes does, on the caller's connection."""
    query = _changed_query(is_all=newer_than < 0, has_names=bool(names))
    rows = connection.execute(query, {"newer_than": newer_than, "names": list(names)})
    return [node_of(row) for row in rows]


@cache
def _changed_query(*, is_all: bool, has_names: bool) -> sa.Select[Any]:
    own = compute_nodes.c
    query = sa.select(compute_nodes).order_by(own.hypervisor_hostname)
    if is_all:
        return query
    is_wanted = own.version > sa.bindparam("newer_than")
    if has_names:
        is_wanted = sa.or_(is_wanted, one_of(own.hypervisor_hostname, "names"))
    return query.where(is_wanted)
