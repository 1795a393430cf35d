"""Migrations as the api reads them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from devstack_lite.db.engine import Database
from devstack_lite.db.schema import compute_nodes, migrations
from devstack_lite.objects.registry import Json

LIVE = "live-migration"
IN_PROGRESS = ("accepted", "queued", "preparing", "running", "post-migrating")
"""Statuses of a live migration that is not over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """A move of an instance. progress: figures of a live migration, in bytes."""

    id: int
    uuid: str
    instance_uuid: str
    migration_type: str
    status: str
    source_compute: str
    source_node: str
    dest_compute: str | None
    dest_node: str | None
    dest_ip: str | None
    old_flavor: Json
    new_flavor: Json
    user_id: str
    project_id: str
    progress: Json | None
    created_at: datetime.datetime
    updated_at: datetime.datetime | None


def list_migrations(db: Database, *, host: str | None = None, **equals: Any) -> list[Migration]:
    """Return migrations, the latest first. host: that it comes from or goes to. One read."""
    own = migrations.c
    query = (
        sa.select(migrations, compute_nodes.c.host_ip)
        .join(compute_nodes, compute_nodes.c.hypervisor_hostname == own.dest_node, isouter=True)
        .order_by(own.id.desc())
    )
    if host is not None:
        query = query.where(sa.or_(own.source_compute == host, own.dest_compute == host))
    for name, value in equals.items():
        query = query.where(
            own[name].in_(value) if isinstance(value, tuple) else own[name] == value
        )
    with db.read() as connection:
        return [_migration(row) for row in connection.execute(query)]


def _migration(row: Any) -> Migration:
    values = dict(row._mapping)
    ip = values.pop("host_ip")
    values.pop("old_vm_state")
    return Migration(**values, dest_ip=(ip or "127.0.0.1") if values["dest_node"] else None)
