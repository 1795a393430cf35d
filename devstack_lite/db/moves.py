"""Migrations in the database: what a resize or a cold migration changes besides the instance.

A move is noted when it is asked for, and its status goes on in the transactions in which the
instance's states do: the functions here work in their caller's. An instance that was resized holds
its old place, by the claim there, until that is confirmed or reverted. The quota counts the flavor
that was asked for, from that moment on.
"""

from __future__ import annotations

import uuid as uuidlib
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.context import RequestContext
from devstack_lite.db import claims, numa_claims
from devstack_lite.db.faults import Ending
from devstack_lite.db.quotas import Limits, change_quota
from devstack_lite.db.rows import flavor_to_json
from devstack_lite.db.schema import compute_nodes, instances, migrations
from devstack_lite.objects.compute import LIVE_WISH, Flavor
from devstack_lite.objects.registry import Json
from devstack_lite.states import MIGRATION_CANCELLED, TaskState

_IDS = uuidlib.UUID("0d0f6c1e-8f5b-4a7e-9a55-0f2b7f0f7a11")
"""Namespace of moves' ids: one request moves an instance once."""

RESIZE = "resize"
MIGRATE = "migrate"
EVACUATE = "evacuate"
CONFIRM = "confirmResize"
REVERT = "revertResize"
ABANDON = "abandon_resize"
"""What becomes of a resize that no host takes: the guest goes on where it was."""

LIVE = "live-migration"
RUN_LIVE = "run_live_migration"
"""What a live migration becomes when the scheduler has chosen: the host that it leaves does it."""

RESIZES = frozenset({RESIZE, MIGRATE})
_CHANGING = RESIZES | {ABANDON}
_KINDS = {
    RESIZE: ("resize", "pre-migrating"),
    MIGRATE: ("migration", "pre-migrating"),
    LIVE: ("live-migration", "accepted"),
    EVACUATE: ("evacuation", "accepted"),
}
"""By action the migration's type, and the status that it begins with."""
_UNCONFIRMED = ("finished", "confirming", "reverting")
OPEN = ("pre-migrating", "migrating", "accepted", "preparing", "running", *_UNCONFIRMED)
"""Statuses of a move that has not ended. Nova's words."""


def is_resize(row: Any) -> bool:
    """Say whether an instance is on its way to another node, to be confirmed there."""
    return _name(row) in RESIZES


def wanted_flavor(row: Any) -> Flavor:
    """Return the flavor that an instance has, or shall have: the one that the quota counts."""
    if _name(row) in _CHANGING:
        return Flavor(**row.operation["arguments"]["flavor"])
    return row.flavor if isinstance(row.flavor, Flavor) else Flavor(**row.flavor)


def holder_of(row: Any) -> str | None:
    """Return the host that may bind an instance's ports and volumes: the one it is to be on."""
    if _name(row) == REVERT:
        return str(row.operation["arguments"]["on_host"])
    if _name(row) == RUN_LIVE:
        return str(row.operation["arguments"]["dest_host"])
    found: str | None = row.host
    return found


def _name(row: Any) -> str | None:
    return (row.operation or {}).get("name")


def begin(
    connection: Connection,
    context: RequestContext,
    row: Any,
    *,
    action: str,
    flavor: Flavor,
    limits: Limits,
    now: Any,
) -> Json:
    """Note a resize of a locked row, or a cold migration; return its arguments.

    Raises QuotaExceeded.
    """
    old = Flavor(**row.flavor)
    change_quota(connection, row.project_id, old, flavor, limits)
    wanted = flavor_to_json(flavor)
    uuid = record(connection, context, row, action=action, new_flavor=wanted, now=now)
    return {"migration": uuid, "flavor": wanted}


def record(
    connection: Connection,
    context: RequestContext,
    row: Any,
    *,
    action: str,
    new_flavor: Json,
    now: Any,
) -> str:
    """Note a move of a locked row; return its id."""
    uuid = str(uuidlib.uuid5(_IDS, f"{row.uuid}/{context.request_id}/{action}"))
    kind, status = _KINDS[action]
    connection.execute(
        migrations.insert().values(
            uuid=uuid, instance_uuid=row.uuid, status=status, migration_type=kind,
            source_compute=row.host, source_node=row.node,
            old_flavor=row.flavor, new_flavor=new_flavor, old_vm_state=row.vm_state,
            user_id=context.user_id or row.user_id,
            project_id=context.project_id or row.project_id,
            created_at=now, updated_at=now,
        )
    )  # fmt: skip
    return uuid


