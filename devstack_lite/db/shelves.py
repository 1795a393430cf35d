"""Taking shelved instances from their hosts, and building them anew; how that ends is in shelving.

An offloaded instance has no host, no claim and no guest. Its ports and volumes stay its own, bound
to no host, and its image stands in its system metadata. Being unshelved it goes the way of a boot.
"""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db.actions import begin_action
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import instances
from devstack_lite.db.shelving import OFFLOAD, UNSHELVE, image_of
from devstack_lite.objects.compute import Instance
from devstack_lite.states import TaskState, VmState


def begin_unshelve(
    db: Database,
    context: RequestContext,
    uuid: str,
    *,
    target_host: str | None,
    zone: str | None,
    is_zone_given: bool,
) -> Instance:
    """Begin to build an offloaded instance on a host that the scheduler chooses.

    target_host: on that one, as far as the filters let it. zone: the availability zone that it is
    pinned to from now on, None for none, if is_zone_given. Delivered twice: the same. Raises
    NotFound, InstanceIsLocked, InstanceInvalidState.
    """

    def note(_connection: Connection, row: Any) -> dict[str, Any]:
        return {"target_host": target_host, "shelved_image_id": image_of(row)}

    return begin_action(
        db, context, uuid, action=UNSHELVE, called="unshelve",
        event="conductor_unshelve_instance", vm_states=(VmState.SHELVED_OFFLOADED,),
        task_state=TaskState.UNSHELVING, changes={"requested_zone": zone} if is_zone_given else {},
        alongside=note,
    )  # fmt: skip


def begin_offload(db: Database, context: RequestContext, uuid: str) -> Instance:
    """Begin to take a shelved instance from its host.

    Delivered twice: the same. Raises NotFound, InstanceIsLocked, InstanceInvalidState.
    """
    return begin_action(
        db, context, uuid, action=OFFLOAD, event="compute_shelve_offload_instance",
        vm_states=(VmState.SHELVED,), task_state=TaskState.SHELVING_OFFLOADING,
    )  # fmt: skip


def shelved_since(db: Database, *, older_than_s: float) -> list[str]:
    """Return the instances that have been shelved on their hosts for so long."""
    before = (utcnow() - datetime.timedelta(seconds=older_than_s)).isoformat()
    own = instances.c
    query = sa.select(own.uuid, own.system_metadata).where(
        own.vm_state == VmState.SHELVED, own.task_state.is_(None), own.deleted_at.is_(None)
    )
    with db.read() as connection:
        return [
            row.uuid
            for row in connection.execute(query)
            if (row.system_metadata or {}).get("shelved_at", "") < before
        ]
