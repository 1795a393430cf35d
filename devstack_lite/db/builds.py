"""A boot in the database: created, started, under way, finished or failed.

Each function is one transaction over many instances, and refuses what comes from an attempt that
is not the instance's own any more: the attempt is the fencing token of a build.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import claims, decisions, moves, shelving
from devstack_lite.db.boot_volumes import record_volumes
from devstack_lite.db.engine import Database
from devstack_lite.db.faults import NOTHING_UNDER_WAY, end_operation, finish_actions, set_error
from devstack_lite.db.holdings import take_from
from devstack_lite.db.operations import (
    BUILD,
    EVACUATE,
    before_placing,
    is_moving,
    operation_of,
    stay,
)
from devstack_lite.db.quotas import Limits, headroom, size_of, take_quota
from devstack_lite.db.rows import boot_to_json, flavor_to_json, instance_of
from devstack_lite.db.schema import (
    action_events,
    boot_steps,
    compute_nodes,
    instance_actions,
    instances,
)
from devstack_lite.db.server_groups import join
from devstack_lite.db.tags import add_tags
from devstack_lite.db.user_quotas import check_user, user_headroom
from devstack_lite.names import hostname_of, name_of
from devstack_lite.objects.compute import (
    BootRequest,
    BuildOrder,
    BuildResult,
    Fault,
    Instance,
)
from devstack_lite.objects.registry import Json
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
from devstack_lite.steps import StepLog, StepRecord

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
    now = utcnow()
    flavor = flavor_to_json(boot.flavor)
    request = boot_to_json(boot)
    operation = operation_of(BUILD, context)
    count = len(boot.instance_uuids)
    least = boot.min_count or count
    who = (str(context.project_id), str(context.user_id), boot.flavor)
    with db.write() as connection:
        there = connection.execute(
            sa.select(instances).where(instances.c.uuid.in_(boot.instance_uuids))
        ).all()
        if there:
            return [instance_of(row) for row in there]
        if least < count:
            room = headroom(connection, str(context.project_id), boot.flavor, limits)
            rooms = [
                one for one in (room, user_headroom(connection, *who, limits)) if one is not None
            ]
            count = max(least, min(count, *rooms)) if rooms else count
        take_quota(connection, str(context.project_id), boot.flavor, count, limits)
        check_user(connection, *who[:2], size_of(boot.flavor, count), limits)
        values = []
        uuids = boot.instance_uuids[:count]
        for index, uuid in enumerate(uuids):
            name = name_of(boot.name, index, count)
            values.append({
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
        connection.execute(instances.insert(), values)
        for uuid in uuids:
            add_tags(connection, uuid, boot.tags)
        if boot.volumes:
            record_volumes(connection, context, boot.volumes, uuids)
        if "group" in boot.scheduler_hints:
            join(connection, str(boot.scheduler_hints["group"]), uuids)
        connection.execute(
            instance_actions.insert(),
            [_action_row(context, uuid, BUILD, now) for uuid in uuids],
        )
    return [
        Instance(**{
            **row, "flavor": boot.flavor, "vm_state": VmState.BUILDING,
            "task_state": TaskState.SCHEDULING, "power_state": PowerState.NOSTATE,
            "network_info": (),
        })
        for row in values
    ]  # fmt: skip


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


def start_builds(
    db: Database, host: str, owner: str, orders: Sequence[BuildOrder], log: StepLog
) -> list[Instance]:
    """Hand these builds to owner on host; return the instances that are its to build.

    A live migration becomes the operation of the host that it leaves: it is returned to be handed
    to that one. An instance whose attempt is another, or that somebody else builds or deletes, is
    left out.
    Delivered twice: the same owner gets the same instances. Writes the steps known so far.
    """
    now = utcnow()
    wanted = {order.instance_uuid: order for order in orders}
    with db.write() as connection:
        rows = connection.execute(
            sa.select(instances).where(
                instances.c.uuid.in_(wanted),
                instances.c.deleted_at.is_(None),
                instances.c.task_state.in_(BUILD_STATES),
            ).with_for_update()
        ).all()  # fmt: skip
        held = claims.to_build_on(connection, wanted)
        claimed = {uuid: claim.node for uuid, claim in held.items()}
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
                instances.update()
                .where(instances.c.uuid.in_(uuids))
                .values(
                    host=host,
                    node=node,
                    owner=owner,
                    task_state=task_state,
                    progress_at=now,
                    updated_at=now,
                )
            )
        started = [uuid for uuids in fresh.values() for uuid in uuids]
        _start_events(connection, started, host, now)
        _write_steps(
            connection,
            [(row.uuid, row.attempt, row.request_id, log) for row in granted],
        )
    return [
        replace(
            instance_of(row),
            host=host,
            node=wanted[row.uuid].node,
            owner=owner,
            task_state=TaskState(_FIRST_OF.get(row.task_state, row.task_state)),
            flavor=moves.wanted_flavor(row),
            numa_topology=held[row.uuid].numa_topology if row.uuid in held else None,
        )
        for row in granted
    ] + [instance_of(row) for row in live]


def _start_events(connection: Connection, uuids: Sequence[str], host: str, now: Any) -> None:
    if not uuids:
        return
    actions = connection.execute(
        sa.select(instance_actions.c.id, instance_actions.c.action).where(
            instance_actions.c.instance_uuid.in_(uuids),
            instance_actions.c.action.in_(EVENTS),
            instance_actions.c.finished_at.is_(None),
        )
    ).all()
    connection.execute(
        action_events.insert(),
        [
            {"action_id": row.id, "event": EVENTS[row.action], "started_at": now, "host": host}
            for row in actions
        ],
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
        rows = {row.uuid: row for row in connection.execute(_judged(by_uuid))}
    judged = {uuid: judge_build(rows.get(uuid), result) for uuid, result in by_uuid.items()}
    return {
        uuid: Verdict.LEAVE
        if verdict is Verdict.MINE and rows[uuid].task_state not in BUILD_STATES
        else verdict
        for uuid, verdict in judged.items()
    }


def _judged(uuids: Iterable[str]) -> sa.Select[Any]:
    own = instances.c
    return sa.select(
        own.uuid, own.attempt, own.vm_state, own.task_state, own.request_id, own.node
    ).where(own.uuid.in_(list(uuids)), own.deleted_at.is_(None))


def finish_builds(
    db: Database, results: Sequence[BuildResult], availability_zone: str
) -> dict[str, Verdict]:
    """Make built instances ACTIVE; MINE for each that is. Any other verdict: undo what it allows.

    Delivered twice: an instance that this attempt made ACTIVE stays so, and is MINE again.
    """
    now = utcnow()
    by_uuid = {result.instance_uuid: result for result in results}
    with db.write() as connection:
        rows = {row.uuid: row for row in connection.execute(_judged(by_uuid).with_for_update())}
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
    zones = _zones_of(connection, {row.node for row in rows})
    connection.execute(
        instances.update()
        .where(instances.c.uuid == sa.bindparam("b_uuid"))
        .values(
            **NOTHING_UNDER_WAY, vm_state=sa.bindparam("b_state"), progress=0,
            launched_at=now, updated_at=now, availability_zone=sa.bindparam("b_zone"),
            power_state=sa.bindparam("b_power"), network_info=sa.bindparam("b_network"),
        ),
        [
            {
                "b_uuid": row.uuid,
                "b_zone": zones.get(row.node, availability_zone),
                "b_state": _built_state(row, by_uuid[row.uuid].power_state),
                "b_power": by_uuid[row.uuid].power_state,
                "b_network": list(by_uuid[row.uuid].network_info),
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
    _write_steps(connection, logs)


def _zones_of(connection: Connection, nodes: Iterable[str]) -> dict[str, str]:
    own = compute_nodes.c
    query = sa.select(own.hypervisor_hostname, own.availability_zone)
    found = connection.execute(query.where(own.hypervisor_hostname.in_(list(nodes))))
    return {row.hypervisor_hostname: row.availability_zone for row in found}


def _built_state(row: Any, power_state: int) -> VmState:
    """Return what a built instance is: one that was off before it moved is off again."""
    if row.task_state in RESIZE_STATES:
        return VmState.RESIZED
    return VmState.STOPPED if power_state == PowerState.SHUTDOWN else VmState.ACTIVE


def fail_builds(
    db: Database,
    results: Sequence[BuildResult],
    *,
    max_attempts: int,
    request_id: str = "",
    decision: Json | None = None,
) -> tuple[list[Instance], list[str]]:
    """End failed builds: those that can be retried elsewhere go back to scheduling.

    A resize that no host takes has its guest go on where it was, as its next operation.
    They keep their ports and attachments, which the next attempt uses; what ends for good loses
    them here, unless it only failed to move.

    Returns the instances to schedule again (their attempt is the next one) and the uuids that
    ended in ERROR with a fault. A result of an older attempt is passed over. decision: the one that
    found no host; it is kept.
    """
    now = utcnow()
    by_uuid = {result.instance_uuid: result for result in results}
    with db.write() as connection:
        rows = connection.execute(
            sa.select(instances).where(
                instances.c.uuid.in_(by_uuid),
                instances.c.deleted_at.is_(None),
                instances.c.task_state.in_(BUILD_STATES),
            ).with_for_update()
        ).all()  # fmt: skip
        rows = [row for row in rows if row.attempt == by_uuid[row.uuid].attempt]
        if not rows:
            return [], []
        claims.release_building(connection, [row.uuid for row in rows])
        failed_on = [by_uuid[row.uuid].node for row in rows]
        claims.note_failures(connection, [node for node in failed_on if node])
        _write_steps(
            connection,
            [
                (row.uuid, row.attempt, row.request_id,
                 StepLog.from_message(by_uuid[row.uuid].steps))
                for row in rows
            ],
        )  # fmt: skip
        again: list[str] = []
        failed, ended = [], []
        for row in rows:
            failures = int((row.operation or {}).get("failures", 0)) + 1
            if not by_uuid[row.uuid].can_retry or failures >= max_attempts:
                failed.append(row)
                continue
            again.append(row.uuid)
            connection.execute(
                instances.update()
                .where(instances.c.uuid == row.uuid)
                .values(
                    **before_placing(row),
                    attempt=row.attempt + 1,
                    operation={**(row.operation or {}), "failures": failures},
                    owner=None,
                    progress_at=now,
                    updated_at=now,
                )
            )
        for row in failed:
            result = by_uuid[row.uuid]
            error = result.error or ""
            stays = moves.stay_put(connection, row, error, now)
            stays = stays or shelving.stay_offloaded(connection, row, error, now)
            if stays is not None:
                end_operation(connection, row.uuid, stays, now)
                continue
            if moves.is_resize(row):
                moves.turn_back(connection, row, result.error or "Resize failed", now)
                again.append(row.uuid)
                continue
            fault = Fault(
                instance_uuid=row.uuid,
                code=500,
                message=result.error or "Build failed",
                details=result.error_details,
                created_at=now,
            )
            if is_moving(row):
                stay(connection, row)
                moves.end_badly(connection, row, now)
            else:
                take_from(connection, [row.uuid])
            set_error(connection, fault, (row.operation or {}).get("name", BUILD), now)
            ended.append(row)
        if decision is not None:
            refused = [by_uuid[row.uuid] for row in rows]
            decisions.keep_refusal(connection, request_id, decision, refused)
        retries = connection.execute(sa.select(instances).where(instances.c.uuid.in_(again))).all()
    return [instance_of(row) for row in retries], [row.uuid for row in ended]


def _write_steps(connection: Connection, logs: Sequence[tuple[str, int, str, StepLog]]) -> None:
    """Add the steps that are not there yet; a step that was delivered twice is kept once."""
    rows: list[dict[str, Any]] = []
    for uuid, attempt, request_id, log in logs:
        seen: set[int] = set()
        for record in log.records:
            if record.step not in seen:
                seen.add(record.step)
                rows.append(_step_row(uuid, attempt, request_id, record))
    if not rows:
        return
    keys = {(row["instance_uuid"], row["attempt"]) for row in rows}
    own = boot_steps.c
    there = {
        (row.instance_uuid, row.attempt, row.step)
        for row in connection.execute(
            sa.select(own.instance_uuid, own.attempt, own.step).where(
                own.instance_uuid.in_({uuid for uuid, _ in keys})
            )
        )
    }
    new = [
        row for row in rows
        if (row["instance_uuid"], row["attempt"], row["step"]) not in there
    ]  # fmt: skip
    if new:
        connection.execute(boot_steps.insert(), new)


def _step_row(uuid: str, attempt: int, request_id: str, record: StepRecord) -> dict[str, Any]:
    return {
        "instance_uuid": uuid,
        "attempt": attempt,
        "step": record.step,
        "request_id": request_id,
        "service": record.service,
        "host": record.host,
        "pid": record.pid,
        "worker": record.worker,
        "start": record.start,
        "duration_s": record.duration_s,
        "outcome": record.outcome[:64],
        "detail": record.detail[:255],
    }
