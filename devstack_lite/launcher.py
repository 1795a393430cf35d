"""Turns a daemon's process into a launcher with forked workers.

Owns: forks, process titles, the fork throttle, signals. Every `services.<name>.__main__` calls
`run` once, after it bound its sockets (the workers inherit them). It must not know what a worker
does, and must not be called twice in a process: the library refuses a second manager.

oslo.service's ProcessLauncher (threading backend, which is cotyledon) does the work. Three things
are added through the library's public hooks, on a manager that ProcessLauncher keeps private:

- The throttle. At start as many forks as workers, without delay; after that at most one fork a
  second. The library's own throttle sleeps for five seconds once it has seen more forks than
  workers in as many seconds, and a SIGHUP during that sleep ends its supervising thread for good.
  The hook below waits for its turn and resets the library's list of forks, which therefore never
  gets long enough for that sleep.
- SIGHUP re-reads the options that may change in each worker, in place. The library would end all
  workers at once and fork new ones.
- A launcher that was killed takes its workers along within ORPHAN_STOP_S, whatever they do.

A launcher none of whose workers could ever start ends with exit code 1: what keeps a worker from
starting at all is its configuration, and forking it once a second forever would only hide that.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import math
import mmap
import os
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from oslo_config import cfg
from oslo_service import backend
from oslo_service.backend.base import ServiceBase

from devstack_lite import reaper

LOG = logging.getLogger(__name__)

FORK_INTERVAL_S = 1.0
"""At most one fork per so many seconds once all workers were forked: the seeds' throttle."""

LAST_RESORT_S = 4.0
"""How long after graceful_stop_s a worker that hears no signal is killed by its launcher."""
IN_FRONT_S = 5.0
"""What a worker in front may still finish: a request that a debugger has stopped never does."""
ORPHAN_STOP_S = 2.0
"""What a worker may still finish when its launcher was killed; promised is: gone within 3 s."""


class Worker(Protocol):
    """What one forked process does. Made after the fork, by its group's factory."""

    def start(self) -> None:
        """Begin to serve, and return."""

    def stop(self) -> None:
        """Finish what is in hand, within conf.graceful_stop_s, and return."""


WorkerFactory = Callable[[int], Worker]
"""Makes a worker; gets its number within its group, 1 to workers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerGroup:
    """So many workers that all do the same. A daemon may have several groups."""

    name: str
    workers: int
    factory: WorkerFactory


_replaced_pid: int | None = None


def replaced_pid() -> int | None:
    """Return the pid of the dead worker whose number this one has; None in the first of a number.

    A respawned worker knows by it that its predecessor left work behind.
    """
    return _replaced_pid


def use_threads() -> None:
    """Select oslo.service's threading backend; before oslo_messaging is imported. Idempotent.

    oslo.service installs eventlet and futurist imports it wherever it finds it, which costs 0.15 s
    and a warning that it is on its way out. Nothing here uses it, so it is hidden.
    """
    sys.modules.setdefault("eventlet", None)  # type: ignore[arg-type]
    backend.init_backend(backend.BackendType.THREADING)


class _Roll:
    """The workers' pids, by slot, and whether one ever served: memory that all of them share."""

    _SLOT = struct.Struct("=qq")

    def __init__(self, slots: int) -> None:
        self._memory = mmap.mmap(-1, slots * self._SLOT.size)

    def sign(self, slot: int) -> int:
        """Enter this process; return the pid that had the slot before, or 0."""
        pid, served = self._SLOT.unpack_from(self._memory, slot * self._SLOT.size)
        self._SLOT.pack_into(self._memory, slot * self._SLOT.size, os.getpid(), served)
        return int(pid)

    def pid(self, slot: int) -> int:
        return int(self._SLOT.unpack_from(self._memory, slot * self._SLOT.size)[0])

    def serve(self, slot: int) -> None:
        """Note that the slot's worker started."""
        self._SLOT.pack_into(self._memory, slot * self._SLOT.size, self.pid(slot), 1)

    @property
    def has_served(self) -> bool:
        return any(served for _, served in self._SLOT.iter_unpack(self._memory))


