"""The 18 steps of a boot: the one table of them, and how a process records its own.

A record says who did a step, when and for how long. Records ride on messages and HTTP headers that
are sent anyway; the conductor writes them in transactions that happen anyway. Durations are
exclusive (a step that waits for another does not count the other's time), and within a process a
step begins where the one before ended, so that the durations of one boot add up to the boot's.

Within a process durations come from the monotonic clock. Steps 5, 6, 8, 9, 10 and 18 end in another
process than they begin in; there both ends are wall-clock times, which on one machine is one clock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, Self

from devstack_lite import failpoints, worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row of the table: who does what, and how."""

    number: int
    service: str
    what: str
    how: str
    code: str
    """Where it happens: `module:function`."""


STEPS: tuple[Step, ...] = tuple(
    Step(number=number, service=service, what=what, how=how, code=code)
    for number, service, what, how, code in (
        (1, "identity", "client asks for a token", "HTTP",
         "services.identity.tokens:TokenMaker.issue"),
        (2, "api", "client sends the boot request", "HTTP",
         "services.api.controllers.servers:ServersController.create"),
        (3, "api", "api asks identity about the token", "HTTP",
         "devstack_lite.wsgi.middleware.authtoken:AuthToken.validate"),
        (4, "api", "api has the instance recorded", "rpc.call conductor",
         "services.api.boot:record_instances"),
        (5, "api", "api asks the scheduler for a host", "rpc.call scheduler",
         "services.api.boot:ask_scheduler"),
        (6, "scheduler", "scheduler takes the request from its queue", "AMQP",
         "services.scheduler.manager:SchedulerManager.schedule_builds"),
        (7, "scheduler", "scheduler filters, weighs, claims and hands over",
         "DB read, rpc.call conductor, rpc.cast compute", "services.scheduler.place:Placer.place"),
        (8, "compute", "compute takes the request from its queue", "AMQP",
         "services.compute.manager:ComputeManager.build_instances"),
        (9, "compute", "compute asks the conductor for the instance", "rpc.call conductor",
         "services.compute.manager:fetch_orders"),
        (10, "conductor", "conductor takes that from its queue", "AMQP",
         "services.conductor.endpoints.builds:Builds.start_builds"),
        (11, "conductor", "conductor reads and updates the database, answers", "DB",
         "devstack_lite.db.builds:start_builds"),
        (12, "compute", "compute asks image for the image", "HTTP",
         "services.compute.build:fetch_image"),
        (13, "image", "image has identity validate the token", "HTTP",
         "devstack_lite.wsgi.middleware.authtoken:AuthToken.validate"),
        (14, "compute", "compute asks network for ports and addresses", "HTTP",
         "services.compute.build:allocate_network"),
        (15, "network", "network has identity validate the token", "HTTP",
         "devstack_lite.wsgi.middleware.authtoken:AuthToken.validate"),
        (16, "compute", "compute asks volume for the attachments", "HTTP",
         "services.compute.build:attach_volumes"),
        (17, "volume", "volume has identity validate the token", "HTTP",
         "devstack_lite.wsgi.middleware.authtoken:AuthToken.validate"),
        (18, "compute", "compute has the hypervisor create the domain", "libvirt API",
         "services.compute.build:spawn"),
    )
)  # fmt: skip

TRACE_HEADER = "X-Devstack-Trace"
"""Answers carry the records of what was done for the request, as JSON, where it asks for them: by
the uuid of the instance that it is for, or by 1."""


def log_extra(wanted: str) -> dict[str, str]:
    """Return what names the instance in a log line, from the header that asked for a trace."""
    return {"instance_uuid": wanted} if len(wanted) > 1 else {}


def point_of(number: int) -> str:
    """Return a step's failpoint, without `.before` or `.after`."""
    return f"boot.step-{number:02}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """What one process did of a boot: start in epoch seconds, duration exclusive, in seconds."""

    step: int
    service: str
    host: str
    pid: int
    worker: int
    start: float
    duration_s: float = 0.0
    outcome: str = "ok"
    detail: str = ""

    @classmethod
    def here(cls, step: int, start: float, duration_s: float = 0.0, **more: str) -> Self:
        """Return a record of a step that this very process did."""
        me = worker.current()
        return cls(
            step=step, service=me.service, host=me.host, pid=me.pid, worker=me.worker,
            start=start, duration_s=max(0.0, duration_s), **more,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return its fields; dataclasses.asdict takes ten times as long to copy what is flat."""
        return {name: getattr(self, name) for name in _FIELDS}


