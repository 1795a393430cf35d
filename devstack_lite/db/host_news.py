"""What a scheduler worker asks the database before a decision: what changed since the last one.

One connection, at most four statements. What it costs grows with what changed and with the hosts
that are out of service, not with the hosts there are.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.db import aggregates, hosts
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import instances, services
from devstack_lite.objects.compute import Aggregate, ComputeNode
from devstack_lite.objects.registry import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNews:
    """aggregates: None when they are as they were."""

    nodes: Sequence[ComputeNode]
    aggregates: Sequence[Aggregate] | None
    aggregate_version: int
    down_hosts: frozenset[str]
    disabled_hosts: frozenset[str]


def read(
    db: Database,
    *,
    newer_than: int,
    names: Collection[str],
    aggregates_of: int,
    down_time_s: float,
) -> HostNews:
    """Return the nodes newer than a version or of these names, and the rest as it is.

    aggregates_of: the version of the aggregates that the caller has.
    """
    with db.read() as connection:
        version = aggregates.read_version(connection)
        changed = hosts.read_nodes(connection, newer_than=newer_than, names=names)
        known = aggregates.read_all(connection) if version != aggregates_of else None
        silent_since = utcnow() - datetime.timedelta(seconds=down_time_s)
        unfit = connection.execute(_UNFIT, {"silent_since": silent_since}).all()
    return HostNews(
        nodes=changed,
        aggregates=known,
        aggregate_version=version,
        down_hosts=frozenset(host for host, _, is_down in unfit if is_down),
        disabled_hosts=frozenset(host for host, is_disabled, _ in unfit if is_disabled),
    )


def with_service(db: Database, of_hosts: Collection[str]) -> frozenset[str]:
    """Return those of these hosts whose compute service has reported at least once."""
    query = sa.select(services.c.host).where(
        services.c.binary == "nova-compute", services.c.host.in_(list(of_hosts))
    )
    with db.read() as connection:
        return frozenset(connection.scalars(query))


def image_properties_by_host(db: Database) -> dict[str, list[Json]]:
    """Return the properties of the image of each instance, by host. Reads every instance."""
    own = instances.c
    query = sa.select(own.host, own.boot_request).where(
        own.deleted_at.is_(None), own.host.is_not(None)
    )
    found: dict[str, list[Json]] = defaultdict(list)
    with db.read() as connection:
        for host, boot_request in connection.execute(query):
            found[host].append((boot_request or {}).get("image_properties") or {})
    return found


_IS_SILENT = sa.or_(
    services.c.is_forced_down.is_(True),
    services.c.last_seen_at.is_(None),
    services.c.last_seen_at < sa.bindparam("silent_since"),
)
_UNFIT = sa.select(services.c.host, services.c.is_disabled, _IS_SILENT).where(
    services.c.binary == "nova-compute", sa.or_(services.c.is_disabled.is_(True), _IS_SILENT)
)
