"""Step records: exclusive durations that leave no gap within a process."""

from __future__ import annotations

import time

import pytest

from devstack_lite import worker
from devstack_lite.steps import StepLog, StepRecord, from_header, to_header

worker.become("compute", "host1", 1)


def test_steps_follow_each_other_without_a_gap() -> None:
    """Each step begins where the one before it ended."""
    log = StepLog()
    for number in (12, 14, 16):
        with log.step(number):
            pass
    for before, after in zip(log.records, log.records[1:], strict=False):
        assert before.start + before.duration_s == pytest.approx(after.start, abs=1e-6)


def test_a_step_does_not_count_what_it_waits_for() -> None:
    """Another process's record is taken off the step that waited for it."""
    log = StepLog()
    log.open(12, start=100.0)
    log.add(StepRecord(step=13, service="image", host="h", pid=1, worker=1, start=101.0,
                       duration_s=2.0))  # fmt: skip
    log.close(end=105.0)
    assert {13: 2.0, 12: 3.0} == {record.step: record.duration_s for record in log.records}


def test_a_message_ends_the_senders_step() -> None:
    """The receiver closes it at the time of sending, and records the time in the queue."""
    sender = StepLog()
    sender.open(5, start=time.time() - 3.0)
    sent_at = time.time() - 1.0
    receiver = StepLog.received(sender.to_message(), sent_at=sent_at, queue_step=6)
    five, six = receiver.records
    assert (five.step, six.step) == (5, 6)
    assert five.duration_s == pytest.approx(2.0, abs=0.1)
    assert six.duration_s == pytest.approx(1.0, abs=0.1)
    assert receiver.mark == pytest.approx(six.start + six.duration_s, abs=0.01)


def test_a_failed_step_says_so() -> None:
    """The error's class is the outcome, its text the detail, and it is raised on."""
    log = StepLog()
    with pytest.raises(ValueError, match="no"), log.step(12):
        raise ValueError("no")
    assert [("error: ValueError", "no")] == [(one.outcome, one.detail) for one in log.records]


def test_forks_go_on_alone() -> None:
    """Instances of one request share what was, not what comes."""
    log = StepLog()
    with log.step(9):
        pass
    one, other = log.fork(), log.fork()
    with one.step(12):
        pass
    assert ([9, 12], [9]) == (
        [record.step for record in one.records],
        [record.step for record in other.records],
    )


def test_header_round_trip() -> None:
    """Records survive an HTTP header; None is left out."""
    record = StepRecord.here(13, 1.5, 0.5, detail="asked")
    assert {"validated": record} == from_header(to_header(validated=record, issued=None))
    assert from_header(None) == {}
