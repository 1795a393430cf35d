"""The end of instances: noted when it is asked for, true when the host is done with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import claims, moves, shelving
from devstack_lite.db.actions import asked, is_repeated, overtake, record_action, refuse_if_locked
from devstack_lite.db.engine import Database
from devstack_lite.db.faults import NOTHING_UNDER_WAY, finish_actions
from devstack_lite.db.holdings import take_from
from devstack_lite.db.operations import DELETE, operation_of
from devstack_lite.db.quotas import give_back
from devstack_lite.db.rows import instance_of, locked_instance
from devstack_lite.db.schema import (
    device_changes,
    instance_faults,
    instance_tags,
    instances,
    migrations,
    server_group_members,
)
from devstack_lite.db.schema_compute import console_tokens, device_tags
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.compute import IS_RECLAIM, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import PowerState, TaskState, VmState, is_counted

_THIS: sa.BindParameter[str] = sa.bindparam("b_uuid")
_ROW = sa.select(instances).where(instances.c.uuid == _THIS)
_UPDATE = instances.update().where(instances.c.uuid == _THIS)
_FORGET = {
    table: table.delete().where(table.c.instance_uuid == _THIS)
    for table in (
        server_group_members,
        instance_tags,
        device_changes,
        instance_faults,
        device_tags,
        console_tokens,
    )
}
_TO_REMOVE = (
    sa.select(
        instances,
        *(
            sa.exists().where(table.c.instance_uuid == instances.c.uuid).label(f"has_{table.name}")
            for table in (*_FORGET, migrations)
        ),
    )
    .where(instances.c.uuid == _THIS, instances.c.deleted_at.is_(None))
    .with_for_update()
)
"""An instance, and of what there is something to remove: most have nothing of it."""


def begin_delete(db: Database, context: RequestContext, uuid: str) -> Instance:
    """Note that an instance shall go, whatever it does; one that no host has is gone at once.

    Returns the instance; deleted_at is set when nothing is left to do. Delivered twice: the same,
    also when it is gone by then. Raises NotFound, InstanceIsLocked.
    """
    return begin_all(db, [(context, uuid)])[0]


def begin_all(db: Database, asked_for: Sequence[tuple[RequestContext, str]]) -> list[Instance]:
    """Do what begin_delete does for each, in one transaction: all or none."""
    now = utcnow()
    with db.write() as connection:
        return [_begin(connection, context, uuid, now) for context, uuid in asked_for]


def _begin(connection: Connection, context: RequestContext, uuid: str, now: Any) -> Instance:
    try:
        row = locked_instance(connection, uuid)
    except NotFound:
        gone = _gone_by(connection, context, uuid)
        if gone is None:
            raise
        return instance_of(gone)
    if row.task_state != TaskState.DELETING:
        refuse_if_locked(row, context)
        moves.end_badly(connection, row, now)
        overtake(connection, row, TaskState.DELETING)
        operation = operation_of(DELETE, context, **_elsewhere(connection, row))
        connection.execute(
            _UPDATE,
            {"b_uuid": uuid, "task_state": TaskState.DELETING, **asked(row, operation, now)},
        )
        record_action(
            connection, context, row,
            action=DELETE, event="compute_terminate_instance", now=now,
        )  # fmt: skip
        if row.host is None:
            # An attempt that failed, or whose worker died, may have got it something.
            take_from(connection, [uuid])
            _remove(connection, connection.execute(_TO_REMOVE, {"b_uuid": uuid}).one(), now)
    return instance_of(connection.execute(_ROW, {"b_uuid": uuid}).one())


def _elsewhere(connection: Connection, row: Any) -> Json:
    """Return where else than on its node a guest may be: where it came from, or was going to."""
    places = claims.places_elsewhere(connection, row.uuid, row.node)
    return {"elsewhere": places} if places else {}


def finish_delete(db: Database, uuid: str) -> bool:
    """Remove an instance that its host is done with: claim, quota and row.

    Delivered twice: the second finds it gone and returns False.
    """
    return finish_all(db, [uuid])[0]


def finish_all(db: Database, uuids: Sequence[str]) -> list[bool]:
    """Do what finish_delete does for each, in one transaction."""
    with db.write() as connection:
        return [_finish(connection, uuid) for uuid in uuids]


def _finish(connection: Connection, uuid: str) -> bool:
    row = connection.execute(_TO_REMOVE, {"b_uuid": uuid}).one_or_none()
    if row is None or row.task_state != TaskState.DELETING:
        return False
    if (row.operation or {}).get("arguments", {}).get(IS_RECLAIM):
        take_from(connection, [uuid])
    _remove(connection, row, utcnow())
    return True


def _remove(connection: Connection, row: Any, now: Any) -> None:
    """Remove what _TO_REMOVE found."""
    instance = instance_of(row)
    claims.release(connection, [instance.uuid])
    shelving.drop_image(connection, row)
    for table, forget in _FORGET.items():
        if getattr(row, f"has_{table.name}"):
            connection.execute(forget, {"b_uuid": instance.uuid})
    if row.has_migrations:
        moves.end_with_instance(connection, instance.uuid, now)
    if is_counted(row.vm_state, row.task_state):
        give_back(connection, instance.project_id, instance.flavor)
    connection.execute(
        _UPDATE,
        {
            "b_uuid": instance.uuid, "vm_state": VmState.DELETED, **NOTHING_UNDER_WAY,
            "power_state": PowerState.NOSTATE, "deleted_at": now, "terminated_at": now,
            "updated_at": now,
        },
    )  # fmt: skip
    finish_actions(connection, [instance.uuid], DELETE, now, result="Success")
    # A delete may overtake a boot, a stop or a reboot: that has ended now, too.
    finish_actions(
        connection, [instance.uuid], None, now, result="Error", message="The instance was deleted."
    )


def _gone_by(connection: Connection, context: RequestContext, uuid: str) -> Any | None:
    """Return the instance's row if it was deleted, and by this very request."""
    row = connection.execute(
        sa.select(instances).where(instances.c.uuid == uuid, instances.c.deleted_at.is_not(None))
    ).one_or_none()
    return row if row is not None and is_repeated(connection, row, context, DELETE) else None
