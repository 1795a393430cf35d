"""Counts what a boot is made of: RPC calls and casts, HTTP requests, statements, commits.

Uses what the product has: failpoints pass every message, request and statement, and one that
delays for zero seconds leaves a record of each. Nothing is counted by the product itself. What is
published to the broker, replies included, is what its own node counted.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import measuring
from benchmarks.client import BenchmarkError, ComputeClient
from benchmarks.measuring import say
from devstack_lite import launcher
from devstack_lite.broker.local import LocalBroker
from devstack_lite.chaos.points import Points
from devstack_lite.cloud import Cloud
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import instances
from devstack_lite.failpoints import Action, Failpoint, Firing
from devstack_lite.states import VmState

POINTS = ("rpc.*.before", "http.*.before", "db.*")
OWN = ".reload_failpoints."
IDLE_S = 10.0
"""Long enough for what every daemon says of itself now and then."""
SHOWN = 0.01
LOOK_S = 0.05
TIMEOUT_S = 60.0
_WAL_INDEX_CHANGES = struct.Struct("=8xI")
"""The head of SQLite's WAL index: version, padding, then a counter raised by each transaction
(sqlite.org/walformat.html, section 2.1)."""


def commits(cloud: Cloud) -> int | None:
    """Return how many transactions SQLite has committed since its WAL index was made, or None."""
    database = Database(cloud.database_url).engine.url
    if database.get_backend_name() != "sqlite":
        return None
    index = cloud.state_dir / "devstack.sqlite-shm"
    return changes_of(index)


def published(cloud: Cloud) -> int | None:
    """Return how many messages the cloud's own node was given; None where another one serves."""
    if cloud.broker.kind != "local":
        return None
    return LocalBroker(cloud.broker, cloud.name, cloud.state_dir).published()


@dataclass(slots=True, kw_only=True)
class Totals:
    """What happened during a block, the idle cloud's own included; None where nobody counts it."""

    commits: int | None = None
    published: int | None = None

    def per(self, operations: int) -> dict[str, float]:
        """Return what is known of it per operation, by name."""
        known = {"commits": self.commits, "published": self.published}
        return {name: count / operations for name, count in known.items() if count is not None}


@contextmanager
def totals(cloud: Cloud | None) -> Iterator[Totals]:
    """Count during the block, at no cost to it; of no cloud of ours nothing is counted."""
    found = Totals()
    if cloud is None:
        yield found
        return
    before = commits(cloud), published(cloud)
    yield found
    found.commits, found.published = (
        None if one is None or earlier is None else one - earlier
        for one, earlier in zip((commits(cloud), published(cloud)), before, strict=True)
    )


def changes_of(index: Path) -> int | None:
    """Return the counter in a WAL index; None where there is none."""
    try:
        with index.open("rb") as file:
            return int(_WAL_INDEX_CHANGES.unpack(file.read(_WAL_INDEX_CHANGES.size))[0])
    except (OSError, struct.error):
        return None


def kinds() -> dict[str, str]:
    """Return call, cast or fanout of each declared method, by `<topic>.<method>`."""
    launcher.use_threads()  # before oslo.messaging is imported
    from devstack_lite.rpc.client import RpcClient, declarations

    found: dict[str, str] = {}
    modules = ["services.compute.rpcapi", "services.scheduler.rpcapi", "devstack_lite.rpc.control"]
    package = importlib.import_module("services.conductor.rpcapi")
    modules += [f"{package.__name__}.{one.name}" for one in pkgutil.iter_modules(package.__path__)]
    for name in modules:
        for member in vars(importlib.import_module(name)).values():
            if inspect.isclass(member) and issubclass(member, RpcClient):
                topic = getattr(member, "TOPIC", "")
                found |= {f"{topic}.{m}": one.kind for m, one in declarations(member).items()}
    return found


def kind_of(point: str, known: dict[str, str]) -> tuple[str, str]:
    """Return what a point counts and its name: ("call", "conductor.finish_builds").

    The kinds are call, cast, fanout, http and sql.
    """
    family, _, name = point.removesuffix(".before").partition(".")
    if family == "http":
        return "http", name
    if family == "db":
        return "sql", name
    return known.get(name, "fanout"), name


