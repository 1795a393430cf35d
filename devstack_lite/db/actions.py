"""What users ask of an instance after its boot: delete, stop, start, reboot.

An action begins by a compare-and-swap on the instance's states and ends in the same way, so that
one that was delivered twice, or that comes back late, changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import claims
from devstack_lite.db.engine import Database
from devstack_lite.db.faults import NOTHING_UNDER_WAY, finish_actions, set_error
from devstack_lite.db.holdings import take_from
from devstack_lite.db.operations import DELETE, operation_of, waits_for_host
from devstack_lite.db.quotas import give_back
from devstack_lite.db.rows import instance_of
from devstack_lite.db.schema import (
    action_events,
    instance_actions,
    instance_faults,
    instances,
)
from devstack_lite.db.server_groups import leave
from devstack_lite.exceptions import InstanceInvalidState, NotFound
from devstack_lite.objects.compute import Fault, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import PowerState, TaskState, VmState

CHANGED_BY_ACTIONS = frozenset(
    {"name", "image_ref", "metadata", "access_ip_v4", "access_ip_v6", "boot_request"}
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
) -> Instance:
    """Note that action is under way on an instance in one of vm_states with nothing under way.

    arguments: what the operation needs besides where the instance is and what it was, which are
    always kept. changes: columns of CHANGED_BY_ACTIONS that are others from now on. is_overtaking:
    what waits for the instance's own host ends for it. Delivered twice (the same request id):
    returns the instance again. Raises NotFound, InstanceInvalidState.
    """
    now = utcnow()
    with db.write() as connection:
        row = _locked(connection, uuid)
        if _is_repeated(connection, row, context, action):
            return instance_of(row)
        if row.vm_state not in vm_states:
            raise InstanceInvalidState.of(
                uuid, action=action, attribute="vm_state", state=row.vm_state
            )
        if row.task_state is not None and not (is_overtaking and waits_for_host(row)):
            raise InstanceInvalidState.of(
                uuid, action=action, attribute="task_state", state=row.task_state
            )
        operation = operation_of(
            action, context, task_state=task_state, vm_state=row.vm_state, host=row.host,
            node=row.node, **(arguments or {}),
        )  # fmt: skip
        connection.execute(
            instances.update()
            .where(instances.c.uuid == uuid)
            .values(
                **_asked(row, operation, now),
                **{
                    column: (changes or {})[column]
                    for column in CHANGED_BY_ACTIONS & set(changes or {})
                },
                task_state=task_state,
            )
        )
        if row.task_state is not None:
            finish_actions(
                connection, [uuid], None, now, result="Error", message=f"Ended by {action}."
            )
        _record(connection, context, row, action=action, event=event, now=now)
        return instance_of(_locked(connection, uuid))


def _asked(row: Any, operation: Json, now: Any) -> dict[str, Any]:
    """Return the columns of an operation that begins: the next attempt, in nobody's hand yet."""
    return {
        "operation": operation,
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

    False, and nothing changed, when this attempt is not under way any more.
    """
    now = utcnow()
    with db.write() as connection:
        row = connection.execute(
            sa.select(instances.c.task_state, instances.c.attempt)
            .where(instances.c.uuid == uuid)
            .with_for_update()
        ).one_or_none()
        if row is None or row.task_state is None or row.attempt != attempt:
            return False
        if error is not None:
            fault = Fault(instance_uuid=uuid, code=500, message=error)
            set_error(connection, fault, action, now)
            return True
        connection.execute(
            instances.update()
            .where(instances.c.uuid == uuid)
            .values(**NOTHING_UNDER_WAY, vm_state=vm_state, power_state=power_state, updated_at=now)
        )
        finish_actions(connection, [uuid], action, now, result="Success")
        return True


def begin_delete(db: Database, context: RequestContext, uuid: str) -> Instance:
    """Note that an instance shall go, whatever it does; one that no host has is gone at once.

    Returns the instance; deleted_at is set when nothing is left to do. Delivered twice: the same,
    also when it is gone by then. Raises NotFound.
    """
    now = utcnow()
    with db.write() as connection:
        try:
            row = _locked(connection, uuid)
        except NotFound:
            gone = _gone_by(connection, context, uuid)
            if gone is None:
                raise
            return instance_of(gone)
        if row.task_state != TaskState.DELETING:
            connection.execute(
                instances.update()
                .where(instances.c.uuid == uuid)
                .values(
                    **_asked(row, operation_of(DELETE, context), now),
                    task_state=TaskState.DELETING,
                )
            )
            _record(
                connection, context, row,
                action=DELETE, event="compute_terminate_instance", now=now,
            )  # fmt: skip
            if row.host is None:
                # An attempt that failed, or whose worker died, may have got it something.
                take_from(connection, [uuid])
                _remove(connection, row, now)
        return instance_of(
            connection.execute(sa.select(instances).where(instances.c.uuid == uuid)).one()
        )


def finish_delete(db: Database, uuid: str) -> bool:
    """Remove an instance that its host is done with: claim, quota and row.

    Delivered twice: the second finds it gone and returns False.
    """
    with db.write() as connection:
        row = connection.execute(
            sa.select(instances)
            .where(instances.c.uuid == uuid, instances.c.deleted_at.is_(None))
            .with_for_update()
        ).one_or_none()
        if row is None or row.task_state != TaskState.DELETING:
            return False
        _remove(connection, row, utcnow())
        return True


def _remove(connection: Connection, row: Any, now: Any) -> None:
    instance = instance_of(row)
    claims.release(connection, [instance.uuid])
    leave(connection, instance.uuid)
    give_back(connection, instance.project_id, instance.flavor)
    connection.execute(
        instance_faults.delete().where(instance_faults.c.instance_uuid == instance.uuid)
    )
    connection.execute(
        instances.update()
        .where(instances.c.uuid == instance.uuid)
        .values(
            vm_state=VmState.DELETED,
            **NOTHING_UNDER_WAY,
            power_state=PowerState.NOSTATE,
            deleted_at=now,
            terminated_at=now,
            updated_at=now,
        )
    )
    finish_actions(connection, [instance.uuid], DELETE, now, result="Success")
    # A delete may overtake a boot, a stop or a reboot: that has ended now, too.
    finish_actions(
        connection, [instance.uuid], None, now, result="Error", message="The instance was deleted."
    )


def _locked(connection: Connection, uuid: str) -> Any:
    row = connection.execute(
        sa.select(instances)
        .where(instances.c.uuid == uuid, instances.c.deleted_at.is_(None))
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound(f"Instance {uuid} could not be found.", kind="instance")
    return row


def _gone_by(connection: Connection, context: RequestContext, uuid: str) -> Any | None:
    """Return the instance's row if it was deleted, and by this very request."""
    row = connection.execute(
        sa.select(instances).where(instances.c.uuid == uuid, instances.c.deleted_at.is_not(None))
    ).one_or_none()
    return row if row is not None and _is_repeated(connection, row, context, DELETE) else None


def _is_repeated(connection: Connection, row: Any, context: RequestContext, action: str) -> bool:
    own = instance_actions.c
    found = connection.execute(
        sa.select(own.id).where(
            own.instance_uuid == row.uuid,
            own.request_id == context.request_id,
            own.action == action,
        )
    ).first()
    return found is not None


def _record(
    connection: Connection, context: RequestContext, row: Any, *, action: str, event: str, now: Any
) -> None:
    inserted = connection.execute(
        instance_actions.insert().values(
            instance_uuid=row.uuid,
            action=action,
            request_id=context.request_id,
            user_id=context.user_id or row.user_id,
            project_id=context.project_id or row.project_id,
            started_at=now,
            updated_at=now,
        )
    )
    key: Any = inserted.inserted_primary_key
    connection.execute(
        action_events.insert().values(
            action_id=key[0],
            event=event,
            started_at=now,
            host=row.host,
        )
    )


CHANGEABLE = frozenset({"name", "access_ip_v4", "access_ip_v6"})


def update_instance(db: Database, uuid: str, values: dict[str, str]) -> Instance:
    """Change what a user may change of an instance at any time. Raises NotFound."""
    changed = {column: values[column] for column in CHANGEABLE & values.keys()}
    with db.write() as connection:
        _locked(connection, uuid)
        connection.execute(
            instances.update()
            .where(instances.c.uuid == uuid)
            .values(updated_at=utcnow(), **changed)
        )
        return instance_of(_locked(connection, uuid))
