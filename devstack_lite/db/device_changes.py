"""Volumes and ports that go to an instance, or leave it, while it exists.

Such a change is no operation of the instance: its task_state stays None, as in Nova, and several
may be under way at once, one for each device. So each is a row of its own that holds what an
operation's columns of `instances` hold: what was asked and in whose name, the attempt that fences
it, the owner and when it was last heard of. The row is written in the transaction that reserves the
volume or marks it detaching, and goes in the one that ends that: the two cannot part.

- A worker reports what it has in hand by the change's id, as it reports operations.
- What is silent, or was a dead worker's, is handed out again with the next attempt; each kind may
  be carried out twice. An instance under way, or whose host is down, is waited for.
- A change ends only if the instance is as it was when the change was handed out (instance_attempt).
  Else the domain that was changed may be gone, replaced by one that was made from what was known
  before: the change is handed out again, and finds the domain that is there now.
- After MAX_ATTEMPTS it ends as one that failed: an attach is undone, a detach leaves what was.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db.actions import is_repeated, record_action, refuse_if_locked
from devstack_lite.db.device_ends import END
from devstack_lite.db.engine import Database
from devstack_lite.db.faults import finish_actions
from devstack_lite.db.operations import BATCH, MAX_ATTEMPTS, Bounds
from devstack_lite.db.rows import instance_of, locked_instance
from devstack_lite.db.schema import device_changes, instances
from devstack_lite.exceptions import InstanceInvalidState, NotFound
from devstack_lite.objects.compute import Instance, Progress
from devstack_lite.objects.device import ChangeKind, DeviceChange
from devstack_lite.objects.registry import Json
from devstack_lite.states import VmState

_WITH_VOLUMES = frozenset(
    {"active", "paused", "suspended", "stopped", "shelved", "shelved_offloaded"}
)
STATES = {
    ChangeKind.ATTACH_VOLUME: _WITH_VOLUMES,
    ChangeKind.DETACH_VOLUME: _WITH_VOLUMES,
    ChangeKind.ATTACH_INTERFACE: frozenset({"active", "paused", "stopped"}),
    ChangeKind.DETACH_INTERFACE: frozenset({"active", "paused", "stopped"}),
}
"""The vm_states in which Nova allows each."""

Handed = tuple[Instance, DeviceChange]


def change_of(row: Any) -> DeviceChange:
    """Return the change of a full row."""
    return DeviceChange(**row._mapping)


def context_of_change(change: DeviceChange) -> RequestContext:
    """Return the context in which a change was asked for."""
    return RequestContext.from_message({**change.context, "instance_uuid": change.instance_uuid})


def find_change(connection: Connection, uuid: str, device_id: str) -> DeviceChange | None:
    """Return what is under way with a device of an instance."""
    own = device_changes.c
    row = connection.execute(
        sa.select(device_changes).where(own.instance_uuid == uuid, own.device_id == device_id)
    ).one_or_none()
    return None if row is None else change_of(row)


def is_under_way(db: Database, change_id: str) -> bool:
    """Say whether a change has not ended yet."""
    with db.read() as connection:
        query = sa.select(device_changes.c.id).where(device_changes.c.id == change_id)
        return connection.execute(query).first() is not None


def has_left(row: Any) -> bool:
    """Say whether an instance has no host that would have to change its devices."""
    return bool(row.vm_state == VmState.SHELVED_OFFLOADED)


def end_at_once(
    connection: Connection,
    context: RequestContext,
    row: Any,
    *,
    kind: ChangeKind,
    device_id: str,
    arguments: Json,
) -> DeviceChange:
    """Note a change of an instance that no host has, over with it; in the caller's transaction."""
    now = utcnow()
    record_action(connection, context, row, action=kind, event=f"api_{kind}", now=now)
    finish_actions(
        connection, [row.uuid], kind, now, result="Success", request_id=context.request_id
    )
    return DeviceChange(
        id="", instance_uuid=row.uuid, kind=kind, device_id=device_id, arguments=arguments,
        attempt=0,
    )  # fmt: skip


def check_instance(
    connection: Connection, context: RequestContext, uuid: str, kind: ChangeKind
) -> tuple[Any, bool]:
    """Return the instance's locked row, and whether this very request was heard before.

    Raises NotFound, InstanceIsLocked, InstanceInvalidState.
    """
    row = locked_instance(connection, uuid)
    if is_repeated(connection, row, context, kind):
        return row, True
    refuse_if_locked(row, context)
    for attribute, is_fine in (
        ("vm_state", row.vm_state in STATES[kind] and (has_left(row) or row.host is not None)),
        ("task_state", row.task_state is None),
    ):
        if not is_fine:
            raise InstanceInvalidState.of(
                uuid, action=kind, attribute=attribute, state=getattr(row, attribute)
            )
    return row, False


def begin(
    connection: Connection,
    context: RequestContext,
    row: Any,
    *,
    change_id: str,
    kind: ChangeKind,
    device_id: str,
    arguments: Json,
) -> DeviceChange:
    """Note a change of a locked instance, in the caller's transaction."""
    now = utcnow()
    change = DeviceChange(
        id=change_id,
        instance_uuid=row.uuid,
        kind=kind,
        device_id=device_id,
        arguments=arguments,
        context=context.to_message(),
        instance_attempt=row.attempt,
        progress_at=now,
        created_at=now,
    )
    connection.execute(
        device_changes.insert().values({name: getattr(change, name) for name in change.__slots__})
    )
    record_action(connection, context, row, action=kind, event=f"compute_{kind}", now=now)
    return change


