"""What users ask of an instance after its boot: stop, start, reboot, and the like.

An action begins by a compare-and-swap on the instance's states and ends in the same way, so that
one that was delivered twice, or that comes back late, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import moves, numa_claims, shelving
from devstack_lite.db.engine import Database
from devstack_lite.db.faults import (
    RECORDED_AS,
    end_failed,
    end_operation,
    finish_actions,
)
from devstack_lite.db.operations import (
    operation_of,
    waits_for_host,
)
from devstack_lite.db.quotas import recount
from devstack_lite.db.rows import instance_of, locked_instance
from devstack_lite.db.schema import (
    action_events,
    instance_actions,
    instances,
)
from devstack_lite.db.snapshots import SNAPSHOTS, drop_unfilled
from devstack_lite.exceptions import Conflict, InstanceInvalidState, InstanceIsLocked
from devstack_lite.objects.compute import Fault, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import PowerState, TaskState, VmState

REBUILD = "rebuild"

CHANGED_BY_ACTIONS = frozenset(
    {
        "name",
        "image_ref",
        "requested_zone",
        "metadata",
        "access_ip_v4",
        "access_ip_v6",
        "auto_disk_config",
        "boot_request",
        "description",
        "hostname",
        "user_data",
        "key_name",
    }
)


def begin_action(
    db: Database,
    context: RequestContext,
    uuid: str,
    *,
    action: str,
    event: str,
    vm_states: Sequence[VmState],
    task_state: TaskState,
    arguments: Json | None = None,
    changes: Json | None = None,
    is_overtaking: bool = False,
    alongside: Callable[[Connection, Any], Json] | None = None,
    called: str = "",
) -> Instance:
    """Note that action is under way on an instance in one of vm_states with nothing under way.

    arguments: what the operation needs besides where the instance is and what it was, which are
    always kept. changes: columns of CHANGED_BY_ACTIONS that are others from now on. is_overtaking:
    what waits for the instance's own host ends for it. alongside: what else the transaction does
    with the locked row, once all is well; it returns more arguments. Delivered twice (the same
    request id): returns the instance again. called: action's name in the API, if another.
    Raises NotFound, InstanceIsLocked, InstanceInvalidState, and what alongside does.
    """
    now = utcnow()
    with db.write() as connection:
        row = locked_instance(connection, uuid)
        if is_repeated(connection, row, context, action):
            return instance_of(row)
        if action not in SNAPSHOTS:
            refuse_if_locked(row, context)
        if row.vm_state not in vm_states:
            raise InstanceInvalidState.of(
                uuid, action=called or action, attribute="vm_state", state=row.vm_state
            )
        if row.task_state is not None and not (is_overtaking and waits_for_host(row)):
            raise InstanceInvalidState.of(
                uuid, action=called or action, attribute="task_state", state=row.task_state
            )
        if row.task_state is not None:
            moves.end_badly(connection, row, now)
        more = alongside(connection, row) if alongside is not None else {}
        if action == REBUILD:
            more |= numa_claims.kept(connection, uuid, row.node)
        operation = operation_of(
            action, context, task_state=task_state, vm_state=row.vm_state, host=row.host,
            node=row.node, **(arguments or {}), **more,
        )  # fmt: skip
        connection.execute(
            instances.update()
            .where(instances.c.uuid == uuid)
            .values(
                **asked(row, operation, now),
                **{
                    column: (changes or {})[column]
                    for column in CHANGED_BY_ACTIONS & set(changes or {})
                },
                task_state=task_state,
            )
        )
        if row.task_state is not None:
            overtake(connection, row, task_state)
            finish_actions(
                connection, [uuid], None, now, result="Error", message=f"Ended by {action}."
            )
        record_action(connection, context, row, action=action, event=event, now=now)
        return instance_of(locked_instance(connection, uuid))


def overtake(connection: Connection, row: Any, task_state: TaskState) -> None:
    """Take back what an operation under way has done to the books when another takes its place.

    row: the instance's as it is; task_state: what is under way from now on. In the caller's
    transaction.
    """
    drop_unfilled(connection, row)
    recount(connection, row, row.vm_state, task_state)


def asked(row: Any, operation: Json, now: Any) -> dict[str, Any]:
    """Return the columns of an operation that begins: the next attempt, in nobody's hand yet."""
    return {
        "operation": {**operation, "first_attempt": row.attempt + 1},
        "attempt": row.attempt + 1,
        "owner": None,
        "progress_at": now,
        "updated_at": now,
    }


