"""Deletes that can be taken back: restoring what is soft-deleted, and reclaiming what nobody did.

Soft-deleting itself is an action like any other. A soft-deleted instance keeps its host, claim,
ports and volumes; its project's quota counts it no more.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext, service_context
from devstack_lite.db.actions import (
    asked,
    is_repeated,
    record_action,
    refuse_if_locked,
)
from devstack_lite.db.engine import Database
from devstack_lite.db.operations import DELETE, operation_of
from devstack_lite.db.quotas import Limits, size_of, take_quota
from devstack_lite.db.rows import instance_of, locked_instance
from devstack_lite.db.schema import instance_actions, instances
from devstack_lite.db.user_quotas import check_user
from devstack_lite.exceptions import InstanceInvalidState
from devstack_lite.objects.compute import IS_RECLAIM, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import TaskState, VmState

RESTORE = "restore"

RECLAIMED_AT_ONCE = 200
"""In one transaction; the next sweep takes the next."""


def begin_restore(db: Database, context: RequestContext, uuid: str, limits: Limits) -> Instance:
    """Note that a soft-deleted instance shall run again; the quota counts it from now on.

    One transaction. Delivered twice: the same. Raises NotFound, InstanceIsLocked,
    InstanceInvalidState, QuotaExceeded.
    """
    with db.write() as connection:
        row = locked_instance(connection, uuid)
        if is_repeated(connection, row, context, RESTORE):
            return instance_of(row)
        refuse_if_locked(row, context)
        for attribute, state, is_fit in (
            ("vm_state", row.vm_state, row.vm_state == VmState.SOFT_DELETED),
            ("task_state", row.task_state, row.task_state is None),
        ):
            if not is_fit:
                raise InstanceInvalidState.of(
                    uuid, action=RESTORE, attribute=attribute, state=state
                )
        instance = instance_of(row)
        take_quota(connection, instance.project_id, instance.flavor, 1, limits)
        who = (instance.project_id, str(instance.user_id))
        check_user(connection, *who, size_of(instance.flavor), limits)
        kept = {"vm_state": row.vm_state, "host": row.host, "node": row.node}
        operation = operation_of(RESTORE, context, task_state=TaskState.RESTORING, **kept)
        _begin(connection, row, operation, TaskState.RESTORING)
        record_action(
            connection, context, row,
            action=RESTORE, event="compute_restore_instance", now=utcnow(),
        )  # fmt: skip
        return instance_of(locked_instance(connection, uuid))


def reclaim(db: Database, *, older_than_s: float) -> list[Instance]:
    """Begin the delete of what has been soft-deleted for so long; return it to be asked for.

    One transaction. No user asks for it, and the token of whoever did may be none any more: the
    host removes the domain, and finish_delete takes the rest.
    """
    before = utcnow() - datetime.timedelta(seconds=older_than_s)
    with db.read() as connection:
        # Most sweeps find nothing: look before taking the write lock.
        if not _due(connection, before):
            return []
    with db.write() as connection:
        rows = _due(connection, before)
        context = service_context()
        for row in rows:
            operation = operation_of(DELETE, context, **{IS_RECLAIM: True})
            _begin(connection, row, operation, TaskState.DELETING)
            record_action(
                connection, context, row,
                action=DELETE, event="compute_terminate_instance", now=utcnow(),
            )  # fmt: skip
        return [instance_of(locked_instance(connection, row.uuid)) for row in rows]


def _begin(connection: Connection, row: Any, operation: Json, task_state: TaskState) -> None:
    connection.execute(
        instances.update()
        .where(instances.c.uuid == row.uuid)
        .values(**asked(row, operation, utcnow()), task_state=task_state)
    )


def _due(connection: Connection, before: datetime.datetime) -> Sequence[Any]:
    """Return the rows that nothing is under way on and that were soft-deleted before a time."""
    own = instance_actions.c
    since = (
        sa.select(sa.func.max(own.finished_at))
        .where(own.instance_uuid == instances.c.uuid, own.action == DELETE)
        .scalar_subquery()
    )
    query = (
        sa.select(instances)
        .where(
            instances.c.vm_state == VmState.SOFT_DELETED,
            instances.c.task_state.is_(None),
            instances.c.deleted_at.is_(None),
            since < before,
        )
        .limit(RECLAIMED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return connection.execute(query).all()
