"""A boot in the database: created, started, under way, finished. failed_builds has those that fail.

Each function is one transaction over many instances, and refuses what comes from an attempt that
is not the instance's own any more: the attempt is the fencing token of a build.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import claims, device_tags, moves, shelving
from devstack_lite.db.boot_steps import write_steps
from devstack_lite.db.boot_volumes import record_volumes
from devstack_lite.db.engine import Database
from devstack_lite.db.faults import NOTHING_UNDER_WAY, finish_actions
from devstack_lite.db.operations import BUILD, EVACUATE, is_moving, operation_of
from devstack_lite.db.quotas import Limits, headroom, size_of, take_quota
from devstack_lite.db.rows import boot_to_json, flavor_to_json, instance_of
from devstack_lite.db.schema import action_events, compute_nodes, instance_actions, instances
from devstack_lite.db.schema import claims as claims_table
from devstack_lite.db.server_groups import join
from devstack_lite.db.statements import one_of
from devstack_lite.db.tags import add_tags
from devstack_lite.db.user_quotas import check_user, user_headroom
from devstack_lite.exceptions import QuotaExceeded
from devstack_lite.names import hostname_of, name_of
from devstack_lite.objects.compute import BootRequest, BuildOrder, BuildResult, Instance
from devstack_lite.states import (
    AWAITS_HOST,
    BUILD_STATES,
    REBUILD_STATES,
    RESIZE_STATES,
    PowerState,
    TaskState,
    Verdict,
    VmState,
)
from devstack_lite.steps import StepLog

EVENTS = {
    BUILD: "compute__do_build_and_run_instance",
    EVACUATE: "compute_rebuild_instance",
    moves.RESIZE: "compute_finish_resize",
    moves.MIGRATE: "compute_finish_resize",
    "unshelve": "compute_unshelve_instance",
}
"""Nova's names of what its compute manager does for an action."""


def create_instances(
    db: Database, context: RequestContext, boot: BootRequest, limits: Limits
) -> list[Instance]:
    """Record the request's instances, each with its `create` action; all or none.

    As many as the quota has room for where the request says that fewer will do. Delivered twice:
    the instances that are there are returned. Raises QuotaExceeded.
    """
    try:
        return create_all(db, [(context, boot, limits)])[0]
    except (IntegrityError, QuotaExceeded) as error:
        # A second delivery finds its ids taken, or no room left beside the first one's.
        with db.read() as connection:
            there = connection.execute(_BY_UUID, {"uuids": list(boot.instance_uuids)}).all()
        if there:
            return [instance_of(row) for row in there]
        if isinstance(error, QuotaExceeded):
            raise
    # Somebody else's boot was the first one of the project as well, and has counted it.
    [made] = create_all(db, [(context, boot, limits)])
    return made


def create_all(
    db: Database, requests: Sequence[tuple[RequestContext, BootRequest, Limits]]
) -> list[list[Instance]]:
    """Record the instances of many requests, all or none. One transaction.

    Raises whatever keeps one of them from being recorded; each alone may do better.
    """
    with db.write() as connection:
        return _create(connection, requests)


_BY_UUID = sa.select(instances).where(one_of(instances.c.uuid))
_INSERT_INSTANCES = instances.insert()
_INSERT_ACTIONS = instance_actions.insert()


def _create(
    connection: Connection, requests: Sequence[tuple[RequestContext, BootRequest, Limits]]
) -> list[list[Instance]]:
    now = utcnow()
    made, left = [], []
    for context, boot, limits in requests:
        rows = _new_rows(connection, context, boot, limits, now)
        made.append((context, boot, rows))
        if limits.of_user:
            # What a user has is counted by its rows: the next of the same user shall see these.
            connection.execute(_INSERT_INSTANCES, rows)
        else:
            left += rows
    if left:
        connection.execute(_INSERT_INSTANCES, left)
    for context, boot, rows in made:
        uuids = [row["uuid"] for row in rows]
        for uuid in uuids:
            add_tags(connection, uuid, boot.tags)
        if boot.volumes:
            record_volumes(connection, context, boot.volumes, uuids)
        device_tags.record_boot(connection, boot, uuids)
        if "group" in boot.scheduler_hints:
            join(connection, str(boot.scheduler_hints["group"]), uuids)
    connection.execute(
        _INSERT_ACTIONS,
        [
            _action_row(context, row["uuid"], BUILD, now)
            for context, _, rows in made
            for row in rows
        ],
    )
    return [
        [
            Instance(**{
                **row, "flavor": boot.flavor, "vm_state": VmState.BUILDING,
                "task_state": TaskState.SCHEDULING, "power_state": PowerState.NOSTATE,
                "network_info": (),
            })
            for row in rows
        ]
        for _, boot, rows in made
    ]  # fmt: skip