def count_boots(cloud: Cloud, client: ComputeClient, boots: int) -> dict[str, Any]:
    """Boot one server after the other and return what that took, per boot, by kind and by name.

    What the cloud does by itself in as many seconds is taken off. Raises
    BenchmarkError when a boot fails.
    """
    say(f"counting {boots} boots, then {IDLE_S:g} s of the idle cloud")
    points = Points(cloud)
    known = kinds()
    try:
        _boot_one(cloud, client, "uncounted")
        busy = _count(points, cloud, lambda: _boot_all(cloud, client, boots))
        idle = _count(points, cloud, lambda: time.sleep(IDLE_S))
    finally:
        points.disarm()
        points.close()
    client.check(boots + 1)
    client.delete_all()
    by_name: dict[str, dict[str, float]] = {}
    for point in sorted(busy.passed):
        kind, name = kind_of(point, known)
        by_name.setdefault(kind, {})[name] = beyond(
            busy.passed[point], idle.passed[point], busy.wall_s / idle.wall_s, boots
        )
    return {
        "boots": boots,
        "wall_s": busy.wall_s,
        "per_boot": {kind: sum(named.values()) for kind, named in by_name.items()},
        "by_name": by_name,
        "commits_per_boot": None
        if busy.commits is None or idle.commits is None
        else beyond(busy.commits, idle.commits, busy.wall_s / idle.wall_s, boots),
        "published_per_boot": None
        if busy.published is None or idle.published is None
        else beyond(busy.published, idle.published, busy.wall_s / idle.wall_s, boots),
        "idle_per_s": {
            point: number / idle.wall_s for point, number in sorted(idle.passed.items())
        },
        "idle_commits_per_s": None if idle.commits is None else idle.commits / idle.wall_s,
    }


def beyond(busy: int, idle: int, ratio: float, boots: int) -> float:
    """Return what is left per boot of busy without the idle cloud's share, never less than 0.

    ratio: of the busy time to the idle time.
    """
    return max(0.0, (busy - idle * ratio) / boots)


def table(counts: dict[str, Any]) -> str:
    """Return the counts per boot: a line per kind, and below each its names."""
    rows: list[list[object]] = []
    for kind, named in counts["by_name"].items():
        rows.append([kind, counts["per_boot"][kind]])
        rows += [[f"  {name}", number] for name, number in named.items() if number >= SHOWN]
    rows.append(["commits", counts["commits_per_boot"]])
    rows.append(["published to the broker", counts["published_per_boot"]])
    return measuring.table([f"per boot, of {counts['boots']}", ""], rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    passed: Counter[str]
    """How often each point was passed; without what was sent to arm and disarm."""
    commits: int | None
    published: int | None
    wall_s: float


def _count(points: Points, cloud: Cloud, act: Callable[[], object]) -> _Counted:
    armed = [points.arm(Failpoint(id="", point=one, action=Action.DELAY))[0] for one in POINTS]
    sent, before, began = published(cloud), commits(cloud), time.perf_counter()
    act()
    wall_s, after, sent_after = time.perf_counter() - began, commits(cloud), published(cloud)
    passed: Counter[str] = Counter()
    for one in armed:
        passed.update(_name_of(firing) for firing in points.firings(one.id))
        points.disarm(one.id)
    return _Counted(
        passed=Counter({p: number for p, number in passed.items() if OWN not in p}),
        commits=None if before is None or after is None else after - before,
        published=None if sent is None or sent_after is None else sent_after - sent,
        wall_s=wall_s,
    )


def _name_of(firing: Firing) -> str:
    """Return a firing's point; of a statement with the service that has it executed."""
    family, _, verb = firing.point.partition(".")
    return f"db.{firing.service}.{verb}" if family == "db" else firing.point


def _boot_all(cloud: Cloud, client: ComputeClient, boots: int) -> None:
    for number in range(boots):
        _boot_one(cloud, client, f"counted-{number}")


def _boot_one(cloud: Cloud, client: ComputeClient, name: str) -> None:
    """Boot one server, and wait for its end in the database: the API shall not be asked."""
    uuid = client.boot(name)
    database = Database(cloud.database_reader_url)
    query = sa.select(instances.c.vm_state).where(instances.c.uuid == uuid)
    deadline = time.monotonic() + TIMEOUT_S
    try:
        while True:
            with database.read() as connection:
                state = connection.execute(query).scalar()
            if state not in {None, VmState.BUILDING}:
                return
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{uuid} is {state} after {TIMEOUT_S:g} s.")
            time.sleep(LOOK_S)
    finally:
        database.engine.dispose()
