"""Live migrations as they are asked for, and as they get on. Each function is one transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import moves
from devstack_lite.db.actions import begin_action, is_repeated
from devstack_lite.db.engine import Database
from devstack_lite.db.instance_changes import note_done
from devstack_lite.db.rows import locked_instance
from devstack_lite.exceptions import Conflict
from devstack_lite.objects.compute import ABORT, FORCE_COMPLETE, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import TaskState, VmState

EVENT = "conductor_live_migrate_instance"
END_ACTIONS = {
    ABORT: ("live_migration_cancel", "compute_live_migration_abort"),
    FORCE_COMPLETE: (
        "live_migration_force_complete", "compute_live_migration_force_complete",
    ),
}  # fmt: skip
"""By wish the action, and its event."""


def begin_live_migration(
    db: Database, context: RequestContext, uuid: str, *, target_host: str | None
) -> Instance:
    """Begin a live migration, to target_host if given and the filters let it.

    Delivered twice: the same. Raises NotFound, InstanceIsLocked, InstanceInvalidState.
    """

    def note(connection: Connection, row: Any) -> Json:
        return {
            "migration": moves.record(
                connection, context, row, action=moves.LIVE, new_flavor=row.flavor, now=utcnow()
            )
        }

    return begin_action(
        db, context, uuid, action=moves.LIVE, event=EVENT,
        vm_states=(VmState.ACTIVE, VmState.PAUSED), task_state=TaskState.MIGRATING,
        arguments={"target_host": target_host}, alongside=note, called="os-migrateLive",
    )  # fmt: skip


def note_progress(db: Database, uuid: str, *, attempt: int, progress: Json) -> str:
    """Note how much of an instance's memory is over; return the wish of moves.note_live."""
    with db.write() as connection:
        return moves.note_live(connection, uuid, attempt, progress, utcnow())


def note_end(db: Database, context: RequestContext, uuid: str, *, wish: str) -> None:
    """Note that a live migration shall end by an abort, or at once: an action of its own.

    The wish stays with the operation, whoever has it in hand by then. Delivered twice: noted once.
    Raises NotFound, Conflict when the guest is not on its way.
    """
    action, event = END_ACTIONS[wish]
    with db.write() as connection:
        row = locked_instance(connection, uuid)
        if is_repeated(connection, row, context, action):
            return
        if not moves.wish_live(connection, row, wish):
            raise Conflict(f"Instance {uuid} is not on its way.", kind="instance")
        note_done(connection, context, row, action=action, event=event)
