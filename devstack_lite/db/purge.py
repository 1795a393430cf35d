"""What is kept of deleted instances: the last ones, whole; of the others nothing.

Nova keeps all rows until an operator archives them. Whoever lists what was deleted, asks for its
actions or sums up usage finds what is kept.
"""

from __future__ import annotations

import datetime

import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import (
    action_events,
    boot_steps,
    instance_actions,
    instance_faults,
    instance_tags,
    instances,
    migrations,
)
from devstack_lite.db.schema_compute import device_tags
from devstack_lite.db.statements import one_of

KEPT_S = 120.0
"""An instance is kept so long at least: somebody may still ask twice, or find what it left."""
AT_ONCE = 200
"""Instances in one transaction, so that nobody waits long for it."""

_COUNT = sa.select(sa.func.count(instances.c.deleted_at))
_OLDEST = (
    sa.select(instances.c.uuid)
    .where(instances.c.deleted_at < sa.bindparam("before"))
    .order_by(instances.c.deleted_at)
    .limit(sa.bindparam("most"))
)
_ACTIONS = sa.select(instance_actions.c.id).where(one_of(instance_actions.c.instance_uuid))
_REMOVE_EVENTS = action_events.delete().where(one_of(action_events.c.action_id, "ids"))
_REMOVE = (
    *(
        table.delete().where(one_of(table.c.instance_uuid))
        for table in (
            instance_actions,
            boot_steps,
            instance_faults,
            migrations,
            instance_tags,
            device_tags,
        )
    ),
    instances.delete().where(one_of(instances.c.uuid), instances.c.deleted_at.is_not(None)),
)


def purge_deleted(db: Database, *, kept: int) -> int:
    """Remove some of the deleted instances but the last `kept`; return how many.

    AT_ONCE at most, in one transaction. None that was deleted within KEPT_S seconds.
    """
    before = utcnow() - datetime.timedelta(seconds=KEPT_S)
    with db.read() as connection:
        most = min(AT_ONCE, connection.execute(_COUNT).scalar_one() - kept)
        if most <= 0:
            return 0
        uuids = connection.scalars(_OLDEST, {"before": before, "most": most}).all()
    if uuids:
        with db.write() as connection:
            ids = connection.scalars(_ACTIONS, {"uuids": uuids}).all()
            connection.execute(_REMOVE_EVENTS, {"ids": ids})
            for remove in _REMOVE:
                connection.execute(remove, {"uuids": uuids})
    return len(uuids)
