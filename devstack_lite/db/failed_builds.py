"""Builds that failed: tried again on another host, or ended in ERROR."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.db import claims, decisions, moves, shelving
from devstack_lite.db.boot_steps import write_steps
from devstack_lite.db.engine import Database
from devstack_lite.db.faults import end_operation, set_error
from devstack_lite.db.holdings import take_from
from devstack_lite.db.operations import BUILD, before_placing, is_moving, stay
from devstack_lite.db.rows import instance_of
from devstack_lite.db.schema import instances
from devstack_lite.objects.compute import BuildResult, Fault, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import BUILD_STATES
from devstack_lite.steps import StepLog


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
        write_steps(
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
