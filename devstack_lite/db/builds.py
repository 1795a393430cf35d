"""A boot in the database: created, started, under way, finished or failed.

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

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import claims
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits, take_quota
from devstack_lite.db.rows import boot_to_json, flavor_to_json, instance_of
from devstack_lite.db.schema import (
    action_events,
    boot_steps,
    instance_actions,
    instance_faults,
    instances,
)
from devstack_lite.names import hostname_of, name_of
from devstack_lite.objects.compute import (
    BootRequest,
    BuildOrder,
    BuildResult,
    Fault,
    Instance,
    Progress,
)
from devstack_lite.states import PowerState, TaskState, VmState
from devstack_lite.steps import StepLog, StepRecord

CREATE = "create"
BUILD_EVENT = "compute__do_build_and_run_instance"
"""Nova's name of the event that its compute manager's build is."""


def create_instances(
    db: Database, context: RequestContext, boot: BootRequest, limits: Limits
) -> list[Instance]:
    """Record the request's instances, all or none, each with its `create` action.

    Delivered twice: the instances that are there are returned. Raises QuotaExceeded.
    """
    now = utcnow()
    flavor = flavor_to_json(boot.flavor)
    request = boot_to_json(boot)
    count = len(boot.instance_uuids)
    with db.write() as connection:
        there = connection.execute(
            sa.select(instances).where(instances.c.uuid.in_(boot.instance_uuids))
        ).all()
        if there:
            return [instance_of(row) for row in there]
        take_quota(connection, str(context.project_id), boot.flavor, count, limits)
        values = []
        for index, uuid in enumerate(boot.instance_uuids):
            name = name_of(boot.name, index, count)
            values.append({
                "uuid": uuid, "name": name, "hostname": hostname_of(name, uuid),
                "project_id": context.project_id, "user_id": context.user_id,
                "flavor": flavor, "image_ref": boot.image_ref,
                "vm_state": VmState.BUILDING, "task_state": TaskState.SCHEDULING,
                "power_state": PowerState.NOSTATE, "attempt": 1,
                "requested_zone": boot.availability_zone, "launch_index": index,
                "reservation_id": boot.reservation_id, "key_name": boot.key_name,
                "description": boot.description, "metadata": dict(boot.metadata),
                "user_data": boot.user_data, "config_drive": boot.config_drive,
                "access_ip_v4": boot.access_ip_v4, "access_ip_v6": boot.access_ip_v6,
                "network_info": [], "boot_request": request,
                "request_id": context.request_id, "is_locked": False, "progress": 0,
                "created_at": now, "updated_at": now,
            })  # fmt: skip
        connection.execute(instances.insert(), values)
        connection.execute(
            instance_actions.insert(),
            [_action_row(context, uuid, CREATE, now) for uuid in boot.instance_uuids],
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


def start_builds(
    db: Database, host: str, owner: str, orders: Sequence[BuildOrder], log: StepLog
) -> list[Instance]:
    """Hand these builds to owner on host; return the instances that are its to build.

    An instance whose attempt is another, or that somebody else builds or deletes, is left out.
    Delivered twice: the same owner gets the same instances. Writes the steps known so far.
    """
    now = utcnow()
    wanted = {order.instance_uuid: order for order in orders}
    with db.write() as connection:
        rows = connection.execute(
            sa.select(instances).where(
                instances.c.uuid.in_(wanted),
                instances.c.deleted_at.is_(None),
                instances.c.vm_state == VmState.BUILDING,
            ).with_for_update()
        ).all()  # fmt: skip
        fresh: dict[str, list[str]] = defaultdict(list)
        granted = []
        for row in rows:
            order = wanted[row.uuid]
            if row.attempt != order.attempt:
                continue
            if row.task_state == TaskState.SCHEDULING:
                fresh[order.node].append(row.uuid)
            elif row.owner != owner or row.task_state == TaskState.DELETING:
                continue
            granted.append(row)
        for node, uuids in fresh.items():
            connection.execute(
                instances.update()
                .where(instances.c.uuid.in_(uuids))
                .values(
                    host=host,
                    node=node,
                    owner=owner,
                    task_state=TaskState.NETWORKING,
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
            task_state=TaskState.NETWORKING,
        )
        for row in granted
    ]


def _start_events(connection: Connection, uuids: Sequence[str], host: str, now: Any) -> None:
    if not uuids:
        return
    actions = connection.execute(
        sa.select(instance_actions.c.id).where(
            instance_actions.c.instance_uuid.in_(uuids), instance_actions.c.action == CREATE
        )
    ).all()
    connection.execute(
        action_events.insert(),
        [
            {"action_id": row.id, "event": BUILD_EVENT, "started_at": now, "host": host}
            for row in actions
        ],
    )


def write_progress(db: Database, reports: Sequence[Progress]) -> None:
    """Show where builds are; what is from an older attempt, or not a build, is passed over."""
    own = instances.c
    change = (
        instances.update()
        .where(
            own.uuid == sa.bindparam("b_uuid"),
            own.attempt == sa.bindparam("b_attempt"),
            own.vm_state == VmState.BUILDING,
            own.task_state != TaskState.DELETING,
        )
        .values(task_state=sa.bindparam("b_task_state"), updated_at=utcnow())
    )
    with db.write() as connection:
        connection.execute(
            change,
            [
                {
                    "b_uuid": report.instance_uuid,
                    "b_attempt": report.attempt,
                    "b_task_state": str(report.task_state),
                }
                for report in reports
            ],
        )


def finish_builds(
    db: Database, results: Sequence[BuildResult], availability_zone: str
) -> dict[str, bool]:
    """Make built instances ACTIVE; return for each whether it was.

    False: a later attempt has it, or it is being deleted, and the builder must undo its work.
    Delivered twice: an instance that this attempt made ACTIVE stays so and is True again.
    """
    now = utcnow()
    by_uuid = {result.instance_uuid: result for result in results}
    answers = dict.fromkeys(by_uuid, False)
    with db.write() as connection:
        rows = connection.execute(
            sa.select(
                instances.c.uuid, instances.c.attempt, instances.c.vm_state,
                instances.c.task_state, instances.c.request_id,
            ).where(instances.c.uuid.in_(by_uuid), instances.c.deleted_at.is_(None))
            .with_for_update()
        ).all()  # fmt: skip
        done = []
        for row in rows:
            if row.attempt != by_uuid[row.uuid].attempt or row.task_state == TaskState.DELETING:
                continue
            if row.vm_state == VmState.BUILDING:
                done.append(row)
            answers[row.uuid] = row.vm_state in {VmState.BUILDING, VmState.ACTIVE}
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
    connection.execute(
        instances.update()
        .where(instances.c.uuid == sa.bindparam("b_uuid"))
        .values(
            vm_state=VmState.ACTIVE, task_state=None, owner=None, progress=0,
            launched_at=now, updated_at=now, availability_zone=availability_zone,
            power_state=sa.bindparam("b_power"), network_info=sa.bindparam("b_network"),
        ),
        [
            {
                "b_uuid": uuid,
                "b_power": by_uuid[uuid].power_state,
                "b_network": list(by_uuid[uuid].network_info),
            }
            for uuid in uuids
        ],
    )  # fmt: skip
    claims.end_building(connection, uuids)
    finish_actions(connection, uuids, CREATE, now, result="Success")
    logs = []
    for row in rows:
        log = StepLog.from_message(by_uuid[row.uuid].steps)
        log.close(detail="ACTIVE")
        logs.append((row.uuid, row.attempt, row.request_id, log))
    _write_steps(connection, logs)


def fail_builds(
    db: Database, results: Sequence[BuildResult], *, max_attempts: int
) -> tuple[list[Instance], list[str]]:
    """End failed builds: those that can be retried elsewhere go back to scheduling.

    Returns the instances to schedule again (their attempt is the next one) and the uuids that
    ended in ERROR with a fault. A result of an older attempt is passed over.
    """
    now = utcnow()
    by_uuid = {result.instance_uuid: result for result in results}
    with db.write() as connection:
        rows = connection.execute(
            sa.select(instances).where(
                instances.c.uuid.in_(by_uuid),
                instances.c.deleted_at.is_(None),
                instances.c.vm_state == VmState.BUILDING,
            ).with_for_update()
        ).all()  # fmt: skip
        rows = [
            row for row in rows
            if row.attempt == by_uuid[row.uuid].attempt and row.task_state != TaskState.DELETING
        ]  # fmt: skip
        if not rows:
            return [], []
        claims.release(connection, [row.uuid for row in rows])
        _write_steps(
            connection,
            [
                (row.uuid, row.attempt, row.request_id,
                 StepLog.from_message(by_uuid[row.uuid].steps))
                for row in rows
            ],
        )  # fmt: skip
        retried = [
            row for row in rows if by_uuid[row.uuid].can_retry and row.attempt < max_attempts
        ]
        again = [row.uuid for row in retried]
        ended = [row.uuid for row in rows if row.uuid not in set(again)]
        if again:
            connection.execute(
                instances.update()
                .where(instances.c.uuid.in_(again))
                .values(
                    attempt=instances.c.attempt + 1,
                    task_state=TaskState.SCHEDULING,
                    host=None,
                    node=None,
                    owner=None,
                    updated_at=now,
                )
            )
        for uuid in ended:
            result = by_uuid[uuid]
            fault = Fault(
                instance_uuid=uuid, code=500, message=result.error or "Build failed",
                details=result.error_details, created_at=now,
            )  # fmt: skip
            set_error(connection, fault, CREATE, now)
        retries = connection.execute(
            sa.select(instances).where(instances.c.uuid.in_(again))
        ).all() if again else []  # fmt: skip
    return [instance_of(row) for row in retries], ended


def set_error(connection: Connection, fault: Fault, action: str, now: Any) -> None:
    """Put an instance into ERROR with its fault, and end the action, in this transaction."""
    uuid = fault.instance_uuid
    connection.execute(
        instances.update()
        .where(instances.c.uuid == uuid)
        .values(vm_state=VmState.ERROR, task_state=None, owner=None, updated_at=now)
    )
    connection.execute(instance_faults.delete().where(instance_faults.c.instance_uuid == uuid))
    connection.execute(
        instance_faults.insert().values(
            instance_uuid=uuid,
            code=fault.code,
            message=fault.message[:255],
            details=fault.details,
            created_at=now,
        )
    )
    finish_actions(connection, [uuid], action, now, result="Error", message=fault.message[:255])


def finish_actions(
    connection: Connection,
    uuids: Sequence[str],
    action: str,
    now: Any,
    *,
    result: str,
    message: str | None = None,
) -> None:
    """End the open actions of that name, and their events, in this transaction."""
    ids = [
        row.id
        for row in connection.execute(
            sa.select(instance_actions.c.id).where(
                instance_actions.c.instance_uuid.in_(uuids),
                instance_actions.c.action == action,
                instance_actions.c.finished_at.is_(None),
            )
        )
    ]
    if not ids:
        return
    connection.execute(
        instance_actions.update()
        .where(instance_actions.c.id.in_(ids))
        .values(finished_at=now, updated_at=now, message=message)
    )
    connection.execute(
        action_events.update()
        .where(action_events.c.action_id.in_(ids), action_events.c.finished_at.is_(None))
        .values(finished_at=now, result=result, details=message)
    )


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
