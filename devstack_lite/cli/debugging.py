"""`devstack-lite up --debug DAEMON`: one daemon in front, for a debugger; the others as they are.

The supervisor lets go of the daemon; it serves as one process at this terminal, without forks, and
is a daemon of the supervisor's again when it ends.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator

from devstack_lite import control, holds, processes, reaper
from devstack_lite.chaos.points import Points
from devstack_lite.cli import terminal
from devstack_lite.cli.restart import wait_for_successor, wait_until_ready
from devstack_lite.cloud import Cloud, CloudError
from devstack_lite.failpoints import EVERYWHERE, Action, Failpoint
from devstack_lite.processes import Process
from devstack_lite.roster import DaemonState

STOP_TIMEOUT_S = 20.0
"""13 s for a daemon to end, and the supervisor's look."""
END_S = 12.0
"""What the daemon in front may take to end; a request that is stopped never does."""
LOOK_S = 0.1
HOLD_S = 120.0
"""How long the rest of the cloud waits for a daemon in front after this command was killed."""


def choose(cloud: Cloud, word: str) -> Process:
    """Return the one process that a word means. Raises CloudError for none, and for several."""
    table = processes.of(cloud)
    found = [one for one in table if word in {one.name, one.daemon}]
    if len(found) == 1:
        return found[0]
    known = ", ".join(one.name for one in found or table)
    raise CloudError(f"--debug takes one daemon: {known}.")


def debug(cloud: Cloud, process: Process, debugger: str | None) -> None:
    """Run a running cloud's daemon in front until it ends, and give it back then.

    debugger: a module with options that Python shall run it by, such as debugpy. While it is in
    front no message and no request is too late, anywhere in the cloud.
    """
    console = terminal.err()
    with control.only_one(cloud.state_dir, cloud.name):
        old_pid = _take_over(cloud, process)
    try:
        with contextlib.closing(Points(cloud)) as points, _terminal_as_it_was():
            console.print(f"{process.name} is in front, without forks. Ctrl-C ends it.")
            try:
                _run(cloud, process, debugger, points)
            finally:
                if control.running(cloud) is not None:
                    points.disarm(_hold_id(process))
    finally:
        holds.release(cloud.state_dir, process.name)
    if control.running(cloud) is None:
        console.print(f"{cloud.name} is down.")
        return
    with terminal.Progress(console) as progress:
        progress.show(process.name)
        wait_for_successor(cloud, process.name, old_pid)
        wait_until_ready(cloud)
        progress.done()
    console.print(f"{process.name} runs in the background again.")


def _take_over(cloud: Cloud, process: Process) -> int:
    """End the daemon and keep it from being started again; return its launcher's pid."""
    there = holds.holder_of(cloud.state_dir, process.name)
    if there is not None:
        raise CloudError(f"{process.name} is in front already, as pid {there.pid}.")
    found = control.running(cloud)
    if found is None:
        raise CloudError(f"{cloud.name} is not up.")
    entry = found.daemons[process.name]
    if holds.is_held(cloud.state_dir, process.name):
        raise CloudError(f"{process.name} is held down: its host has no power.")
    holds.hold(cloud.state_dir, process.name, reaper.ref(os.getpid()))
    entry.ref.send(signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while not _is_held(cloud, process):
        if time.monotonic() > deadline:
            holds.release(cloud.state_dir, process.name)
            raise CloudError(f"{process.name} did not end within {STOP_TIMEOUT_S:.0f} s.")
        time.sleep(LOOK_S)
    return entry.pid


def _is_held(cloud: Cloud, process: Process) -> bool:
    """Say whether the supervisor has noted that the daemon is gone, its workers included."""
    found = control.running(cloud)
    if found is None:
        raise CloudError(f"{cloud.name} is not up.")
    entry = found.daemons[process.name]
    return entry.state is DaemonState.HELD and not reaper.session_members(entry.ref)


def _hold_id(process: Process) -> str:
    return f"debug-{process.name}"


def _stop_the_clock(points: Points, process: Process) -> None:
    """Have nothing in the cloud be too late for HOLD_S from now.

    Whatever waits for somebody who is held waits on.
    """
    name, until = _hold_id(process), time.time() + HOLD_S
    points.arm(Failpoint(id=name, point=EVERYWHERE, action=Action.HOLD, expires_at=until))


def _run(cloud: Cloud, process: Process, debugger: str | None, points: Points) -> None:
    """Run it at this terminal until it ends, or the cloud does, or somebody ends this command."""
    by = ["-m", *shlex.split(debugger)] if debugger else []
    child = subprocess.Popen(
        [sys.executable, "-P", *by, "-m", process.module, *process.arguments, "--nofork"],
        env=control.environment(cloud),
    )
    # Ctrl-C is for the daemon, which the terminal tells as well.
    before = [
        signal.signal(signal.SIGINT, signal.SIG_IGN),
        signal.signal(signal.SIGTERM, signal.default_int_handler),
    ]
    try:
        holds.hold(cloud.state_dir, process.name, reaper.ref(child.pid))
        due = 0.0
        while child.poll() is None and control.running(cloud) is not None:
            if time.monotonic() > due:
                _stop_the_clock(points, process)
                due = time.monotonic() + HOLD_S / 2
            time.sleep(LOOK_S)
    finally:
        child.terminate()
        try:
            child.wait(END_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


@contextlib.contextmanager
def _terminal_as_it_was() -> Iterator[None]:
    """Have the terminal echo again: a debugger's prompt that was cut off leaves it silent."""
    if not sys.stdin.isatty():
        yield
        return
    kept = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, kept)
