"""Resizes and cold migrations as they are asked for, confirmed and reverted.

Each function is one transaction that begins an operation; how it goes on is told in db.moves.
"""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import moves
from devstack_lite.db.actions import begin_action
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits, size_of
from devstack_lite.db.schema import instances, migrations
from devstack_lite.db.user_quotas import check_user
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import Flavor, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import TaskState, VmState

EVENT = "conductor_migrate_server"


def begin_resize(
    db: Database,
    context: RequestContext,
    uuid: str,
    *,
    flavor: Flavor | None,
    target_host: str | None,
    may_stay_on_host: bool,
    auto_disk_config: bool | None = None,
    limits: Limits,
) -> Instance:
    """Begin a resize to flavor, or, with none, a cold migration.

    target_host: where to, as far as the filters let it. may_stay_on_host: another node of its own
    host will do. auto_disk_config: what it is from now on, if it is said. Delivered twice: the
    same. Raises NotFound, InstanceIsLocked, InstanceInvalidState, QuotaExceeded.
    """
    action = moves.MIGRATE if flavor is None else moves.RESIZE

    def note(connection: Connection, row: Any) -> Json:
        old = Flavor(**row.flavor)
        noted = moves.begin(
            connection, context, row, action=action, flavor=flavor or old, limits=limits,
            now=utcnow(),
        )  # fmt: skip
        if flavor is not None:
            was, will_be = size_of(old), size_of(flavor)
            grown = {name: will_be[name] - was[name] for name in was}
            check_user(connection, row.project_id, row.user_id, grown, limits)
        return noted

    return begin_action(
        db, context, uuid, action=action, event=EVENT,
        vm_states=(VmState.ACTIVE, VmState.STOPPED), task_state=TaskState.RESIZE_PREP,
        arguments={"target_host": target_host, "may_stay_on_host": may_stay_on_host},
        changes={} if auto_disk_config is None else {"auto_disk_config": auto_disk_config},
        alongside=note,
    )  # fmt: skip


def begin_confirm(db: Database, context: RequestContext, uuid: str) -> Instance:
    """Begin to let go of where a resized instance was.

    Delivered twice: the same. Raises NotFound, InstanceIsLocked, InstanceInvalidState, Invalid.
    """
    return begin_action(
        db, context, uuid, action=moves.CONFIRM, event="compute_confirm_resize",
        vm_states=(VmState.RESIZED,), task_state=TaskState.RESIZE_CONFIRMING,
        alongside=_holding("confirming"),
    )  # fmt: skip


def begin_revert(db: Database, context: RequestContext, uuid: str) -> Instance:
    """Begin to bring a resized instance back to where and what it was.

    Delivered twice: the same. Raises NotFound, InstanceIsLocked, InstanceInvalidState, Invalid.
    """
    return begin_action(
        db, context, uuid, action=moves.REVERT, event="compute_revert_resize",
        vm_states=(VmState.RESIZED,), task_state=TaskState.RESIZE_REVERTING,
        alongside=_holding("reverting"),
    )  # fmt: skip


def _holding(status: str) -> Any:
    def note(connection: Connection, row: Any) -> Json:
        kept = moves.hold(connection, row.uuid, status, utcnow())
        if kept is None:
            raise Invalid("Instance has not been resized.")
        return kept

    return note


def unconfirmed(db: Database, *, older_than_s: float) -> list[str]:
    """Return the instances whose resize awaits confirmation for longer than that. One read."""
    own = migrations.c
    before = utcnow() - datetime.timedelta(seconds=older_than_s)
    query = (
        sa.select(own.instance_uuid)
        .join(instances, instances.c.uuid == own.instance_uuid)
        .where(own.status == "finished", own.updated_at < before)
        .where(instances.c.vm_state == VmState.RESIZED, instances.c.task_state.is_(None))
        .where(instances.c.deleted_at.is_(None))
    )
    with db.read() as connection:
        return list(connection.execute(query).scalars())
