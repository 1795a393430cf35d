"""What projects used over a time: instances that were there in it, deleted ones included."""

from __future__ import annotations

import datetime

import sqlalchemy as sa

from devstack_lite.db.engine import Database
from devstack_lite.db.rows import instance_of
from devstack_lite.db.schema import instances
from devstack_lite.objects.compute import Instance


def instances_between(
    db: Database,
    start: datetime.datetime,
    stop: datetime.datetime,
    *,
    project_id: str | None = None,
) -> list[Instance]:
    """Return instances launched before stop and not ended before start, in order of launch.

    project_id: of that one only.
    """
    own = instances.c
    query = sa.select(instances).where(
        own.launched_at < stop, sa.or_(own.terminated_at.is_(None), own.terminated_at > start)
    )
    if project_id is not None:
        query = query.where(own.project_id == project_id)
    with db.read() as connection:
        rows = connection.execute(query.order_by(own.launched_at, own.uuid)).all()
    return [instance_of(row) for row in rows]