class _GroupService(ServiceBase):  # type: ignore[misc]
    """One group, in the shape oslo.service wants it.

    Lives in the launcher and, forked, in each worker; only the forked ones get a number.
    """

    backdoor_port = None

    def __init__(self, group: WorkerGroup, title: str, roll: _Roll, first_slot: int) -> None:
        self.group = group
        self.title = title
        self.roll = roll
        self.first_slot = first_slot
        self.number = 0
        self._worker: Worker | None = None

    def become(self, number: int, life_line: int) -> None:
        """Take a number, in the child, right after the fork."""
        global _replaced_pid
        self.number = number
        _replaced_pid = self.roll.sign(self.first_slot + number - 1) or None
        set_title(f"{self.title} worker {number}")
        threading.Thread(target=_die_with, args=(life_line,), name="life-line", daemon=True).start()

    def start(self) -> None:
        """Make the worker and start it; a worker that cannot start ends its process."""
        if _replaced_pid is not None:
            LOG.info("%s worker %d replaces pid %d", self.title, self.number, _replaced_pid)
        try:
            self._worker = self.group.factory(self.number)
            self._worker.start()
        except Exception as error:
            LOG.exception("%s worker %d cannot start", self.title, self.number)
            raise SystemExit(1) from error
        self.roll.serve(self.first_slot + self.number - 1)
        LOG.info("%s worker %d serves", self.title, self.number)

    def stop(self, graceful: bool = True) -> None:
        """Let the worker finish."""
        if self._worker is not None:
            self._worker.stop()

    def wait(self) -> None:
        """Return at once: the library waits for signals in the main thread."""

    def reset(self) -> None:
        """Do nothing: the threading backend never calls it."""


class _Throttle:
    """Says when the launcher may fork again. Registers itself with os.fork, so it misses none."""

    def __init__(self) -> None:
        self._last_fork = -math.inf
        os.register_at_fork(after_in_parent=self._note)

    def _note(self) -> None:
        self._last_fork = time.monotonic()

    def wait(self) -> float:
        """Sleep until a fork is due; return the seconds slept."""
        delay = max(0.0, self._last_fork + FORK_INTERVAL_S - time.monotonic())
        time.sleep(delay)
        return delay


class _Hooks:
    """What is hung into the library's manager."""

    def __init__(self, conf: cfg.ConfigOpts, manager: Any, life_line: tuple[int, int]) -> None:
        self.conf = conf
        self.manager = manager
        self.services: dict[Any, _GroupService] = {}
        self.throttle = _Throttle()
        self.life_line = life_line
        self.has_failed = False
        manager.register_hooks(
            on_new_worker=self.on_new_worker,
            on_dead_worker=self.on_dead_worker,
            on_terminate=self.on_terminate,
        )

    def on_terminate(self) -> None:
        """Run in the launcher at its SIGTERM: a worker that is stopped or hangs hears no signal."""
        last_s = self.conf.graceful_stop_s + LAST_RESORT_S
        pids = [process.pid for process in self.manager._child_processes]  # noqa: SLF001

        def kill() -> None:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

        timer = threading.Timer(last_s, kill)
        timer.daemon = True
        timer.start()

    def on_new_worker(self, service_id: Any, worker_id: int, wrapper: Any) -> None:
        """Run in each child, before its service starts. worker_id counts from 0."""
        reader, writer = self.life_line
        os.close(writer)
        wrapper.reload = self.conf.mutate_config_files
        self.services[service_id].become(worker_id + 1, reader)

    def on_dead_worker(self, service_id: Any, worker_id: int, exit_code: int) -> None:
        """Run in the launcher, in the library's supervising thread, before it forks again."""
        service = self.services[service_id]
        number = worker_id + 1
        pid = service.roll.pid(service.first_slot + worker_id)
        how = f"was killed by signal {-exit_code}" if exit_code < 0 else f"exited with {exit_code}"
        if exit_code > 0 and not service.roll.has_served:
            if not self.has_failed:
                LOG.error("%s worker %d %s before any worker served: the launcher gives up",
                          service.title, number, how)  # fmt: skip
                self.has_failed = True
                os.kill(os.getpid(), signal.SIGTERM)
            self.throttle.wait()
            return
        delay = self.throttle.wait()
        # The public way to empty the library's list of fork times.
        self.manager.reconfigure(service_id, service.group.workers)
        LOG.warning("%s worker %d (pid %d) %s; forked again after %.2f s",
                    service.title, number, pid, how, delay)  # fmt: skip