def finish_action(
    db: Database,
    uuid: str,
    *,
    action: str,
    attempt: int,
    vm_state: VmState,
    power_state: PowerState,
    error: str | None = None,
) -> bool:
    """End an action: the instance is in vm_state, or in ERROR with a fault when error is given.

    One of HARMLESS that failed leaves the instance what it was; its action says why.
    False, and nothing changed, when this attempt is not under way any more.
    """
    now = utcnow()
    with db.write() as connection:
        row = connection.execute(
            sa.select(instances).where(instances.c.uuid == uuid).with_for_update()
        ).one_or_none()
        if row is None or row.task_state is None or row.attempt != attempt:
            return False
        if error is not None:
            stays = moves.stay_put(connection, row, error, now)
            if stays is not None:
                end_operation(connection, uuid, stays, now)
                return True
            fault = Fault(instance_uuid=uuid, code=500, message=error)
            moves.end_badly(connection, row, now)
            end_failed(connection, row, fault, _asked_for(row, action), now)
            return True
        recount(connection, row, vm_state, None)
        ending = shelving.settle(connection, row, action, vm_state, now) or moves.settle(
            connection, row, action, now
        )
        end_operation(connection, uuid, ending, now, vm_state=vm_state, power_state=power_state)
        return True


def _asked_for(row: Any, action: str) -> str:
    """Return what a user asked for that led to action."""
    return str(row.operation["arguments"].get("action", action))


def refuse_if_locked(row: Any, context: RequestContext) -> None:
    """Raise InstanceIsLocked when a user has locked it and the caller is no administrator."""
    if row.is_locked and not context.is_admin:
        raise InstanceIsLocked.of(row.uuid)


def is_repeated(connection: Connection, row: Any, context: RequestContext, action: str) -> bool:
    """Say whether this request has asked this of an instance already."""
    own = instance_actions.c
    found = connection.execute(
        sa.select(own.id).where(
            own.instance_uuid == row.uuid,
            own.request_id == context.request_id,
            own.action == RECORDED_AS.get(action, action),
        )
    ).first()
    return found is not None


def record_action(
    connection: Connection, context: RequestContext, row: Any, *, action: str, event: str, now: Any
) -> None:
    """Note that an action and its event have begun, in the caller's transaction."""
    inserted = connection.execute(
        _INSERT_ACTION,
        {
            "instance_uuid": row.uuid,
            "action": RECORDED_AS.get(action, action),
            "request_id": context.request_id,
            "user_id": context.user_id or row.user_id,
            "project_id": context.project_id or row.project_id,
            "started_at": now,
            "updated_at": now,
        },
    )
    key: Any = inserted.inserted_primary_key
    connection.execute(
        _INSERT_EVENT,
        {"action_id": key[0], "event": event, "started_at": now, "host": row.host},
    )


_INSERT_ACTION = instance_actions.insert()
_INSERT_EVENT = action_events.insert()


CHANGEABLE = frozenset(
    {
        "name", "access_ip_v4", "access_ip_v6", "auto_disk_config", "description", "hostname",
        "requested_zone",
    }
)  # fmt: skip


def update_instance(db: Database, uuid: str, values: Json) -> Instance:
    """Change what a user may change of an instance at any time.

    requested_zone pins it to the zone that it is in, or, None, to none. Raises NotFound; Conflict
    for another zone.
    """
    changed = {column: values[column] for column in CHANGEABLE & values.keys()}
    with db.write() as connection:
        row = locked_instance(connection, uuid)
        if values.get("requested_zone") is not None:
            _check_pin(row, values["requested_zone"])
        connection.execute(
            instances.update()
            .where(instances.c.uuid == uuid)
            .values(updated_at=utcnow(), **changed)
        )
        return instance_of(locked_instance(connection, uuid))


def _check_pin(row: Any, zone: str) -> None:
    """Raise Conflict unless an instance is pinned to a zone already, or unpinned and in it."""
    if row.requested_zone is not None and row.requested_zone != zone:
        raise Conflict(
            "Cannot change pinned availability zone directly. Unpin first by setting"
            " pinned_availability_zone to null."
        )
    if row.requested_zone is None and row.availability_zone != zone:
        raise Conflict(
            "Server can only be pinned to its current availability zone"
            f" '{row.availability_zone}', but '{zone}' was requested."
        )
