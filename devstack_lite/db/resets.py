"""An administrator's word on what state an instance is in, whatever it was."""

from __future__ import annotations

from devstack_lite.clock import utcnow
from devstack_lite.db import claims, moves
from devstack_lite.db.engine import Database
from devstack_lite.db.faults import NOTHING_UNDER_WAY, finish_actions
from devstack_lite.db.operations import stay
from devstack_lite.db.quotas import recount
from devstack_lite.db.rows import instance_of, locked_instance
from devstack_lite.db.schema import instances
from devstack_lite.db.snapshots import drop_unfilled
from devstack_lite.objects.compute import Instance
from devstack_lite.states import VmState


def reset_state(db: Database, uuid: str, vm_state: VmState) -> Instance:
    """Have an instance be in vm_state with nothing under way. One transaction.

    What was under way is fenced off by the next attempt: whoever has it in hand ends nothing. An
    instance that was to move is where it was. Delivered twice: the second changes nothing. Raises
    NotFound.
    """
    now = utcnow()
    with db.write() as connection:
        row = locked_instance(connection, uuid)
        attempt = row.attempt
        if row.task_state is not None:
            attempt += 1
            moves.end_badly(connection, row, now)
            drop_unfilled(connection, row)
            stay(connection, row)
            here = locked_instance(connection, uuid)
            if here.node is None:
                claims.release_building(connection, [uuid])
            else:
                claims.release_elsewhere(connection, uuid, here.node)
                claims.end_building(connection, [uuid])
            finish_actions(
                connection, [uuid], None, now, result="Error", message="Ended by a state reset."
            )
        elif row.vm_state == VmState.RESIZED:
            # As if confirmed: the host it came from removes what it still has.
            claims.release_elsewhere(connection, uuid, row.node)
            moves.end_with_instance(connection, uuid, now)
        recount(connection, row, vm_state, None)
        connection.execute(
            instances.update()
            .where(instances.c.uuid == uuid)
            .values(**NOTHING_UNDER_WAY, vm_state=vm_state, attempt=attempt, updated_at=now)
        )
        return instance_of(locked_instance(connection, uuid))
