"""Every step of a boot by every role that takes part in it, each with one worker killed there.

A failpoint kills exactly where the cell says, before or after. A cell boots one server (or acts on
one) and takes the time from the death until the instance is ACTIVE, or gone, with nothing done by
hand. A client whose connection broke, or who got a 503, asks again, as clients do, and only when
the database holds nothing of its request.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from devstack_lite import cloud_files
from devstack_lite.chaos import observe
from devstack_lite.chaos.points import Points
from devstack_lite.cli.boot import order_of
from devstack_lite.cli.session import ApiError, Session
from devstack_lite.cloud import Cloud
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import instances
from devstack_lite.exceptions import DevstackError, Unavailable
from devstack_lite.failpoints import Action, Failpoint, Firing
from devstack_lite.steps import STEPS, point_of

CELL_S = 60.0
LOOK_S = 0.02

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
OF_A_CELL = "of-a-cell"
"""The name of the images that cells make."""
OPERATIONS: dict[str, tuple[Any, str]] = {
    # The body of the action, and the status that the server has then.
    "stop": ({"os-stop": None}, "stopped"),
    "start": ({"os-start": None}, "active"),
    "reboot": ({"reboot": {"type": "HARD"}}, "active"),
    "pause": ({"pause": None}, "paused"),
    "unpause": ({"unpause": None}, "active"),
    "suspend": ({"suspend": None}, "suspended"),
    "resume": ({"resume": None}, "active"),
    "rebuild": ({"rebuild": {}}, "active"),
    "rescue": ({"rescue": None}, "rescued"),
    "unrescue": ({"unrescue": None}, "active"),
    "createImage": ({"createImage": {"name": OF_A_CELL}}, "active"),
    "createBackup": (
        {"createBackup": {"name": OF_A_CELL, "backup_type": "daily", "rotation": 0}}, "active",
    ),
    "shelve": ({"shelve": None}, "shelved_offloaded"),
    "unshelve": ({"unshelve": None}, "active"),
    "resize": ({"resize": {"flavorRef": "2"}}, "resized"),
    "migrate": ({"migrate": None}, "resized"),
    "confirmResize": ({"confirmResize": None}, "active"),
    "revertResize": ({"revertResize": None}, "active"),
    "live-migration": (
        {"os-migrateLive": {"host": None, "block_migration": True, "disk_over_commit": False}},
        "active",
    ),
    "delete": (None, "deleted"),
}  # fmt: skip
BEFORE = {
    "start": "stop", "unpause": "pause", "resume": "suspend", "unrescue": "rescue",
    "unshelve": "shelve",
    "confirmResize": "resize", "revertResize": "resize",
}  # fmt: skip
"""By operation the one that brings a server to where it can be asked for."""
FINISH = {
    "delete": "finish_delete", "resize": "finish_builds", "migrate": "finish_builds",
    "unshelve": "finish_builds",
}  # fmt: skip
"""By operation the message with which it ends; finish_action otherwise."""
ON_HOST = {"unshelve": point_of(18)}
"""By operation the point of what its host does; op.<operation> otherwise."""


_PLACING = (
    ("scheduler", "rpc.scheduler.reschedule_builds"),
    ("conductor", "rpc.conductor.claim_nodes"),
    ("conductor", "rpc.conductor.start_builds"),
)
HELPERS: dict[str, tuple[tuple[str, str], ...]] = {
    "resize": (("compute", "rpc.compute.power_off_guest"), *_PLACING),
    "revertResize": (("compute", "rpc.compute.remove_guest"),),
    "live-migration": _PLACING,
    "unshelve": _PLACING,
    "createImage": (("compute", "op.createImage.upload"),),
}
"""By operation who else takes part in it, and its point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Where one worker is killed: what is under way, whose worker, at which point."""

    what: str
    role: str
    point: str
    skip: int = 0

    @property
    def operation(self) -> str:
        """What is asked for: boot, or a key of OPERATIONS."""
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


def cells_of(*, is_quick: bool) -> list[Cell]:
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
    for operation in () if is_quick else OPERATIONS:
        finish = f"rpc.conductor.{FINISH.get(operation, 'finish_action')}"
        found += [
            Cell(what=operation, role=role, point=f"{point}.{side}")
            for role, point in (
                ("compute", ON_HOST.get(operation, f"op.{operation}")),
                ("conductor", finish),
                *HELPERS.get(operation, ()),
            )
            for side in sides
        ]
    return found


def run_steps(cloud: Cloud, cells: Sequence[Cell], say: Callable[[Outcome], None]) -> list[Outcome]:
    """Run the cells one after the other, each when everybody is back from the one before."""
    outcomes = []
    with contextlib.closing(Points(cloud)) as points, _reading(cloud) as db:
        for number, cell in enumerate(cells):
            _wait(lambda: not observe.not_up(cloud), CELL_S)
            outcome = _Run(cloud, points, db, cell, f"cell-{number}").run()
            outcomes.append(outcome)
            say(outcome)
    return outcomes


@contextlib.contextmanager
def _reading(cloud: Cloud) -> Iterator[Database]:
    db = Database(cloud.database_reader_url, pool_size=1)
    try:
        yield db
    finally:
        db.engine.dispose()


def _wait(look: Callable[[], Any], timeout_s: float) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    return seen


class _Run:
    """One cell."""

    def __init__(self, cloud: Cloud, points: Points, db: Database, cell: Cell, name: str) -> None:
        self._cloud = cloud
        self._points = points
        self._db = db
        self._cell = cell
        self._name = name
        self._client = Session(cloud_files.credentials(cloud))
        self._asked_again = False
        # Asked for before anything is armed: the points are the boot's own.
        self._body = order_of(self._client, name, 1, "m1.tiny", "cirros", ()).body()

    def run(self) -> Outcome:
        """Do it, and leave no server behind."""
        if self._cell.operation != "boot":
            self._boot("active")
            if self._cell.operation in BEFORE:
                self._act(BEFORE[self._cell.operation])
        failpoint = Failpoint(
            id="", point=self._cell.point, action=Action.KILL, service=self._cell.role,
            skip=self._cell.skip,
        )  # fmt: skip
        with self._points.while_armed(failpoint) as armed:
            state = self._strike()
            ended_at = time.time()
            fired = _wait(lambda: self._fired(armed), 1.0)
        state += self._take_images()
        wanted = "active" if self._cell.operation == "boot" else OPERATIONS[self._cell.operation][1]
        outcome = Outcome(
            cell=self._cell,
            state=state if fired else f"{state}, nobody was killed",
            is_good=state == wanted and bool(fired),
            recovery_s=ended_at - fired.at if fired else None,
            pid=fired.pid if fired else None,
            asked_again=self._asked_again,
        )
        if state != "deleted":
            self._act("delete")
        return outcome

    def _take_images(self) -> str:
        """Remove the images that the cell has made; return what is wrong with them."""
        found = self._client.get("image", "/v2/images", name=OF_A_CELL)["images"]
        for image in found:
            self._client.call("image", "DELETE", f"/v2/images/{image['id']}")
        is_expected = self._cell.operation == "createImage"
        good = ["active"] if is_expected else []
        statuses = [image["status"] for image in found]
        return "" if statuses == good else f", with images {statuses}"

    def _fired(self, armed: Failpoint) -> Firing | None:
        found = [one for one in self._points.firings(armed.id) if one.number > armed.skip]
        return found[0] if found else None

    def _strike(self) -> str:
        if self._cell.what.startswith("step 1") and self._cell.point.startswith(point_of(1)):
            with contextlib.suppress(DevstackError):
                Session(cloud_files.credentials(self._cloud)).login()
            _wait(self._can_login, CELL_S)
        if self._cell.operation == "boot":
            return self._boot("active")
        return self._act(self._cell.operation)

    def _can_login(self) -> bool:
        with contextlib.suppress(DevstackError):
            self._client.login()
            return True
        return False

    def _boot(self, wanted: str) -> str:
        self._ask("POST", "/servers", self._body, lambda: self._row() is not None)
        return self._end(wanted)

    def _act(self, operation: str) -> str:
        body, wanted = OPERATIONS[operation]
        if operation == "rebuild":
            body = {"rebuild": {"imageRef": self._body["server"]["imageRef"]}}  # as it booted
        row = self._row()
        if row is None:
            return "deleted"
        method, path = ("DELETE", "") if body is None else ("POST", "/action")
        self._ask(
            method, f"/servers/{row.uuid}{path}", body,
            lambda: (now := self._row()) is None or now.attempt != row.attempt,
        )  # fmt: skip
        return self._end(wanted)

    def _ask(self, method: str, path: str, body: Any, was_taken: Callable[[], bool]) -> None:
        """Ask; ask again, once answers come, what was refused or not answered and not taken."""
        deadline = time.monotonic() + CELL_S
        while True:
            try:
                self._client.call("compute", method, path, body)
            except (ApiError, Unavailable) as error:
                if isinstance(error, ApiError) and error.status != 503:
                    raise
                if was_taken() or time.monotonic() > deadline:
                    return
                self._asked_again = True
                time.sleep(LOOK_S)
            else:
                return

    def _end(self, wanted: str) -> str:
        """Wait until the instance is as wanted with nothing under way; return what it is."""

        def look() -> str | None:
            row = self._row()
            state = "deleted" if row is None else row.vm_state
            is_over = row is None or row.task_state is None
            return state if is_over and state in {wanted, "error"} else None

        row_or_state = _wait(look, CELL_S)
        if row_or_state:
            return str(row_or_state)
        row = self._row()
        return "deleted" if row is None else f"{row.vm_state}/{row.task_state}"

    def _row(self) -> Any:
        own = instances.c
        with self._db.read() as connection:
            return connection.execute(
                sa.select(own.uuid, own.vm_state, own.task_state, own.attempt).where(
                    own.name == self._name, own.deleted_at.is_(None)
                )
            ).first()
