"""Forks a process into daemons, and waits for signals between the forks.

The supervisor's tools. A forked child gets a session, an output file and default signals of its own
and ends with its parent; nothing of the parent's code runs in it after its work.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from devstack_lite import launcher, reaper

_WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Signals:
    """Signals as something to wait for: handlers only wake, and are looked at between two steps."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self.must_stop = False
        self._must_reload = False
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in _WATCHED:
            signal.signal(number, _wake_only)

    def wait(self, timeout_s: float) -> None:
        """Wait for a signal, for at most timeout_s."""
        select.select([self._reader], [], [], timeout_s)
        with contextlib.suppress(BlockingIOError):
            for number in self._reader.recv(4096):
                self.must_stop = self.must_stop or number in {signal.SIGTERM, signal.SIGINT}
                self._must_reload = self._must_reload or number == signal.SIGHUP

    def take_reload(self) -> bool:
        """Say once whether SIGHUP came."""
        taken, self._must_reload = self._must_reload, False
        return taken

    def forget(self) -> None:
        """Undo everything, in a child."""
        signal.set_wakeup_fd(-1)
        for number in _WATCHED:
            signal.signal(number, signal.SIG_DFL)
        self._reader.close()
        self._writer.close()


def fork(signals: Signals, work: Callable[[], None], title: str, output: Path) -> int:
    """Run work in a child with a session of its own; return the child's pid.

    What it prints is appended to output. When this process dies, the kernel sends it SIGTERM.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        signals.forget()
        reaper.die_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        _redirect(output)
        launcher.set_title(f"devstack-lite: {title}")
        _close_log()
        work()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)  # noqa: T201 - as the interpreter would
    except BaseException:  # noqa: BLE001 - nothing may get past here into the parent's code
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def reap(pid: int) -> int | None:
    """Return a child's exit code, negative for a signal; None while it runs."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return 0
    return os.waitstatus_to_exitcode(status) if found else None


def tail(path: Path, lines: int = 12) -> str:
    """Return the last lines of a file, which may be missing."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def _wake_only(_number: int, _frame: object) -> None:
    """Do nothing: the number is in the wake-up pipe."""


def _close_log() -> None:
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()


def _redirect(output: Path) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((null, 0), (written, 1), (written, 2)):
        os.dup2(source, target)
    os.close(null)
    os.close(written)