def _new_rows(
    connection: Connection, context: RequestContext, boot: BootRequest, limits: Limits, now: Any
) -> list[dict[str, Any]]:
    """Take a request's quota; return the rows of as many instances as there is room for."""
    flavor = flavor_to_json(boot.flavor)
    request = boot_to_json(boot)
    operation = operation_of(BUILD, context)
    count = len(boot.instance_uuids)
    least = boot.min_count or count
    who = (str(context.project_id), str(context.user_id), boot.flavor)
    if least < count:
        room = headroom(connection, str(context.project_id), boot.flavor, limits)
        rooms = [one for one in (room, user_headroom(connection, *who, limits)) if one is not None]
        count = max(least, min(count, *rooms)) if rooms else count
    take_quota(connection, str(context.project_id), boot.flavor, count, limits)
    check_user(connection, *who[:2], size_of(boot.flavor, count), limits)
    rows = []
    for index, uuid in enumerate(boot.instance_uuids[:count]):
        name = name_of(boot.name, index, count)
        rows.append({
            "uuid": uuid, "name": name, "hostname": boot.hostname or hostname_of(name, uuid),
            "project_id": context.project_id, "user_id": context.user_id,
            "flavor": flavor, "image_ref": boot.image_ref,
            "vm_state": VmState.BUILDING, "task_state": TaskState.SCHEDULING,
            "power_state": PowerState.NOSTATE, "attempt": 1,
            "requested_zone": boot.availability_zone, "launch_index": index,
            "reservation_id": boot.reservation_id, "key_name": boot.key_name,
            "description": boot.description, "metadata": dict(boot.metadata),
            "user_data": boot.user_data, "config_drive": boot.config_drive,
            "auto_disk_config": boot.auto_disk_config,
            "access_ip_v4": boot.access_ip_v4, "access_ip_v6": boot.access_ip_v6,
            "network_info": [], "boot_request": request,
            "request_id": context.request_id, "is_locked": False, "progress": 0,
            "operation": operation, "progress_at": now,
            "created_at": now, "updated_at": now,
        })  # fmt: skip
    return rows


def _action_row(context: RequestContext, uuid: str, action: str, now: Any) -> dict[str, Any]:
    return {
        "instance_uuid": uuid,
        "action": action,
        "request_id": context.request_id,
        "user_id": context.user_id,
        "project_id": context.project_id,
        "started_at": now,
        "updated_at": now,
    }


_FIRST_OF = {
    TaskState.SCHEDULING: TaskState.NETWORKING,
    TaskState.REBUILDING: TaskState.REBUILD_BLOCK_DEVICE_MAPPING,
    TaskState.RESIZE_PREP: TaskState.RESIZE_MIGRATING,
    TaskState.UNSHELVING: TaskState.SPAWNING,
}
"""What a host does first about what awaited it."""


def _of_claim(column: sa.Column[Any]) -> sa.ScalarSelect[Any]:
    """Return a column of the claim that an instance is to be built on.

    Not a join: MariaDB would lock what is joined as well.
    """
    return sa.select(column).where(claims.IS_TO_BUILD_ON).scalar_subquery()


_TO_BUILD = (
    sa.select(
        instances,
        _of_claim(claims_table.c.node).label("claimed_node"),
        _of_claim(claims_table.c.numa_topology).label("claimed_cells"),
    )
    .where(
        one_of(instances.c.uuid),
        instances.c.deleted_at.is_(None),
        instances.c.task_state.in_(BUILD_STATES),
    )
    .with_for_update()
)
_HAND_OVER = instances.update().where(one_of(instances.c.uuid))


