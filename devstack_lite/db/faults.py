"""How operations end: actions and their events, and ERROR with a fault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.schema import action_events, instance_actions, instance_faults, instances
from devstack_lite.objects.compute import Fault
from devstack_lite.states import VmState

NOTHING_UNDER_WAY = {"task_state": None, "owner": None, "operation": None, "progress_at": None}
"""Column values of an instance whose operation has ended; its token is forgotten with it."""


def set_error(connection: Connection, fault: Fault, action: str, now: Any) -> None:
    """Put an instance into ERROR with its fault, and end the action, in this transaction."""
    uuid = fault.instance_uuid
    connection.execute(
        instances.update()
        .where(instances.c.uuid == uuid)
        .values(vm_state=VmState.ERROR, updated_at=now, **NOTHING_UNDER_WAY)
    )
    connection.execute(instance_faults.delete().where(instance_faults.c.instance_uuid == uuid))
    connection.execute(
        instance_faults.insert().values(
            instance_uuid=uuid,
            code=fault.code,
            message=fault.message[:255],
            details=fault.details,
            created_at=now,
        )
    )
    finish_actions(connection, [uuid], action, now, result="Error", message=fault.message[:255])


def finish_actions(
    connection: Connection,
    uuids: Sequence[str],
    action: str | Sequence[str] | None,
    now: Any,
    *,
    result: str,
    message: str | None = None,
) -> None:
    """End the open actions of that name, or of these (None: of any), and their events.

    In the caller's transaction.
    """
    query = sa.select(instance_actions.c.id).where(
        instance_actions.c.instance_uuid.in_(uuids), instance_actions.c.finished_at.is_(None)
    )
    if action is not None:
        names = [action] if isinstance(action, str) else list(action)
        query = query.where(instance_actions.c.action.in_(names))
    ids = [row.id for row in connection.execute(query)]
    if not ids:
        return
    connection.execute(
        instance_actions.update()
        .where(instance_actions.c.id.in_(ids))
        .values(finished_at=now, updated_at=now, message=message)
    )
    connection.execute(
        action_events.update()
        .where(action_events.c.action_id.in_(ids), action_events.c.finished_at.is_(None))
        .values(finished_at=now, result=result, details=message)
    )