def start(connection: Connection, row: Any, *, host: str, node: str, now: Any) -> None:
    """Note that a host builds what moves to it."""
    status = "pre-migrating" if _name(row) == EVACUATE else "migrating"
    _set(connection, row, now, status=status, dest_compute=host, dest_node=node)


def begin_evacuation(connection: Connection, context: RequestContext, row: Any, now: Any) -> Json:
    """Note an evacuation of a locked row; return its arguments."""
    return {
        "migration": record(
            connection, context, row, action=EVACUATE, new_flavor=row.flavor, now=now
        )
    }


def end_evacuation(connection: Connection, uuid: str, now: Any) -> None:
    """Note that an instance is built where it was evacuated to."""
    row = connection.execute(sa.select(instances).where(instances.c.uuid == uuid)).one()
    if row.operation is not None:
        _set(connection, row, now, status="done")


def arrive(connection: Connection, uuid: str, now: Any) -> None:
    """Note that an instance is on its new node, with its new flavor and its old place kept."""
    row = connection.execute(sa.select(instances).where(instances.c.uuid == uuid)).one()
    wanted = row.operation["arguments"]["flavor"]
    connection.execute(instances.update().where(instances.c.uuid == uuid).values(flavor=wanted))
    _set(connection, row, now, status="finished")


def is_live(row: Any) -> bool:
    """Say whether a live migration awaits its host."""
    return _name(row) == LIVE


def was_started_live(row: Any, *, node: str, attempt: int) -> bool:
    """Say whether start_live has been here already, and whoever it told may have died over it."""
    return (
        _name(row) == RUN_LIVE
        and row.attempt == attempt + 1
        and row.operation["arguments"]["dest_node"] == node
    )


def start_live(connection: Connection, row: Any, *, host: str, node: str, now: Any) -> Any:
    """Have the host that an instance leaves take it to a node that is claimed; return its row.

    From now on it is that host's operation: its next attempt, so that what asked for a place before
    asks in vain.
    """
    kept = row.operation["arguments"]
    operation = {
        **row.operation,
        "name": RUN_LIVE,
        "arguments": {
            **kept, "action": LIVE, "on_host": kept["host"], "dest_host": host, "dest_node": node,
            **numa_claims.kept(connection, row.uuid, node),
        },
    }  # fmt: skip
    connection.execute(
        instances.update()
        .where(instances.c.uuid == row.uuid)
        .values(
            operation=operation, attempt=row.attempt + 1, owner=None, progress_at=now,
            updated_at=now,
        )
    )  # fmt: skip
    _set(connection, row, now, status="preparing", dest_compute=host, dest_node=node)
    return connection.execute(sa.select(instances).where(instances.c.uuid == row.uuid)).one()


def wish_live(connection: Connection, row: Any, wish: str) -> bool:
    """Have whoever has a live migration in hand, of a locked row, end it so; False: none is."""
    if _name(row) != RUN_LIVE:
        return False
    arguments = {**row.operation["arguments"], LIVE_WISH: wish}
    connection.execute(
        instances.update()
        .where(instances.c.uuid == row.uuid)
        .values(operation={**row.operation, "arguments": arguments})
    )
    return True


def note_live(connection: Connection, uuid: str, attempt: int, progress: Json, now: Any) -> str:
    """Note how much of a live migration's memory is over; not what a fenced attempt says.

    Returns how a user has wished it to end, empty without.
    """
    own = instances.c
    row = connection.execute(
        sa.select(instances).where(own.uuid == uuid, own.attempt == attempt)
    ).one_or_none()
    if row is None or _name(row) != RUN_LIVE:
        return ""
    _set(connection, row, now, status="running", progress=progress)
    return str(row.operation["arguments"].get(LIVE_WISH, ""))


def stay_put(connection: Connection, row: Any, error: str, now: Any) -> Ending | None:
    """End a live migration that failed: the guest runs where it was. None for anything else."""
    if _name(row) not in {LIVE, RUN_LIVE}:
        return None
    claims.release_building(connection, [row.uuid])
    is_cancelled = MIGRATION_CANCELLED in error
    _set(connection, row, now, status="cancelled" if is_cancelled else "failed")
    return Ending(action=LIVE, result="Error", message=error[:255])


