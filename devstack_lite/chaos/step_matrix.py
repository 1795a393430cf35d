"""Every step of a boot by every role that takes part in it, each with one worker killed there.

A failpoint kills exactly where the cell says, before or after. A cell boots one server (or acts on
one) and takes the time from the death until the instance is ACTIVE, or gone, with nothing done by
hand. A client whose connection broke, or who got a 503, asks again, as clients do, and only when
the database holds nothing of its request.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from devstack_lite import cloud_files
from devstack_lite.chaos import observe
from devstack_lite.chaos.asked import ServerAction
from devstack_lite.chaos.points import Points
from devstack_lite.chaos.server_actions import settings_of, table_of
from devstack_lite.chaos.subject import Subject, wait
from devstack_lite.cli.boot import order_of
from devstack_lite.cli.session import Session
from devstack_lite.cloud import Cloud
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import DevstackError
from devstack_lite.failpoints import Action, Failpoint, Firing
from devstack_lite.steps import STEPS, point_of

CELL_S = 60.0

PARTNERS: dict[int, tuple[tuple[str, str, int], ...]] = {
    # By step who else takes part: role, point, and how often that point is passed before. Identity
    # is asked four times in a boot, by whom it serves.
    3: (("identity", "http.identity", 0),),
    4: (("conductor", "rpc.conductor.create_instances", 0),),
    5: (("scheduler", "rpc.scheduler.schedule_builds", 0),),
    7: (("conductor", "rpc.conductor.claim_nodes", 0),),
    9: (("conductor", "rpc.conductor.start_builds", 0),),
    12: (("image", "http.image", 0),),
    13: (("identity", "http.identity", 1),),
    14: (("network", "http.network", 0), ("conductor", "rpc.conductor.create_ports", 0)),
    15: (("identity", "http.identity", 2),),
    16: (("volume", "http.volume", 0),),
    17: (("identity", "http.identity", 3),),
    18: (("conductor", "rpc.conductor.finish_builds", 0),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Where one worker is killed: what is under way, whose worker, at which point."""

    what: str
    role: str
    point: str
    skip: int = 0

    @property
    def operation(self) -> str:
        """What is asked for: boot, or one of the table of server actions."""
        return "boot" if self.what.startswith("step") else self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a cell. recovery_s: from the death until all was as asked for."""

    cell: Cell
    state: str
    is_good: bool
    recovery_s: float | None
    pid: int | None
    asked_again: bool


def cells_of(actions: Mapping[str, ServerAction], *, is_quick: bool) -> list[Cell]:
    """Return all cells, or those after each step's own work, which can lose most."""
    sides = ("after",) if is_quick else ("before", "after")
    found = []
    for step in STEPS:
        parts = [(step.service, point_of(step.number), 0)]
        if not is_quick:
            parts += PARTNERS.get(step.number, ())
        found += [
            Cell(what=f"step {step.number}", role=role, point=f"{point}.{side}", skip=skip)
            for role, point, skip in parts
            for side in sides
        ]
    for name, action in () if is_quick else actions.items():
        found += [
            Cell(what=name, role=role, point=f"{point}.{side}")
            for role, point in (*action.points, *action.helpers)
            for side in sides
        ]
    return found


def run_steps(cloud: Cloud, cells: Sequence[Cell], say: Callable[[Outcome], None]) -> list[Outcome]:
    """Run the cells one after the other, each when everybody is back from the one before."""
    outcomes = []
    actions = table_of(settings_of(cloud))
    with contextlib.closing(Points(cloud)) as points, reading(cloud) as db:
        for number, cell in enumerate(cells):
            wait(lambda: not observe.not_up(cloud), CELL_S)
            outcome = _Run(cloud, points, db, cell, f"cell-{number}", actions).run()
            outcomes.append(outcome)
            say(outcome)
    return outcomes


@contextlib.contextmanager
def reading(cloud: Cloud, connections: int = 1) -> Iterator[Database]:
    """Have the cloud's database to read from for the time of the block."""
    db = Database(cloud.database_reader_url, pool_size=connections)
    try:
        yield db
    finally:
        db.engine.dispose()


class _Run:
    """One cell."""

    def __init__(
        self,
        cloud: Cloud,
        points: Points,
        db: Database,
        cell: Cell,
        name: str,
        actions: Mapping[str, ServerAction],
    ) -> None:
        self._cloud = cloud
        self._points = points
        self._cell = cell
        self._client = Session(cloud_files.credentials(cloud))
        # Asked for before anything is armed: the points are the boot's own.
        body = order_of(self._client, name, 1, "m1.tiny", "cirros", ()).body()
        self._subject = Subject(cloud, db, name, body, actions)
        self._action = actions.get(cell.operation, ServerAction())

    def run(self) -> Outcome:
        """Do it, and leave no server behind."""
        cell, action, subject = self._cell, self._action, self._subject
        is_boot = cell.operation == "boot"
        trouble = ""
        if not is_boot:
            if action.boot is None and not action.is_errand:
                subject.boot(is_slow=bool(action.during))
            trouble = subject.prepare(action)
        failpoint = Failpoint(
            id="", point=cell.point, action=Action.KILL, service=cell.role, skip=cell.skip
        )
        with self._points.while_armed(failpoint) as armed:
            if is_boot:
                self._strike_login()
                state = subject.boot()
            else:
                subject.ask(action)
                state = subject.end(action)
            ended_at = time.time()
            fired = wait(lambda: self._fired(armed), 1.0)
        state += (trouble and f", {trouble}") + subject.shown(action)
        outcome = Outcome(
            cell=cell,
            state=state if fired else f"{state}, nobody was killed",
            is_good=state == action.vm_state and bool(fired),
            recovery_s=ended_at - fired.at if fired else None,
            pid=fired.pid if fired else None,
            asked_again=subject.asked_again,
        )
        subject.remove(action)
        return outcome

    def _fired(self, armed: Failpoint) -> Firing | None:
        found = [one for one in self._points.firings(armed.id) if one.number > armed.skip]
        return found[0] if found else None

    def _strike_login(self) -> None:
        """Log in, where that is what the cell is about, until it is answered."""
        if self._cell.what == "step 1":
            with contextlib.suppress(DevstackError):
                Session(cloud_files.credentials(self._cloud)).login()
            wait(self._can_login, CELL_S)

    def _can_login(self) -> bool:
        with contextlib.suppress(DevstackError):
            self._client.login()
            return True
        return False
