"""Finds and ends recorded processes, and never another.

A process is known by its pid and the kernel's start time of it, for pids are used again. A daemon's
workers are found by its session: the kernel gives no process a pid that is a living session's id.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Ref:
    """One process of this machine since its last start: pid, and start in ticks after the boot."""

    pid: int
    start_ticks: int

    def is_alive(self) -> bool:
        """Say whether this very process still runs."""
        found = _stat(self.pid)
        return found is not None and found[1] == self.start_ticks

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if this very process still runs."""
        if self.is_alive():
            _kill(self.pid, number)


def ref(pid: int) -> Ref:
    """Return the process that has the pid now; a dead one when there is none."""
    found = _stat(pid)
    return Ref(pid, found[1] if found is not None else -1)


def die_with_parent() -> None:
    """Have the kernel send SIGTERM to this process when its parent dies, however it dies.

    The parent is the thread that forked it: only for parents that fork from their main thread.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def session_members(leader: Ref) -> list[Ref]:
    """Return the living processes of the session that leader began, leader included."""
    known = _stat(leader.pid)
    if known is not None and known[1] != leader.start_ticks:
        return []  # The pid is somebody else's now, and so would be a session of that number.
    return [
        Ref(pid, ticks)
        for pid, (session, ticks) in _processes()
        if session == leader.pid and ticks >= leader.start_ticks
    ]


def end_sessions(leaders: Iterable[Ref], graceful_s: float) -> None:
    """End the leaders gracefully, and after graceful_s whatever is left of their sessions.

    Afterwards none of them runs. The caller reaps those that are its children.
    """
    leaders = list(leaders)
    for leader in leaders:
        leader.send(signal.SIGTERM)
    if not wait_until_gone(leaders, graceful_s, with_sessions=True):
        kill_sessions(leaders)


def kill_sessions(leaders: Iterable[Ref]) -> None:
    """Kill whatever is left of the sessions, leaders first so that they start nothing anew."""
    leaders = list(leaders)
    for leader in leaders:
        leader.send(signal.SIGKILL)
        for member in session_members(leader):
            member.send(signal.SIGKILL)
    wait_until_gone(leaders, 5.0, with_sessions=True)


def wait_until_gone(refs: Iterable[Ref], timeout_s: float, *, with_sessions: bool = False) -> bool:
    """Wait for processes to end; return whether they did."""
    left = list(refs)
    deadline = time.monotonic() + timeout_s
    while True:
        left = [one for one in left if one.is_alive() or (with_sessions and session_members(one))]
        if not left:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)


def _processes() -> Iterator[tuple[int, tuple[int, int]]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            found = _stat(int(entry.name))
            if found is not None:
                yield int(entry.name), found


def _stat(pid: int) -> tuple[int, int] | None:
    """Return a running process's session and start ticks; None for a zombie: it holds nothing."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (OSError, ValueError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else (int(fields[3]), int(fields[19]))


def _kill(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