def _die_with(life_line: int) -> None:
    """Wait until the launcher is gone, then end this process within ORPHAN_STOP_S.

    The library notices, too, and stops the worker gracefully, which may take graceful_stop_s.
    """
    os.read(life_line, 1)
    time.sleep(ORPHAN_STOP_S)
    os._exit(1)


def set_title(title: str) -> None:
    """Name this process, as ps and top show it."""
    import setproctitle

    setproctitle.setproctitle(title)


def daemon_title(conf: cfg.ConfigOpts, daemon: str) -> str:
    """Return what a daemon's process titles begin with; a compute daemon's name its host."""
    name = f"{daemon} {conf.host}" if daemon == "compute" else daemon
    return f"devstack-lite: {name}"


def run(conf: cfg.ConfigOpts, daemon: str, groups: Sequence[WorkerGroup]) -> None:
    """Fork the groups' workers and keep them running; return after SIGTERM, when all are gone.

    Raises SystemExit(1) when no worker could ever start. Without conf.fork, this process is the
    worker, and ends with it.
    """
    use_threads()
    if not conf.fork:
        serve_in_front(daemon_title(conf, daemon), groups)
    from oslo_service import opts as service_options
    from oslo_service import service

    service_options.register_service_opts(conf)
    conf.set_default("log_options", False)
    # The worker bounds its stop by graceful_stop_s itself; the library's alarm is the last resort.
    conf.set_default("graceful_shutdown_timeout", math.ceil(conf.graceful_stop_s) + 2)

    title = daemon_title(conf, daemon)
    roll = _Roll(sum(group.workers for group in groups))
    launcher = service.ProcessLauncher(conf, restart_method="mutate")
    services: list[_GroupService] = []
    first_slot = 0
    for group in groups:
        group_title = title if group.name == daemon else f"{title} {group.name}"
        services.append(_GroupService(group, group_title, roll, first_slot))
        launcher.launch_service(services[-1], workers=group.workers)
        first_slot += group.workers
    manager = launcher._manager  # noqa: SLF001 - the one private name leaned on; a test watches it
    hooks = _Hooks(conf, manager, os.pipe())
    hooks.services.update(zip(manager._services, services, strict=True))  # noqa: SLF001

    set_title(f"{title} launcher")
    gc.collect()
    gc.freeze()
    LOG.info("%s launcher forks %d workers", title, first_slot)
    try:
        launcher.wait()
    except SystemExit:
        LOG.info("%s launcher ends", title)
    if hooks.has_failed:
        raise SystemExit(1)


def serve_in_front(title: str, groups: Sequence[WorkerGroup]) -> NoReturn:
    """Be one worker of each group until SIGINT or SIGTERM, or the death of whoever started this.

    Ends the process: a thread that a debugger has stopped would else keep it.
    """
    is_over = threading.Event()

    def end(_number: int, _frame: object) -> None:
        if is_over.is_set():
            os._exit(1)  # told twice: it does not wait for anybody
        is_over.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    reaper.die_with_parent()
    set_title(f"{title} in front")
    # The first group is what the daemon is named after, so it says last who this process is.
    workers = [group.factory(1) for group in reversed(groups)]
    for worker in workers:
        worker.start()
    LOG.info("%s serves in front, without forks", title)
    is_over.wait()
    LOG.info("%s ends", title)
    ends = [threading.Thread(target=worker.stop, daemon=True) for worker in workers]
    for one in ends:
        one.start()
    for one in ends:
        one.join(IN_FRONT_S)
    logging.shutdown()
    os._exit(0)
