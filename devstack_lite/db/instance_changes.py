"""What changes of an instance at once: no host has to do anything for it.

Each function is one transaction and leaves an instance action that has ended, as Nova's API does.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db.actions import is_repeated, record_action
from devstack_lite.db.engine import Database
from devstack_lite.db.faults import finish_actions
from devstack_lite.db.rows import instance_of, locked_instance
from devstack_lite.db.schema import instances
from devstack_lite.exceptions import Conflict
from devstack_lite.instance_metadata.passwords import password_of, with_password
from devstack_lite.objects.compute import Instance

OWNER = "owner"
ADMIN = "admin"


def locker_of(context: RequestContext, project_id: str) -> str:
    """Return as whom the caller locks an instance of a project: OWNER or ADMIN."""
    return OWNER if context.project_id == project_id else ADMIN


def set_lock(
    db: Database,
    context: RequestContext,
    uuid: str,
    *,
    is_locked: bool,
    reason: str | None = None,
) -> Instance:
    """Lock an instance, or unlock it, which forgets the reason.

    One that its owner locks is locked by whoever locked it first. Delivered twice: the same.
    Raises NotFound.
    """
    action = "lock" if is_locked else "unlock"
    with db.write() as connection:
        row = locked_instance(connection, uuid)
        locked_by = locker_of(context, row.project_id)
        if is_repeated(connection, row, context, action) or (
            is_locked and row.is_locked and locked_by == OWNER
        ):
            return instance_of(row)
        _change(connection, context, row, action, {
            "is_locked": is_locked, "locked_by": locked_by if is_locked else None,
            "locked_reason": reason if is_locked else None,
        })  # fmt: skip
        return instance_of(_row(connection, uuid))


def _change(
    connection: Connection, context: RequestContext, row: Any, action: str, values: dict[str, Any]
) -> None:
    """Change an instance's columns and note the action, begun and ended, in this transaction."""
    connection.execute(
        instances.update().where(instances.c.uuid == row.uuid).values(updated_at=utcnow(), **values)
    )
    note_done(connection, context, row, action=action, event=f"api_{action}")


def note_done(
    connection: Connection,
    context: RequestContext,
    row: Any,
    *,
    action: str,
    event: str,
    error: str | None = None,
) -> None:
    """Note an action of a locked row that is over, as one that failed when error is given."""
    now = utcnow()
    record_action(connection, context, row, action=action, event=event, now=now)
    finish_actions(
        connection, [row.uuid], action, now, result="Error" if error else "Success",
        message=error[:255] if error else None, request_id=context.request_id,
    )  # fmt: skip


def record_done(
    db: Database,
    context: RequestContext,
    uuid: str,
    *,
    action: str,
    event: str,
    error: str | None = None,
) -> None:
    """Note what a host has done to an instance at once. One transaction.

    Delivered twice (the same request id): noted once. Raises NotFound.
    """
    with db.write() as connection:
        row = locked_instance(connection, uuid)
        if not is_repeated(connection, row, context, action):
            note_done(connection, context, row, action=action, event=event, error=error)


def set_password(db: Database, uuid: str, password: str) -> None:
    """Keep the encrypted password that a guest posts, once; an empty one forgets it.

    One transaction, and no instance action: no user did it. Delivered twice: the same. Raises
    NotFound, Conflict when there is another.
    """
    with db.write() as connection:
        found = instance_of(locked_instance(connection, uuid))
        kept = password_of(found)
        if password and kept and kept != password:
            raise Conflict(f"Instance {uuid} has a password already.", kind="instance")
        connection.execute(
            instances.update()
            .where(instances.c.uuid == uuid)
            .values(system_metadata=with_password(found.system_metadata, password))
        )


def _row(connection: Connection, uuid: str) -> Any:
    return connection.execute(sa.select(instances).where(instances.c.uuid == uuid)).one()
