"""Operations under way: an instance with a task_state has one, and nothing of it is kept elsewhere.

The instance's row holds what was asked (`operation`), who has it in hand (`owner`), when it was
last heard of (`progress_at`) and the attempt that fences it. Whatever makes no progress is handed
out again with the next attempt: what an earlier one still does or says is refused from then on.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import claims, moves, shelving
from devstack_lite.db.engine import Database
from devstack_lite.db.faults import end_failed
from devstack_lite.db.rows import instance_of
from devstack_lite.db.schema import claims as claim_table
from devstack_lite.db.schema import instances
from devstack_lite.objects.compute import Fault, Instance, Progress
from devstack_lite.objects.registry import Json
from devstack_lite.states import AWAITS_HOST, TaskState

BUILD = "create"
DELETE = "delete"
EVACUATE = moves.EVACUATE
PLACED = frozenset({BUILD, EVACUATE, moves.LIVE, shelving.UNSHELVE}) | moves.RESIZES
"""Operations that begin with the scheduler's choice of a host, where everything is built."""

MAX_ATTEMPTS = 30
"""Times an operation is handed out before it ends in ERROR. An attempt is lost only to a worker
that died or hung under it; a build that a host failed counts in `failures` besides."""

BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long an operation may be silent, in seconds, before it is handed out again."""

    unowned_s: float
    owned_s: float


def operation_of(name: str, context: RequestContext, **arguments: Any) -> Json:
    """Return an operation as the row keeps it: enough to be asked for again."""
    return {"name": name, "arguments": arguments, "context": context.to_message(), "failures": 0}


def times_handed_out(row: Any) -> int:
    """Return how often what is under way was handed out: a row's attempt counts its whole life."""
    return int(row.attempt) - int((row.operation or {}).get("first_attempt", 1)) + 1


def context_of(instance: Instance) -> RequestContext:
    """Return the context in which an instance's operation was asked for."""
    kept = (instance.operation or {}).get("context", {})
    return RequestContext.from_message({**kept, "instance_uuid": instance.uuid})


def is_placed(row: Any) -> bool:
    """Say whether the scheduler chooses a host for what is under way on an instance."""
    return (row.operation or {}).get("name") in PLACED


def is_moving(row: Any) -> bool:
    """Say whether an instance that is somewhere is on its way elsewhere."""
    return is_placed(row) and row.operation["name"] != BUILD


def waits_for_host(row: Any) -> bool:
    """Say whether nobody but the instance's own host can do what is under way on it."""
    return not is_placed(row) and (row.operation or {}).get("name") != DELETE


def host_of(row: Any) -> str | None:
    """Return Instance.operation_host of a row."""
    found: str | None = (row.operation or {}).get("arguments", {}).get("on_host", row.host)
    return found


def before_placing(row: Any) -> Json:
    """Return the columns of an operation that waits for the scheduler again; none for another.

    A boot has no host then, and whatever moves is still where it was.
    """
    if not is_placed(row):
        return {}
    if row.operation["name"] == BUILD:
        return {"task_state": TaskState.SCHEDULING, "host": None, "node": None}
    kept = row.operation["arguments"]
    return {
        "task_state": TaskState(kept["task_state"]), "host": kept["host"], "node": kept["node"],
    }  # fmt: skip


def stay(connection: Connection, row: Any) -> None:
    """Have an instance that was to move, and could not, be where it was."""
    if is_moving(row):
        was = before_placing(row)
        connection.execute(
            instances.update()
            .where(instances.c.uuid == row.uuid)
            .values(host=was["host"], node=was["node"])
        )


def is_under_way(db: Database, uuid: str, attempt: int) -> bool:
    """Say whether this attempt has the instance: it was not fenced, nor has it ended. One read."""
    own = instances.c
    query = sa.select(own.uuid).where(
        own.uuid == uuid,
        own.attempt == attempt,
        own.task_state.is_not(None),
        own.deleted_at.is_(None),
    )
    with db.read() as connection:
        return connection.execute(query).first() is not None


def note_progress(db: Database, reports: Sequence[Progress]) -> list[str]:
    """Note that workers still have these in hand; return those that are no longer theirs.

    A build's task_state is shown, too. Delivered twice: the same values again.
    """
    now = utcnow()
    own = instances.c
    lost = []
    with db.write() as connection:
        for report in sorted(reports, key=lambda one: one.instance_uuid):
            change = instances.update().where(
                own.uuid == report.instance_uuid,
                own.attempt == report.attempt,
                own.task_state.is_not(None),
            )
            if report.task_state is not None:
                change = change.where(own.task_state != TaskState.DELETING).values(
                    task_state=report.task_state, updated_at=now
                )
            changed = connection.execute(change.values(owner=report.owner, progress_at=now))
            if not changed.rowcount:
                lost.append(report.instance_uuid)
    return lost


