"""How the end of an operation leaves an instance shelved, offloaded or back.

The functions work in their caller's transaction.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db import claims
from devstack_lite.db import volume_attachments as attachments
from devstack_lite.db.faults import Ending
from devstack_lite.db.schema import image_members, images, instances, ports
from devstack_lite.states import VmState

SHELVE = "shelve"
OFFLOAD = "shelveOffload"
UNSHELVE = "unshelve_offloaded"
IN_PLACE = "unshelve"
"""UNSHELVE is of one that has no host, IN_PLACE of one that has: it is started there."""
_KEPT = ("shelved_at", "shelved_host", "shelved_image_id")
"""Nova's keys in the system metadata."""


def settle(
    connection: Connection, row: Any, action: str, vm_state: VmState, now: Any
) -> Ending | None:
    """Do what the end of an operation means for shelving. None if it is not about that.

    row: the instance's before; vm_state: what it is now.
    """
    if action == IN_PLACE:
        end_unshelving(connection, row.uuid)
        return Ending(action=action)
    if action not in {SHELVE, OFFLOAD}:
        return None
    values: dict[str, Any] = {}
    if action == SHELVE:
        arguments = row.operation["arguments"]
        kept = {"shelved_at": now.isoformat(), "shelved_host": row.host}
        if "image_id" in arguments:
            if image_of(row) != arguments["image_id"]:
                drop_image(connection, row)
            kept["shelved_image_id"] = arguments["image_id"]
        values["system_metadata"] = {**(row.system_metadata or {}), **kept}
    if vm_state is VmState.SHELVED_OFFLOADED:
        claims.release(connection, [row.uuid])
        values |= _leave_host(connection, row.uuid, now)
    return Ending(action=action, values=values)


def stay_offloaded(connection: Connection, row: Any, error: str, now: Any) -> Ending | None:
    """End an unshelving that no host took: the instance stays offloaded. None for another."""
    if (row.operation or {}).get("name") != UNSHELVE:
        return None
    claims.release_building(connection, [row.uuid])
    values = _leave_host(connection, row.uuid, now)
    return Ending(action=UNSHELVE, values=values, result="Error", message=error[:255])


def _leave_host(connection: Connection, uuid: str, now: Any) -> dict[str, Any]:
    """Unbind what an instance holds from its host; return the columns of one that has none."""
    connection.execute(
        ports.update()
        .where(ports.c.device_id == uuid, ports.c.device_owner.startswith("compute:"))
        .values(host_id="", status="DOWN", updated_at=now)
    )
    attachments.disconnect(connection, uuid)
    return {"host": None, "node": None}


def end_unshelving(connection: Connection, uuid: str) -> None:
    """Note that an instance runs again: what it was kept in goes."""
    row = connection.execute(sa.select(instances).where(instances.c.uuid == uuid)).one()
    drop_image(connection, row)
    left = {key: value for key, value in (row.system_metadata or {}).items() if key not in _KEPT}
    connection.execute(
        instances.update().where(instances.c.uuid == uuid).values(system_metadata=left)
    )


def drop_image(connection: Connection, row: Any) -> None:
    """Remove the image that an instance was shelved in, if it was; its file goes with a sweep.

    Also of one that is not shelved any more: soft deleted, or in ERROR since.
    """
    image_id = image_of(row)
    if image_id is not None:
        connection.execute(image_members.delete().where(image_members.c.image_id == image_id))
        connection.execute(images.delete().where(images.c.id == image_id))


def image_of(row: Any) -> str | None:
    """Return the id of the image that an instance is kept in."""
    found: str | None = (row.system_metadata or {}).get("shelved_image_id")
    return found
