"""How operations end: actions and their events, and ERROR with a fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.quotas import recount
from devstack_lite.db.schema import action_events, instance_actions, instance_faults, instances
from devstack_lite.db.snapshots import SNAPSHOTS, drop_unfilled
from devstack_lite.objects.compute import Fault
from devstack_lite.states import VmState

NOTHING_UNDER_WAY = {"task_state": None, "owner": None, "operation": None, "progress_at": None}
"""Column values of an instance whose operation has ended; its token is forgotten with it."""

HARMLESS = SNAPSHOTS | {"soft_delete", "trigger_crash_dump"}
"""Operations that leave their instance what it was when they fail: no ERROR."""

RECORDED_AS = {"soft_delete": "delete", "unshelve_offloaded": "unshelve"}
"""What a user reads of an operation among the instance's actions, where it has another name."""


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


def end_failed(connection: Connection, row: Any, fault: Fault, action: str, now: Any) -> None:
    """End the operation of an instance's row that failed, in this transaction.

    The instance is in ERROR then, unless it was one of HARMLESS.
    """
    drop_unfilled(connection, row)
    if action not in HARMLESS:
        recount(connection, row, VmState.ERROR, None)
        set_error(connection, fault, action, now)
        return
    recount(connection, row, row.vm_state, None)
    ending = Ending(action=action, result="Error", message=fault.message[:255])
    end_operation(connection, fault.instance_uuid, ending, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What an operation's end means besides its states: columns, and how its action ended."""

    action: str
    values: dict[str, Any] = field(default_factory=dict)
    result: str = "Success"
    message: str | None = None


def end_operation(
    connection: Connection, uuid: str, ending: Ending, now: Any, **states: Any
) -> None:
    """Have nothing under way on an instance, and end the action, in this transaction."""
    connection.execute(
        instances.update()
        .where(instances.c.uuid == uuid)
        .values(**NOTHING_UNDER_WAY, **states, **ending.values, updated_at=now)
    )
    finish_actions(
        connection, [uuid], ending.action, now, result=ending.result, message=ending.message
    )


def finish_actions(
    connection: Connection,
    uuids: Sequence[str],
    action: str | Sequence[str] | None,
    now: Any,
    *,
    result: str,
    message: str | None = None,
    request_id: str | None = None,
) -> None:
    """End the open actions of that name, or of these (None: of any), and their events.

    request_id: only that which this request began. In the caller's transaction.
    """
    query = sa.select(instance_actions.c.id).where(
        instance_actions.c.instance_uuid.in_(uuids), instance_actions.c.finished_at.is_(None)
    )
    if action is not None:
        asked = [action] if isinstance(action, str) else list(action)
        names = [RECORDED_AS.get(name, name) for name in asked]
        query = query.where(instance_actions.c.action.in_(names))
    if request_id is not None:
        query = query.where(instance_actions.c.request_id == request_id)
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
