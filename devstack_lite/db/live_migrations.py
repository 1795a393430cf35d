"""Live migrations as they are asked for, and as they get on. Each function is one transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import moves
from devstack_lite.db.actions import begin_action
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import TaskState, VmState

EVENT = "conductor_live_migrate_instance"


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
