"""Runs one cloud: its broker, its database's bootstrap, its daemons. One process per cloud.

Started by `up`, detached or in front: `python -P -m devstack_lite.supervisor --state DIR`. It is
small and our own, where supervisord or a ServiceManager would do for restarting alone, because it
is the daemons' preloaded parent: the libraries that all of them need are imported here, once, while
the broker comes up, and each daemon is a fork that goes on with `services.<daemon>` as its
`__main__`. That saves ten starts of the interpreter at half a second of CPU each, and what they
imported is in memory once. supervisord only starts programs, and cotyledon allows one manager in a
process and would put all daemons into one process group, which its launchers signal as a whole.

It must stay single-threaded (it forks), must not read a daemon's configuration, open the database
or import a service; the database's bootstrap is a fork of its own. A daemon started by hand with
`python -P -m services.<daemon> --config-file F` is the same daemon.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import logging
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from devstack_lite import cloud as clouds
from devstack_lite import forking, holds, launcher, preload, processes, reaper
from devstack_lite.broker import choose
from devstack_lite.broker.runner import Runner
from devstack_lite.cloud import Cloud, CloudError
from devstack_lite.processes import Process
from devstack_lite.roster import DaemonState, Entry, Phase, Roster

LOG = logging.getLogger(__name__)

BROKER_TIMEOUT_S = 60.0
"""A cold node takes 3 s here; a slow disk, or an image to fetch, takes longer."""
DOCKER_TIMEOUT_S = 600.0
STOP_TIMEOUT_S = 13.0
"""graceful_stop_s's default, the launcher's alarm 2 s later, and one to spare."""
RESTART_INTERVAL_S = 1.0
LONGEST_BACKOFF_S = 15.0
HELD_LOOK_S = 0.25
"""Seconds between looks at whether a daemon that is held may start again."""
STABLE_S = 10.0
"""A daemon that ran for so long starts anew at once when it dies."""
ORPHANS_S = 3.0
"""How long the workers of a killed launcher may take to be gone; see launcher.ORPHAN_STOP_S."""

T = TypeVar("T")


class Supervisor:
    """The process of one cloud."""

    def __init__(
        self,
        cloud: Cloud,
        *,
        table: Sequence[Process],
        broker: Runner,
        bootstrap: Callable[[], None],
        modules: Sequence[str],
    ) -> None:
        self._cloud = cloud
        self._table = table
        self._broker = broker
        self._bootstrap = bootstrap
        self._modules = modules
        self._due: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._broker_due = 0.0
        me = reaper.ref(os.getpid())
        self._roster = Roster(pid=me.pid, start_ticks=me.start_ticks, started_at=time.time())
        self._signals = forking.Signals()

    def run(self) -> int:
        """Start everything, keep it running until SIGTERM, stop everything. Return an exit code."""
        code = 0
        try:
            self._start()
            while not self._signals.must_stop:
                self._signals.wait(self._until_next_start())
                self._watch()
        except (CloudError, _Stopped) as error:
            if isinstance(error, CloudError):
                LOG.error("%s", error)  # noqa: TRY400 - the sentence says it all
                self._roster.error = str(error)
                code = 1
        self._stop()
        self._say(Phase.FAILED if code else Phase.STOPPED, "")
        return code

    # Starting

    def _start(self) -> None:
        self._say(Phase.STARTING, "the libraries")
        holds.clear(self._cloud.state_dir)
        self._broker.start()
        self._roster.broker = [reaper.ref(pid) for pid in self._broker.pids()]
        self._write()
        launcher.use_threads()
        for name in self._modules:
            importlib.import_module(name)
        gc.collect()
        gc.freeze()

        self._say(Phase.STARTING, "the database")
        output = self._cloud.log_dir / "bootstrap.out"
        output.unlink(missing_ok=True)
        pid = forking.fork(self._signals, self._bootstrap, "bootstrap", output)
        code = self._wait_for(lambda: forking.reap(pid), 120.0)
        if code != 0:
            raise CloudError(f"The database could not be set up.\n{forking.tail(output)}")
        for process in self._table:
            if not process.needs_broker:
                self._start_daemon(process)

        self._say(Phase.STARTING, "the broker")
        limit_s = DOCKER_TIMEOUT_S if self._cloud.broker.kind == "docker" else BROKER_TIMEOUT_S
        if not self._wait_for(self._is_broker_ready, limit_s):
            raise CloudError(f"The broker does not start.\n{self._broker.last_words()}")
        self._roster.broker = [reaper.ref(pid) for pid in self._broker.pids()]
        self._say(Phase.STARTING, "the daemons")
        for process in self._table:
            if process.needs_broker:
                self._start_daemon(process)
        self._say(Phase.RUNNING, "")

    def _is_broker_ready(self) -> bool | None:
        if self._broker.is_ready():
            return True
        return False if self._broker.exit_code() is not None else None

    def _wait_for(self, look: Callable[[], T | None], limit_s: float) -> T | None:
        """Look until there is an answer; None when time ran out. Raises _Stopped on SIGTERM."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            answer = look()
            if answer is not None:
                return answer
            self._signals.wait(0.02)
            self._note_deaths()
            if self._signals.must_stop:
                raise _Stopped
        return None

    def _start_daemon(self, process: Process) -> None:
        def become() -> None:
            sys.argv = [process.module, *process.arguments]
            runpy.run_module(process.module, run_name="__main__", alter_sys=True)

        pid = forking.fork(self._signals, become, process.name, process.output_file)
        entry = Entry(pid=pid, start_ticks=reaper.ref(pid).start_ticks, started_at=time.time())
        before = self._roster.daemons.get(process.name)
        if before is not None:
            entry.restarts, entry.last_exit = before.restarts + 1, before.last_exit
        self._roster.daemons[process.name] = entry
        self._write()
        LOG.info("%s started as pid %d", process.name, pid)

    # Running

    def _watch(self) -> None:
        if self._signals.take_reload():
            for entry in self._roster.daemons.values():
                entry.ref.send(signal.SIGHUP)
        self._note_deaths()
        now = time.monotonic()
        for process in self._table:
            entry = self._roster.daemons[process.name]
            if entry.state is DaemonState.HELD and not self._is_held(process):
                entry.state = DaemonState.RESTARTING
            if entry.state is DaemonState.RESTARTING and now >= self._due[process.name]:
                self._start_again(process, entry, now)
        self._watch_broker(now)

    def _note_deaths(self) -> None:
        for process in self._table:
            entry = self._roster.daemons.get(process.name)
            if entry is not None and entry.state is DaemonState.RUNNING:
                code = forking.reap(entry.pid)
                if code is not None:
                    self._note_death(process, entry, code)

    def _is_held(self, process: Process) -> bool:
        return holds.is_held(self._cloud.state_dir, process.name)

    def _note_death(self, process: Process, entry: Entry, code: int) -> None:
        entry.state = DaemonState.HELD if self._is_held(process) else DaemonState.RESTARTING
        entry.last_exit = f"signal {-code}" if code < 0 else f"exit code {code}"
        lived_s = time.time() - entry.started_at
        failures = 0 if lived_s >= STABLE_S else self._failures.get(process.name, -1) + 1
        self._failures[process.name] = failures
        pause_s = min(LONGEST_BACKOFF_S, RESTART_INTERVAL_S * 2**failures)
        self._due[process.name] = time.monotonic() + max(0.0, pause_s - lived_s)
        LOG.warning("%s (pid %d) ended with %s", process.name, entry.pid, entry.last_exit)
        self._write()

    def _start_again(self, process: Process, entry: Entry, now: float) -> None:
        # A killed launcher's workers may finish what is in hand, and hold its port until then.
        if now < self._due[process.name] + ORPHANS_S and reaper.session_members(entry.ref):
            return
        reaper.kill_sessions([entry.ref])
        self._start_daemon(process)

    def _watch_broker(self, now: float) -> None:
        code = self._broker.exit_code()
        if code is None or now < self._broker_due:
            return
        LOG.warning("the broker ended with %s; starting it again", code)
        self._broker.stop(STOP_TIMEOUT_S)
        self._broker.start()
        self._broker_due = now + 2 * RESTART_INTERVAL_S
        self._roster.broker = [reaper.ref(pid) for pid in self._broker.pids()]
        self._roster.broker_restarts += 1
        self._write()

    def _until_next_start(self) -> float:
        if self._broker.exit_code() is not None:
            return 0.1
        waiting = [
            self._due[name]
            for name, entry in self._roster.daemons.items()
            if entry.state is DaemonState.RESTARTING
        ]
        is_any_held = any(
            entry.state is DaemonState.HELD for entry in self._roster.daemons.values()
        )
        longest_s = HELD_LOOK_S if is_any_held else 60.0
        until_due_s = min(waiting, default=time.monotonic() + longest_s) - time.monotonic()
        return max(0.05, min(longest_s, until_due_s))

    # Stopping

    def _stop(self) -> None:
        for stage in sorted({process.stage for process in self._table}, reverse=True):
            entries = [
                self._roster.daemons[process.name]
                for process in self._table
                if process.stage == stage and process.name in self._roster.daemons
            ]
            if entries:
                self._say(Phase.STOPPING, f"stage {stage} of the daemons to end")
                reaper.end_sessions([entry.ref for entry in entries], STOP_TIMEOUT_S)
            for entry in entries:
                forking.reap(entry.pid)
                entry.state = DaemonState.STOPPED
        self._say(Phase.STOPPING, "the broker to end")
        self._broker.stop(STOP_TIMEOUT_S)
        self._roster.broker = []

    def _say(self, phase: Phase, waiting_for: str) -> None:
        self._roster.phase = phase
        self._roster.waiting_for = waiting_for
        LOG.info("%s %s", phase, waiting_for)
        self._write()

    def _write(self) -> None:
        self._roster.write(self._cloud.state_dir)


class _Stopped(Exception):
    """SIGTERM came while something was waited for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Supervise the cloud whose state folder is given."""
    parser = argparse.ArgumentParser(prog="devstack_lite.supervisor")
    parser.add_argument("--state", type=Path, required=True, help="the cloud's state folder")
    state_dir = parser.parse_args(arguments).state
    os.umask(0o077)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy would start threads before the forks
    logging.basicConfig(
        filename=state_dir / "logs" / "supervisor.log",
        level=logging.INFO,
        format="%(asctime)s.%(msecs)03d %(process)d %(levelname)s supervisor %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
    )
    cloud = clouds.load(state_dir)
    if cloud is None:
        parser.error(f"{state_dir} holds no cloud")
    launcher.set_title(f"devstack-lite: {cloud.name} supervisor")

    def bootstrap() -> None:
        importlib.import_module("devstack_lite.db.bootstrap").main(cloud.seed_settings())

    supervisor = Supervisor(
        cloud,
        table=processes.of(cloud),
        broker=choose.runner_of(cloud),
        bootstrap=bootstrap,
        modules=preload.shared_modules(),
    )
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
