"""The steps of boots as they are recorded: once each, however often a message brings them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

from devstack_lite.db.schema import boot_steps
from devstack_lite.db.statements import insert_missing
from devstack_lite.steps import StepLog, StepRecord


def write_steps(connection: Connection, logs: Sequence[tuple[str, int, str, StepLog]]) -> None:
    """Add the steps that are not there yet: of (instance, attempt, request id, log) each.

    In the caller's transaction. A step that was delivered twice is kept as it came first.
    """
    rows = [
        _row(uuid, attempt, request_id, record)
        for uuid, attempt, request_id, log in logs
        for record in {record.step: record for record in reversed(log.records)}.values()
    ]
    if rows:
        connection.execute(insert_missing(connection, boot_steps), rows)


def _row(uuid: str, attempt: int, request_id: str, record: StepRecord) -> dict[str, Any]:
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