_FIELDS = tuple(field.name for field in fields(StepRecord))


class StepLog:
    """The records of one boot as far as they are known here, and the step that is under way.

    Not thread-safe: it belongs to the one thread that works on the boot.
    """

    def __init__(
        self, records: list[StepRecord] | None = None, *, mark: float | None = None
    ) -> None:
        self.records: list[StepRecord] = records if records is not None else []
        self._mark = time.time() if mark is None else mark
        self._open: StepRecord | None = None
        self._inner_s = 0.0

    @property
    def mark(self) -> float:
        """The epoch second at which the last step ended here."""
        return self._mark

    def add(self, record: StepRecord) -> None:
        """Add another process's record; its time is not counted to the step that waits for it."""
        self.records.append(record)
        if self._open is not None:
            self._inner_s += record.duration_s

    def open(self, step: int, *, start: float | None = None) -> None:
        """Begin a step where the one before it ended."""
        self._open = StepRecord.here(step, self._mark if start is None else start)
        self._inner_s = 0.0

    def close(self, *, outcome: str = "ok", detail: str = "", end: float | None = None) -> None:
        """End the step that is under way; without one, do nothing."""
        began = self._open
        if began is None:
            return
        self._open = None
        self._mark = time.time() if end is None else end
        self.records.append(
            StepRecord(
                step=began.step,
                service=began.service,
                host=began.host,
                pid=began.pid,
                worker=began.worker,
                start=began.start,
                duration_s=max(0.0, self._mark - began.start - self._inner_s),
                outcome=outcome,
                detail=detail,
            )
        )

    @contextmanager
    def step(self, number: int) -> Iterator[list[str]]:
        """Record the block as a step; append to the list what its detail shall say."""
        failpoints.hit(f"{point_of(number)}.before")
        self.open(number)
        detail: list[str] = []
        try:
            yield detail
        except Exception as error:
            self.close(outcome=f"error: {type(error).__name__}", detail=str(error)[:255])
            raise
        self.close(detail="; ".join(detail)[:255])
        failpoints.hit(f"{point_of(number)}.after")

    def fork(self) -> StepLog:
        """Return a log that goes on from here on its own: one request, many instances."""
        twin = StepLog(list(self.records))
        twin.__dict__.update(_mark=self._mark, _open=self._open, _inner_s=self._inner_s)
        return twin

    def to_message(self) -> dict[str, Any]:
        """Return what crosses RPC: the records, and the step that ends when the message is sent."""
        return {
            "records": [record.to_json() for record in self.records],
            "open": self._open.to_json() if self._open is not None else None,
            "inner_s": self._inner_s,
        }

    @classmethod
    def from_message(cls, message: dict[str, Any] | None) -> StepLog:
        """Return the log as it was when it was sent; its open step is still open."""
        log = cls()
        if message:
            log.records = [StepRecord(**record) for record in message.get("records", ())]
            if message.get("open"):
                log._open = StepRecord(**message["open"])
                log._inner_s = float(message.get("inner_s", 0.0))
                log._mark = log._open.start
        return log

    @classmethod
    def received(
        cls, message: dict[str, Any] | None, *, sent_at: float, queue_step: int
    ) -> StepLog:
        """Return the log at the receiver: the sender's step ends, the queue's is recorded."""
        log = cls.from_message(message)
        log.close(end=sent_at)
        now = time.time()
        with failpoints.around(point_of(queue_step)):
            log.records.append(StepRecord.here(queue_step, sent_at, now - sent_at))
        return cls(log.records, mark=now)


def to_header(**records: StepRecord | None) -> str:
    """Return named records as the value of TRACE_HEADER."""
    return json.dumps(
        {name: record.to_json() for name, record in records.items() if record is not None},
        separators=(",", ":"),
    )


def from_header(value: str | None) -> dict[str, StepRecord]:
    """Return the named records of TRACE_HEADER's value; empty when there is none."""
    if not value:
        return {}
    return {name: StepRecord(**record) for name, record in json.loads(value).items()}
