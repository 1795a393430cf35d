"""How operations end: actions and their events, and ERROR with a fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import Update

from devstack_lite.db.quotas import recount
from devstack_lite.db.schema import action_events, instance_actions, instance_faults, instances
from devstack_lite.db.snapshots import SNAPSHOTS, drop_unfilled
from devstack_lite.db.statements import one_of
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
    which: dict[str, Any] = {"uuids": list(uuids)}
    if action is not None:
        asked = [action] if isinstance(action, str) else action
        which["names"] = [RECORDED_AS.get(name, name) for name in asked]
    if request_id is not None:
        which["b_request_id"] = request_id
    found, end, end_told = _open_actions(
        by_name="names" in which, by_request="b_request_id" in which
    )
    ended = {**which, "finished_at": now, "updated_at": now, "message": message}
    if connection.dialect.update_returning:
        ids = connection.scalars(end_told, ended).all()
    else:
        ids = connection.scalars(found, which).all()
        connection.execute(end, ended)
    if ids:
        values = {"finished_at": now, "result": result, "details": message}
        connection.execute(_END_EVENTS, {"ids": ids, **values})


_END_EVENTS = action_events.update().where(
    one_of(action_events.c.action_id, "ids"), action_events.c.finished_at.is_(None)
)


@cache
def _open_actions(*, by_name: bool, by_request: bool) -> tuple[sa.Select[Any], Update, Any]:
    """Return what finds the ids of open actions, what ends these, and what tells them besides."""
    own = instance_actions.c
    which = [one_of(own.instance_uuid), own.finished_at.is_(None)]
    if by_name:
        which.append(one_of(own.action, "names"))
    if by_request:
        which.append(own.request_id == sa.bindparam("b_request_id"))
    end = instance_actions.update().where(*which)
    return sa.select(own.id).where(*which), end, end.returning(own.id)
