"""Breaks a cloud at random under load, by a plan, and notes everything.

One thread walks the plan: it submits operations and acts faults at their times. A second one
watches for the successors of what was ended. Whatever happens, nothing stays stopped.
"""

from __future__ import annotations

import heapq
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from devstack_lite import processes
from devstack_lite.chaos import faults, targets
from devstack_lite.chaos.history import History
from devstack_lite.chaos.load import Load
from devstack_lite.chaos.plan import Fault, FaultKind, Operation, Place, Plan
from devstack_lite.chaos.targets import Target
from devstack_lite.cloud import Cloud, CloudError

LOOK_S = 0.05
BACK_S = 40.0
"""The supervisor's longest pause, a killed launcher's orphans and a start."""

Said = Callable[[str], None]


def places_of(cloud: Cloud, roles: tuple[str, ...] = ()) -> tuple[Place, ...]:
    """Return where faults may strike: the processes of these roles, or all of them.

    Raises CloudError for a role that the cloud has not.
    """
    wanted = {name for role in roles for name in targets.names_of(cloud, role)}
    return tuple(
        Place(role=one.daemon, process=one.name, workers=cloud.workers[one.daemon])
        for one in processes.of(cloud)
        if not roles or one.name in wanted
    )


class Monkey:
    """Carries out one plan."""

    def __init__(self, cloud: Cloud, load: Load, history: History, say: Said) -> None:
        """Take what it works with; say gets a line for each fault."""
        self._cloud = cloud
        self._load = load
        self._history = history
        self._say = say
        self._paused: dict[int, Target] = {}
        self._ended: dict[int, Target] = {}
        self._lock = threading.Lock()

    def run(self, plan: Plan) -> None:
        """Do all that the plan says, at its times, and resume whatever was paused."""
        began = time.monotonic()
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(over,), name="backs", daemon=True)
        watcher.start()
        planned: list[Operation | Fault] = [*plan.operations, *plan.faults]
        agenda: list[tuple[float, int, Operation | Fault | int]] = [
            (one.at_s, index, one) for index, one in enumerate(planned)
        ]
        heapq.heapify(agenda)
        count = len(agenda)
        try:
            while agenda:
                at_s, _, item = heapq.heappop(agenda)
                time.sleep(max(0.0, began + at_s - time.monotonic()))
                if isinstance(item, Operation):
                    self._load.submit(item)
                elif isinstance(item, int):
                    self._resume(item)
                elif self.strike(item) and item.seconds is not None:
                    count += 1
                    heapq.heappush(agenda, (at_s + item.seconds, count, item.number))
        finally:
            for number in list(self._paused):
                self._resume(number)
            over.set()
            watcher.join()
        self.note_backs(BACK_S)

    def strike(self, fault: Fault) -> bool:
        """Act one fault, and note it; say whether it hit anybody."""
        hit = None
        with suppress(CloudError):
            hit = self._act(fault)
        self._history.add(
            "fault", number=fault.number, kind=fault.kind, role=fault.role, process=fault.process,
            worker=fault.worker, seconds=fault.seconds, pid=hit.ref.pid if hit else None,
        )  # fmt: skip
        where = f"{fault.process} worker {fault.worker}" if fault.worker else fault.process
        length = f" for {fault.seconds:g} s" if fault.seconds else ""
        self._say(f"{fault.kind} {where}{length}{'' if hit else ': nobody there'}")
        if hit is not None:
            with self._lock:
                pool = self._paused if fault.kind is FaultKind.PAUSE else self._ended
                pool[fault.number] = hit
        return hit is not None

    def _act(self, fault: Fault) -> Target | None:
        cloud = self._cloud
        match fault.kind:
            case FaultKind.BROKER_RESTART:
                return faults.restart_broker(cloud)
            case FaultKind.HOST_CRASH:
                found = faults.crash_host(cloud, fault.process.removeprefix("compute-"))
            case FaultKind.KILL_LAUNCHER:
                found = targets.launchers(cloud, fault.process)
                faults.kill(found[:1])
            case FaultKind.KILL_WORKER:
                found = targets.workers(cloud, fault.process, fault.worker)
                faults.kill(found[:1])
            case FaultKind.PAUSE:
                found = targets.workers(cloud, fault.process, fault.worker)
                faults.kill(found[:1], signal.SIGSTOP)
        return found[0] if found else None

    def _resume(self, number: int) -> None:
        with self._lock:
            target = self._paused.pop(number)
            # Two pauses of one process may overlap: the last one to end lets it go on.
            if target.ref in {other.ref for other in self._paused.values()}:
                return
        target.ref.send(signal.SIGCONT)
        self._history.add("resumed", fault=number)

    def note_backs(self, timeout_s: float) -> None:
        """Wait until whoever was ended has a successor, and note when that was.

        Who has none when time is over is not up, which the judge will say.
        """
        deadline = time.monotonic() + timeout_s
        while self._note_backs() and time.monotonic() < deadline:
            time.sleep(LOOK_S)

    def _note_backs(self) -> int:
        """Note the successors that are there; return how many are not."""
        with self._lock:
            waiting = dict(self._ended)
        for number, target in waiting.items():
            with suppress(CloudError):
                if faults.is_back(self._cloud, target):
                    self._history.add("back", fault=number)
                    with self._lock:
                        del self._ended[number]
        return len(self._ended)

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(LOOK_S):
            self._note_backs()