def turn_back(connection: Connection, row: Any, reason: str, now: Any) -> None:
    """Have the guest of a resize that failed go on where it was: the host's next operation.

    Whatever became of the attempt, its host has stopped the guest, perhaps.
    """
    kept = row.operation["arguments"]
    operation = {
        **row.operation,
        "name": ABANDON,
        "failures": 0,
        "first_attempt": row.attempt + 1,
        "arguments": {**kept, "action": row.operation["name"], "reason": reason},
    }
    connection.execute(
        instances.update()
        .where(instances.c.uuid == row.uuid)
        .values(
            host=kept["host"], node=kept["node"], operation=operation,
            task_state=TaskState.RESIZE_REVERTING, attempt=row.attempt + 1, owner=None,
            progress_at=now, updated_at=now,
        )
    )  # fmt: skip
    _set(connection, row, now, status="error")


def hold(connection: Connection, uuid: str, status: str, now: Any) -> Json | None:
    """Give the unconfirmed move of an instance a status; return what ends it needs, if it is there.

    Whatever ends it is done by the host that the instance came from.
    """
    row = _unconfirmed(connection, uuid)
    if row is None:
        return None
    connection.execute(
        migrations.update().where(migrations.c.id == row.id).values(status=status, updated_at=now)
    )
    return {
        "migration": row.uuid,
        "on_host": row.source_compute,
        "source_node": row.source_node,
        "old_flavor": row.old_flavor,
        "old_vm_state": row.old_vm_state,
    }


def _unconfirmed(connection: Connection, uuid: str) -> Any | None:
    own = migrations.c
    return connection.execute(
        sa.select(migrations)
        .where(own.instance_uuid == uuid, own.status.in_(_UNCONFIRMED))
        .order_by(own.id.desc())
        .limit(1)
    ).one_or_none()


def settle(connection: Connection, row: Any, action: str, now: Any) -> Ending:
    """Do what the end of an operation means for a move, if it is about one."""
    kept = (row.operation or {}).get("arguments", {})
    if action == CONFIRM:
        claims.release_elsewhere(connection, row.uuid, row.node)
        _set(connection, row, now, status="confirmed")
    elif action == REVERT:
        return _reverted(connection, row, kept, now)
    elif action == RUN_LIVE:
        return _arrived(connection, row, kept, now)
    elif action == ABANDON:
        change_quota(connection, row.project_id, wanted_flavor(row), Flavor(**row.flavor), None)
        return Ending(action=kept["action"], result="Error", message=kept["reason"][:255])
    return Ending(action=action)


def _reverted(connection: Connection, row: Any, kept: Json, now: Any) -> Ending:
    old = kept["old_flavor"]
    change_quota(connection, row.project_id, Flavor(**row.flavor), Flavor(**old), None)
    claims.release_elsewhere(connection, row.uuid, kept["source_node"])
    _set(connection, row, now, status="reverted")
    place = _place(connection, row, kept["on_host"], kept["source_node"])
    return Ending(action=REVERT, values={**place, "flavor": old})


def _arrived(connection: Connection, row: Any, kept: Json, now: Any) -> Ending:
    claims.end_building(connection, [row.uuid])
    claims.release_elsewhere(connection, row.uuid, kept["dest_node"])
    _set(connection, row, now, status="completed")
    return Ending(action=LIVE, values=_place(connection, row, kept["dest_host"], kept["dest_node"]))


def _place(connection: Connection, row: Any, host: str, node: str) -> dict[str, Any]:
    own = compute_nodes.c
    zone = connection.execute(
        sa.select(own.availability_zone).where(own.hypervisor_hostname == node)
    ).scalar()
    return {"host": host, "node": node, "availability_zone": zone or row.availability_zone}


def end_badly(connection: Connection, row: Any, now: Any) -> None:
    """Note that what was under way on a row ends in ERROR, or for something else."""
    if _name(row) in _CHANGING:
        change_quota(connection, row.project_id, wanted_flavor(row), Flavor(**row.flavor), None)
    if "migration" in (row.operation or {}).get("arguments", {}):
        _set(connection, row, now, status="error")


def end_with_instance(connection: Connection, uuid: str, now: Any) -> None:
    """End the moves of an instance that is deleted; what awaited confirmation counts as such."""
    own = migrations.c
    for status, before in (("confirmed", _UNCONFIRMED), ("error", OPEN)):
        connection.execute(
            migrations.update()
            .where(own.instance_uuid == uuid, own.status.in_(before))
            .values(status=status, updated_at=now)
        )


def _set(connection: Connection, row: Any, now: Any, **values: Any) -> None:
    connection.execute(
        migrations.update()
        .where(migrations.c.uuid == row.operation["arguments"].get("migration"))
        .values(updated_at=now, **values)
    )
