"""Every role by every operation, each with a kill in its midst, one after the other.

Each cell asks for as many operations at once as it is told, strikes at a moment that the seed
chooses within the time that they take undisturbed, and waits until all are over. So a recovery is
of one fault alone. Written and judged as the monkey's runs are.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from devstack_lite import cloud_files
from devstack_lite.chaos import observe, runs
from devstack_lite.chaos.figures import Figures
from devstack_lite.chaos.history import Event, History, of_type
from devstack_lite.chaos.load import Load, find_sizes
from devstack_lite.chaos.monkey import Monkey
from devstack_lite.chaos.plan import Action, Fault, FaultKind, Operation, Place
from devstack_lite.cli.session import Session
from devstack_lite.cloud import Cloud, CloudError

ROUND = (Action.BOOT, Action.STOP, Action.START, Action.REBOOT, Action.DELETE)
"""What a server goes through in a cell; a kill may be in each of them."""
QUICK = (Action.BOOT,)
CELL_S = 60.0
"""Longer than every bound of the recovery; see runs.SETTLE_S."""
EARLIEST, LATEST = 0.05, 0.8
"""Of the time that the operations take undisturbed: when a kill may strike."""
NO_FAULT = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a matrix shall do."""

    seed: int
    places: Sequence[Place]
    kinds: Sequence[FaultKind]
    actions: Sequence[Action]
    """In the midst of which a fault strikes."""
    count: int
    """Operations at once."""
    repeats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of all cells of one role, kind of fault and operation."""

    role: str
    kind: str
    action: str
    struck: int
    under_way: int
    """Operations under way at the faults, together."""
    became: dict[str, int]
    """How many operations ended how: ACTIVE, gone, refused, stuck, …"""
    recovery: Figures
    """From the fault until the last of those under way was over, over the faults."""


class Matrix:
    """Walks the cells on a cloud that is up."""

    def __init__(
        self, cloud: Cloud, load: Load, history: History, say: Callable[[str], None]
    ) -> None:
        self._cloud = cloud
        self._load = load
        self._history = history
        self._say = say
        self._monkey = Monkey(cloud, load, history, lambda _line: None)
        self._operations = self._faults = self._servers = 0

    def run(self, wishes: Wishes) -> None:
        """Do two undisturbed rounds, one to warm up and one to see how long it takes; then all."""
        chance = random.Random(f"{wishes.seed}/matrix")  # noqa: S311 - it shall be repeatable
        usual = {}
        for _ in range(2):
            servers = self._new_servers(wishes.count)
            for action in ROUND:
                began = time.monotonic()
                self._do(action, servers, None, 0.0)
                usual[action] = time.monotonic() - began
        for _ in range(wishes.repeats):
            for kind in wishes.kinds:
                for place in _one_of_each_role(chance, wishes.places):
                    self._walk(wishes, chance, kind, place, usual)

    def _walk(
        self,
        wishes: Wishes,
        chance: random.Random,
        kind: FaultKind,
        place: Place,
        usual: dict[Action, float],
    ) -> None:
        servers = self._new_servers(wishes.count)
        needed = ROUND if len(wishes.actions) > 1 else (Action.BOOT, Action.DELETE)
        for action in needed:
            after_s = usual[action] * chance.uniform(EARLIEST, LATEST)
            number = chance.randint(1, place.workers) if kind is FaultKind.KILL_WORKER else None
            fault = None
            if action in wishes.actions:
                fault = Fault(number=self._faults, at_s=0.0, kind=kind, role=place.role,
                              process=place.process, worker=number)  # fmt: skip
                self._faults += 1
            began = time.monotonic()
            self._do(action, servers, fault, after_s)
            if fault is not None:
                self._say(f"{kind} {place.process} under {action}:"
                          f" all over after {time.monotonic() - began:.2f} s")  # fmt: skip

    def _do(
        self, action: Action, servers: Sequence[int], fault: Fault | None, after_s: float
    ) -> None:
        """Ask for an operation of each server, strike, and wait until all is over and up again."""
        first = self._operations
        for server in servers:
            self._load.submit(
                Operation(number=self._operations, at_s=0.0, action=action, server=server)
            )
            self._operations += 1
        if fault is not None:
            time.sleep(after_s)
            self._monkey.strike(fault)
        is_over = self._load.wait_until_idle(CELL_S)
        self._history.add(
            "cell", action=action, fault=None if fault is None else fault.number,
            role=NO_FAULT if fault is None else fault.role,
            kind=NO_FAULT if fault is None else fault.kind,
            first=first, count=len(servers), is_over=is_over,
        )  # fmt: skip
        if fault is not None:
            self._monkey.note_backs(CELL_S)
            deadline = time.monotonic() + CELL_S
            while (missing := observe.not_up(self._cloud)) and time.monotonic() < deadline:
                time.sleep(observe.LOOK_S)
            if missing:
                raise CloudError(f"{', '.join(missing)} did not come back in {CELL_S:.0f} s.")

    def _new_servers(self, count: int) -> range:
        self._servers += count
        return range(self._servers - count, self._servers)


def _one_of_each_role(chance: random.Random, places: Sequence[Place]) -> Iterator[Place]:
    by_role: dict[str, list[Place]] = {}
    for place in places:
        by_role.setdefault(place.role, []).append(place)
    for own in by_role.values():
        yield chance.choice(own)


def run_matrix(
    cloud: Cloud,
    wishes: Wishes,
    *,
    say: Callable[[str], None],
    step: Callable[[str], None],
) -> tuple[runs.Result, list[Row]]:
    """Walk the matrix, judge it, write its reports; return the verdict and the table's rows."""
    missing = observe.not_up(cloud)
    if missing:
        raise CloudError(f"{cloud.name} does not serve: {', '.join(missing)}.")
    history = History(runs.folder_of(cloud))
    credentials = cloud_files.credentials(cloud)
    history.add("header", cloud=cloud.name, profile=cloud.profile, started_at=time.time(),
                matrix=dataclasses.asdict(wishes), settings={"seed": wishes.seed})  # fmt: skip
    prefix = f"matrix-{time.time_ns() // 1_000_000:x}"
    sizes = find_sizes(Session(credentials))
    load = Load(credentials, history, prefix=prefix, sizes=sizes)
    try:
        step("the cells")
        Matrix(cloud, load, history, say).run(wishes)
        step("everything to settle")
        observe.settle(cloud, load, history, runs.SETTLE_S)
        observe.look(cloud, load, history)
        step("the invariants")
        observe.check(cloud, history)
        observe.clean(cloud, load, history)
    finally:
        load.close()
    events = history.events()
    return runs.finish(history), rows_of(events)