def finish_change(
    db: Database, change_id: str, *, attempt: int, result: Json, error: str | None
) -> bool:
    """End a change, as one that failed when error is given. One transaction.

    False, and nothing changed, when another attempt has it, or the instance is under way or another
    than the one whose devices were changed; it is handed out again then. Delivered twice: the
    second finds it gone.
    """
    now = utcnow()
    own = device_changes.c
    with db.write() as connection:
        seen = connection.execute(
            sa.select(own.instance_uuid).where(own.id == change_id)
        ).one_or_none()
        if seen is None:
            return False
        try:
            # The instance before the change, as everywhere: two that wait for each other never end.
            row = locked_instance(connection, seen.instance_uuid)
        except NotFound:
            connection.execute(device_changes.delete().where(own.id == change_id))
            return False
        found = connection.execute(
            sa.select(device_changes).where(own.id == change_id)
        ).one_or_none()
        if found is None or found.attempt != attempt:
            return False
        change = change_of(found)
        if row.task_state is not None or row.attempt != change.instance_attempt:
            connection.execute(device_changes.update().where(own.id == change_id)
                               .values(owner=None, progress_at=now))  # fmt: skip
            return False
        _end(connection, row, change, result, error, now)
        return True


def _end(
    connection: Connection,
    row: Any,
    change: DeviceChange,
    result: Json,
    error: str | None,
    now: datetime.datetime,
) -> None:
    END[ChangeKind(change.kind)](connection, row, change, None if error else result)
    connection.execute(device_changes.delete().where(device_changes.c.id == change.id))
    finish_actions(
        connection, [row.uuid], change.kind, now, request_id=change.context["request_id"],
        result="Error" if error else "Success", message=error[:255] if error else None,
    )  # fmt: skip


def note_progress(db: Database, reports: Sequence[Progress]) -> list[str]:
    """Note that workers still have these in hand; return those that are no longer theirs.

    instance_uuid of a report is a change's id. Delivered twice: the same values again.
    """
    own = device_changes.c
    lost = []
    with db.write() as connection:
        for report in sorted(reports, key=lambda one: one.instance_uuid):
            changed = connection.execute(
                device_changes.update()
                .where(own.id == report.instance_uuid, own.attempt == report.attempt)
                .values(owner=report.owner, progress_at=utcnow())
            )
            if not changed.rowcount:
                lost.append(report.instance_uuid)
    return lost


def hand_out_silent(
    db: Database,
    bounds: Bounds,
    *,
    down_hosts: Collection[str] = (),
    held: Collection[str] = (),
) -> list[Handed]:
    """Take what has been silent for too long from whoever had it; return it to be asked again.

    That of instances that somebody holds at a failpoint waits.
    """
    now = utcnow()
    own = device_changes.c
    unowned, owned = (
        now - datetime.timedelta(seconds=seconds) for seconds in (bounds.unowned_s, bounds.owned_s)
    )
    return _hand_out(
        db,
        sa.and_(
            sa.or_(
                sa.and_(own.owner.is_(None), own.progress_at < unowned), own.progress_at < owned
            ),
            own.instance_uuid.not_in(held),
        ),
        down_hosts,
    )  # fmt: skip


def hand_out_of_worker(
    db: Database,
    *,
    host: str,
    predecessors: str,
    successor: str,
    started_at: datetime.datetime,
) -> list[Handed]:
    """Take what a dead compute worker left behind; return it to be asked again.

    As operations.hand_out_of_worker: what nobody has in hand may have died with it.
    """
    own = device_changes.c
    here = sa.select(instances.c.uuid).where(
        instances.c.host == host, instances.c.deleted_at.is_(None)
    )
    return _hand_out(
        db,
        sa.or_(
            sa.and_(own.owner.startswith(predecessors, autoescape=True), own.owner != successor),
            sa.and_(
                own.owner.is_(None), own.instance_uuid.in_(here), own.progress_at < started_at
            ),
        ),
        (),
    )  # fmt: skip


def _hand_out(
    db: Database, condition: sa.ColumnElement[bool], down_hosts: Collection[str]
) -> list[Handed]:
    query = (
        sa.select(device_changes.c.id, device_changes.c.instance_uuid)
        .where(condition)
        .order_by(device_changes.c.progress_at)
        .limit(BATCH)
    )
    with db.read() as connection:
        # Most sweeps find nothing: look before taking the write lock.
        found = connection.execute(query).all()
    if not found:
        return []
    again = []
    with db.write() as connection:
        for one in found:
            handed = _hand_out_one(connection, one, condition, down_hosts)
            if handed is not None:
                again.append(handed)
    return again


def _hand_out_one(
    connection: Connection, seen: Any, condition: sa.ColumnElement[bool],
    down_hosts: Collection[str],
) -> Handed | None:  # fmt: skip
    own = device_changes.c
    now = utcnow()
    try:
        row = locked_instance(connection, seen.instance_uuid)
    except NotFound:
        connection.execute(device_changes.delete().where(own.id == seen.id))
        return None
    found = connection.execute(
        sa.select(device_changes).where(own.id == seen.id, condition)
    ).one_or_none()
    if found is None:
        return None
    change = device_changes.update().where(own.id == seen.id)
    if row.task_state is not None or row.host is None or row.host in down_hosts:
        connection.execute(change.values(owner=None, progress_at=now))
        return None
    if found.attempt >= MAX_ATTEMPTS:
        error = f"{found.kind} was handed out {found.attempt} times and never finished"
        _end(connection, row, change_of(found), {}, error, now)
        return None
    connection.execute(
        change.values(
            attempt=found.attempt + 1, instance_attempt=row.attempt, owner=None, progress_at=now
        )
    )
    fresh = connection.execute(sa.select(device_changes).where(own.id == seen.id)).one()
    return instance_of(row), change_of(fresh)