def start_builds(
    db: Database, host: str, owner: str, orders: Sequence[BuildOrder], log: StepLog
) -> list[Instance]:
    """Hand these builds to owner on host; return the instances that are its to build.

    A live migration becomes the operation of the host that it leaves: it is returned to be handed
    to that one. An instance whose attempt is another, or that somebody else builds or deletes, is
    left out.
    Delivered twice: the same owner gets the same instances. Writes the steps known so far.
    """
    [granted] = start_all(db, host, owner, [(orders, log)])
    return granted


def start_all(
    db: Database, host: str, owner: str, groups: Sequence[tuple[Sequence[BuildOrder], StepLog]]
) -> list[list[Instance]]:
    """Do what start_builds does for many groups of orders, in one transaction."""
    now = utcnow()
    wanted = {order.instance_uuid: order for orders, _ in groups for order in orders}
    logs = {order.instance_uuid: log for orders, log in groups for order in orders}
    with db.write() as connection:
        rows = connection.execute(_TO_BUILD, {"uuids": list(wanted)}).all()
        claimed = {row.uuid: row.claimed_node for row in rows}
        fresh: dict[tuple[str, str], list[str]] = defaultdict(list)
        granted, live = [], []
        for row in rows:
            order = wanted[row.uuid]
            if moves.was_started_live(row, node=order.node, attempt=order.attempt):
                live.append(row)
            if row.attempt != order.attempt:
                continue
            if row.task_state == TaskState.MIGRATING:
                if moves.is_live(row) and claimed.get(row.uuid) == order.node:
                    live.append(
                        moves.start_live(connection, row, host=host, node=order.node, now=now)
                    )
                continue
            if row.task_state in AWAITS_HOST:
                if claimed.get(row.uuid) != order.node:
                    continue  # The request came twice, and the other one's choice was claimed.
                fresh[order.node, _FIRST_OF[row.task_state]].append(row.uuid)
                if is_moving(row):
                    moves.start(connection, row, host=host, node=order.node, now=now)
            elif row.owner != owner:
                continue
            granted.append(row)
        for (node, task_state), uuids in fresh.items():
            connection.execute(
                _HAND_OVER,
                {
                    "uuids": uuids, "host": host, "node": node, "owner": owner,
                    "task_state": task_state, "progress_at": now, "updated_at": now,
                },
            )  # fmt: skip
        started = [uuid for uuids in fresh.values() for uuid in uuids]
        _start_events(connection, started, host, now)
        write_steps(
            connection,
            [(row.uuid, row.attempt, row.request_id, logs[row.uuid]) for row in granted],
        )
    found = [
        replace(
            instance_of(row),
            host=host,
            node=wanted[row.uuid].node,
            owner=owner,
            task_state=TaskState(_FIRST_OF.get(row.task_state, row.task_state)),
            flavor=moves.wanted_flavor(row),
            numa_topology=row.claimed_cells,
        )
        for row in granted
    ] + [instance_of(row) for row in live]
    by_uuid: dict[str, list[Instance]] = defaultdict(list)
    for instance in found:
        by_uuid[instance.uuid].append(instance)
    return [
        [one for order in orders for one in by_uuid[order.instance_uuid]] for orders, _ in groups
    ]


def _start_events(connection: Connection, uuids: Sequence[str], host: str, now: Any) -> None:
    if uuids:
        connection.execute(_BEGIN_EVENTS, {"uuids": list(uuids), "host": host, "now": now})


_BEGIN_EVENTS = action_events.insert().from_select(
    ["action_id", "event", "started_at", "host"],
    sa.select(
        instance_actions.c.id,
        sa.case(EVENTS, value=instance_actions.c.action),
        sa.bindparam("now", type_=action_events.c.started_at.type),
        sa.bindparam("host", type_=sa.String),
    ).where(
        one_of(instance_actions.c.instance_uuid),
        instance_actions.c.action.in_(EVENTS),
        instance_actions.c.finished_at.is_(None),
    ),
)


def judge_build(row: Any | None, result: BuildResult) -> Verdict:
    """Return what an instance's row says to a builder that comes with a result of an attempt."""
    if row is None:
        return Verdict.GONE
    if row.task_state == TaskState.DELETING:
        return Verdict.GONE if row.node == result.node else Verdict.ELSEWHERE
    if row.attempt == result.attempt:
        return Verdict.MINE
    if row.node in {None, result.node} or row.task_state in AWAITS_HOST:
        return Verdict.LEAVE
    return Verdict.ELSEWHERE