def hand_out_silent(
    db: Database,
    bounds: Bounds,
    *,
    down_hosts: Collection[str] = (),
    held: Collection[str] = (),
) -> list[Instance]:
    """Take what has been silent for too long from whoever had it; return it to be asked again.

    What only a host in down_hosts can do waits for it: no attempt is lost on the dead. So do the
    instances that somebody holds at a failpoint.
    """
    now = utcnow()
    own = instances.c

    def before(seconds: float) -> datetime.datetime:
        return now - datetime.timedelta(seconds=seconds)

    is_silent = sa.or_(
        sa.and_(own.owner.is_(None), own.progress_at < before(bounds.unowned_s)),
        own.progress_at < before(bounds.owned_s),
    )
    with db.read() as connection:
        # Most sweeps find nothing: look before taking the write lock.
        if not _under_way(connection, is_silent):
            return []
    with db.write() as connection:
        rows = _under_way(connection, is_silent)
        waiting = [
            row
            for row in rows
            if row.uuid in held or (waits_for_host(row) and _hosts_of(row) & set(down_hosts))
        ]
        connection.execute(
            instances.update()
            .where(own.uuid.in_([row.uuid for row in waiting]))
            .values(progress_at=now)
        )
        return _hand_out(connection, [row for row in rows if row not in waiting], now)


def hand_out_of_worker(
    db: Database,
    *,
    service: str,
    host: str,
    predecessors: str,
    successor: str,
    started_at: datetime.datetime,
    grace_s: float,
) -> list[Instance]:
    """Take what a dead worker left behind; return it to be asked again.

    predecessors: what the owners of earlier workers of that number begin with; successor: the
    worker that is there now. A message that nobody has in hand may have died with the worker, too,
    unless it is younger than the successor or than grace_s seconds. Delivered twice: what the first
    handed out is younger, and the second finds nothing.
    """
    now = utcnow()
    own = instances.c
    left = own.progress_at < min(started_at, now - datetime.timedelta(seconds=grace_s))
    if service == "scheduler":
        condition = sa.and_(own.task_state.in_(AWAITS_HOST), own.owner.is_(None), left)
    elif service == "api":
        # What it had recorded and asked nobody for yet.
        condition = sa.and_(own.owner.is_(None), left)
    else:
        elsewhere = own.operation["arguments"]["on_host"].as_string()
        claimed_here = sa.select(claim_table.c.instance_uuid).where(
            claim_table.c.host == host, claim_table.c.is_building.is_(True)
        )
        condition = sa.or_(
            sa.and_(own.owner.startswith(predecessors, autoescape=True), own.owner != successor),
            sa.and_(own.owner.is_(None), sa.func.coalesce(elsewhere, own.host) == host, left),
            sa.and_(
                own.owner.is_(None),
                own.task_state.in_(AWAITS_HOST),
                own.uuid.in_(claimed_here),
                left,
            ),
        )
    with db.write() as connection:
        return _hand_out(connection, _under_way(connection, condition), now)


def _hosts_of(row: Any) -> set[Any]:
    """Return the hosts without which what is under way cannot end."""
    if (row.operation or {}).get("name") == moves.REVERT:
        return {host_of(row), row.host}
    return {host_of(row)}


def _under_way(connection: Connection, condition: sa.ColumnElement[bool]) -> Sequence[Any]:
    query = (
        sa.select(instances)
        .where(instances.c.task_state.is_not(None), instances.c.deleted_at.is_(None), condition)
        .order_by(instances.c.progress_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    return connection.execute(query).all()


def _hand_out(connection: Connection, rows: Sequence[Any], now: Any) -> list[Instance]:
    again = []
    for row in rows:
        name = (row.operation or {}).get("name", row.task_state)
        if (times := times_handed_out(row)) >= MAX_ATTEMPTS:
            fault = Fault(
                instance_uuid=row.uuid,
                code=500,
                message=f"{name} was handed out {times} times and never finished",
            )
            stay(connection, row)
            moves.end_badly(connection, row, now)
            end_failed(connection, row, fault, name, now)
            claims.release_building(connection, [row.uuid])
            continue
        again.append(row)
    own = instances.c
    common: dict[Any, Any] = {"attempt": own.attempt + 1, "owner": None, "progress_at": now}
    claims.release_building(connection, [row.uuid for row in again if is_placed(row)])
    groups: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for row in again:
        groups[tuple(before_placing(row).items())].append(row.uuid)
    for values, members in groups.items():
        connection.execute(
            instances.update().where(own.uuid.in_(members)).values(**dict(values), **common)
        )
    uuids = [row.uuid for row in again]
    if not uuids:
        return []
    fresh = connection.execute(sa.select(instances).where(own.uuid.in_(uuids))).all()
    return [instance_of(row) for row in fresh]