def rows_of(events: Sequence[Event]) -> list[Row]:
    """Return the table of a matrix's history: a pure function."""
    requests = {event["number"]: event for event in of_type(events, "request")}
    answers = {event["number"]: event for event in of_type(events, "answer")}
    ends = {event["number"]: event for event in of_type(events, "finished")}
    struck = {event["number"]: event for event in of_type(events, "fault")}
    cells: dict[tuple[str, str, str], list[Event]] = {}
    for cell in of_type(events, "cell"):
        cells.setdefault((cell["role"], cell["kind"], cell["action"]), []).append(cell)
    rows = []
    for (role, kind, action), own in cells.items():
        became: Counter[str] = Counter()
        recoveries: list[float] = []
        under_way = 0
        for cell in own:
            numbers = range(cell["first"], cell["first"] + cell["count"])
            became.update(_became(answers.get(number), ends.get(number)) for number in numbers)
            begins = min(requests[number]["at"] for number in numbers if number in requests)
            at = begins if cell["fault"] is None else struck[cell["fault"]]["at"]
            hit = [ends[n]["at"] for n in numbers if n in ends and ends[n]["at"] > at]
            under_way += len(hit)
            if hit:
                recoveries.append(max(hit) - at)
        faults = [struck[cell["fault"]] for cell in own if cell["fault"] is not None]
        rows.append(
            Row(
                role=role,
                kind=kind,
                action=action,
                struck=sum(fault["pid"] is not None for fault in faults),
                under_way=under_way,
                became=dict(became),
                recovery=Figures.of(recoveries),
            )
        )
    return rows


def _became(answer: Event | None, end: Event | None) -> str:
    if end is not None:
        return str(end["status"])
    if answer is None or answer["outcome"] == "accepted":
        return "stuck"
    return str(answer["outcome"])