def judge_builds(db: Database, results: Sequence[BuildResult]) -> dict[str, Verdict]:
    """Return for each build whether it is still the caller's, and what it may undo if not.

    One that this very attempt has ended is left alone: the caller missed the answer.
    """
    by_uuid = {result.instance_uuid: result for result in results}
    with db.read() as connection:
        rows = {row.uuid: row for row in connection.execute(_JUDGED, {"uuids": list(by_uuid)})}
    judged = {uuid: judge_build(rows.get(uuid), result) for uuid, result in by_uuid.items()}
    return {
        uuid: Verdict.LEAVE
        if verdict is Verdict.MINE and rows[uuid].task_state not in BUILD_STATES
        else verdict
        for uuid, verdict in judged.items()
    }


_JUDGED = (
    sa.select(
        instances.c.uuid, instances.c.attempt, instances.c.vm_state, instances.c.task_state,
        instances.c.request_id, instances.c.node,
        sa.select(compute_nodes.c.availability_zone)
        .where(compute_nodes.c.hypervisor_hostname == instances.c.node)
        .scalar_subquery()
        .label("zone"),
    )
    .where(one_of(instances.c.uuid), instances.c.deleted_at.is_(None))
)  # fmt: skip
_JUDGED_TO_CHANGE = _JUDGED.with_for_update()


def finish_builds(
    db: Database, results: Sequence[BuildResult], availability_zone: str
) -> dict[str, Verdict]:
    """Make built instances ACTIVE; MINE for each that is. Any other verdict: undo what it allows.

    Delivered twice: an instance that this attempt made ACTIVE stays so, and is MINE again.
    """
    now = utcnow()
    by_uuid = {result.instance_uuid: result for result in results}
    with db.write() as connection:
        found = connection.execute(_JUDGED_TO_CHANGE, {"uuids": list(by_uuid)})
        rows = {row.uuid: row for row in found}
        answers = {uuid: judge_build(rows.get(uuid), one) for uuid, one in by_uuid.items()}
        done = [
            rows[uuid]
            for uuid, verdict in answers.items()
            if verdict is Verdict.MINE and rows[uuid].task_state in BUILD_STATES
        ]
        if done:
            _finish(connection, done, by_uuid, availability_zone, now)
    return answers


def _finish(
    connection: Connection,
    rows: Sequence[Any],
    by_uuid: dict[str, BuildResult],
    availability_zone: str,
    now: Any,
) -> None:
    uuids = [row.uuid for row in rows]
    for row in rows:
        if row.task_state in RESIZE_STATES:
            moves.arrive(connection, row.uuid, now)
        elif row.task_state in REBUILD_STATES:
            moves.end_evacuation(connection, row.uuid, now)
        elif row.vm_state == VmState.SHELVED_OFFLOADED:
            shelving.end_unshelving(connection, row.uuid)
    connection.execute(
        _MAKE_BUILT,
        [
            {
                "b_uuid": row.uuid,
                "availability_zone": row.zone or availability_zone,
                "vm_state": _built_state(row, by_uuid[row.uuid].power_state),
                "power_state": by_uuid[row.uuid].power_state,
                "network_info": list(by_uuid[row.uuid].network_info),
                "progress": 0, "launched_at": now, "updated_at": now, **NOTHING_UNDER_WAY,
            }
            for row in rows
        ],
    )  # fmt: skip
    claims.end_building(connection, uuids)
    moved = [row for row in rows if row.task_state in REBUILD_STATES]
    for row in moved:
        claims.release_elsewhere(connection, row.uuid, row.node)
    finish_actions(connection, uuids, tuple(EVENTS), now, result="Success")
    logs = []
    for row in rows:
        log = StepLog.from_message(by_uuid[row.uuid].steps)
        log.close(detail="ACTIVE")
        logs.append((row.uuid, row.attempt, row.request_id, log))
    write_steps(connection, logs)


_MAKE_BUILT = instances.update().where(instances.c.uuid == sa.bindparam("b_uuid"))


def _built_state(row: Any, power_state: int) -> VmState:
    """Return what a built instance is: one that was off before it moved is off again."""
    if row.task_state in RESIZE_STATES:
        return VmState.RESIZED
    return VmState.STOPPED if power_state == PowerState.SHUTDOWN else VmState.ACTIVE
