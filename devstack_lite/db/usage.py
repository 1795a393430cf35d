"""What projects used over a time: instances that were there in it, deleted ones included."""

from __future__ import annotations

import datetime

import sqlalchemy as sa

from devstack_lite.db.engine import Database
from devstack_lite.db.rows import instance_of
from devstack_lite.db.schema import instances
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import Instance


def instances_between(
    db: Database,
    start: datetime.datetime,
    stop: datetime.datetime,
    *,
    project_id: str | None = None,
    marker: str | None = None,
    limit: int,
) -> list[Instance]:
    """Return a page of the instances launched before stop and not ended before start.

    In the order of projects and ids, after marker; project_id: of that one only. Raises Invalid for
    a marker that is no instance's.
    """
    own = instances.c
    query = sa.select(instances).where(
        own.launched_at < stop, sa.or_(own.terminated_at.is_(None), own.terminated_at > start)
    )
    if project_id is not None:
        query = query.where(own.project_id == project_id)
    query = query.order_by(own.project_id, own.uuid).limit(limit)
    with db.read() as connection:
        if marker is not None:
            of_marker = sa.select(own.project_id).where(own.uuid == marker)
            if project_id is not None:
                of_marker = of_marker.where(own.project_id == project_id)
            project = connection.execute(of_marker).scalar_one_or_none()
            if project is None:
                raise Invalid(f"Marker {marker} could not be found.", kind="marker")
            query = query.where(
                sa.or_(
                    own.project_id > project,
                    sa.and_(own.project_id == project, own.uuid > marker),
                )
            )
        rows = connection.execute(query).all()
    return [instance_of(row) for row in rows]
