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
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import TaskState, VmState

EVENT = "conductor_live_migrate_instance"
CANCEL, FORCE_COMPLETE = "live_migration_cancel", "live_migration_force_complete"
END_EVENTS = {
    CANCEL: "compute_live_migration_abort",
    FORCE_COMPLETE: "compute_live_migration_force_complete",
}


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


def note_progress(db: Database, uuid: str, *, attempt: int, progress: Json) -> None:
    """Note how much of an instance's memory is over, as its host says."""
    with db.write() as connection:
        moves.note_live(connection, uuid, attempt, progress, utcnow())


def note_end(
    db: Database, context: RequestContext, uuid: str, *, is_abort: bool, is_done: bool
) -> bool:
    """Note that a live migration was told to end; say whether this request's wish is noted.

    An abort stays with the operation: if its worker dies before the guest has stayed, the next one
    lets it stay. is_done=False: only look. Delivered twice: noted once. Raises NotFound.
    """
    action = CANCEL if is_abort else FORCE_COMPLETE
    with db.write() as connection:
        row = locked_instance(connection, uuid)
        if is_repeated(connection, row, context, action):
            return True
        if is_done:
            note_done(connection, context, row, action=action, event=END_EVENTS[action])
            if is_abort:
                moves.abort_live(connection, row)
        return is_done
