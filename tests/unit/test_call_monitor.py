"""Signs of life of long calls, from one thread."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from devstack_lite.rpc import call_monitor
from devstack_lite.rpc.call_monitor import CallMonitor, Watched


class Incoming:
    """A message whose caller waits timeout_s seconds for a sign of life."""

    def __init__(self, timeout_s: int | None, *, is_reachable: bool = True) -> None:
        self.client_timeout = timeout_s
        self.beats = 0
        self._is_reachable = is_reachable

    def heartbeat(self) -> None:
        self.beats += 1
        if not self._is_reachable:
            raise ConnectionError("the caller's queue is gone")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Time as the test says; the monitor's own thread sleeps for ever."""
    asleep = call_monitor.threading.Event()
    now = SimpleNamespace(s=0.0)
    monkeypatch.setattr(
        call_monitor,
        "time",
        SimpleNamespace(monotonic=lambda: now.s, sleep=lambda _s: asleep.wait()),
    )
    return now


def test_a_call_in_hand_gives_a_sign_every_half_of_the_time(clock: SimpleNamespace) -> None:
    monitor, incoming = CallMonitor(), Incoming(4)
    with monitor.watching(incoming, 4):
        for clock.s, beats in ((1.9, 0), (2.0, 1), (3.9, 1), (4.1, 2)):
            monitor.send_due()
            assert incoming.beats == beats
    clock.s = 100.0
    monitor.send_due()
    assert incoming.beats == 2


def test_a_caller_who_cannot_be_reached_is_left_alone(clock: SimpleNamespace) -> None:
    monitor, gone, there = CallMonitor(), Incoming(4, is_reachable=False), Incoming(4)
    with monitor.watching(gone, 4), monitor.watching(there, 4):
        for clock.s in (2.0, 4.0):
            monitor.send_due()
    assert (gone.beats, there.beats) == (1, 2)


@pytest.mark.parametrize("timeout_s", [None, 3])
def test_the_library_starts_no_thread_for_a_call(timeout_s: int | None) -> None:
    """It watches a call that says for how long its caller waits: none does when it gets there."""
    seen: list[Any] = []
    dispatcher: Any = SimpleNamespace(
        dispatch=lambda incoming: seen.append(incoming.client_timeout) or "answer"
    )
    assert Watched(dispatcher, CallMonitor()).dispatch(Incoming(timeout_s)) == "answer"
    assert seen == [None]
