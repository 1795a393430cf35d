"""The same boots and the same deaths under both semantics, in two clouds, one after the other."""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devstack_lite import cloud_files
from devstack_lite.chaos import faults, targets
from devstack_lite.cli.session import Session
from devstack_lite.cloud import Cloud
from devstack_lite.exceptions import DevstackError
from devstack_lite.invariants.check import check_cloud

ROLES = ("compute", "conductor", "scheduler", "compute", "network", "image", "volume", "compute")
"""Whose workers die, over and over in this order."""
SETTLE_S = 40.0
"""After the last death; a server that is in BUILD then has nobody who builds it."""
LOOK_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one cloud came to. states: servers by status; leaks: violations by rule."""

    semantics: str
    asked: int
    states: dict[str, int]
    leaks: dict[str, int]
    killed: int
    seconds: float


def run(cloud: Cloud, *, seed: int, count: int, kills: int, say: Callable[[str], None]) -> Outcome:
    """Boot count servers one by one, kill a worker now and then, wait, and look."""
    from devstack_lite.cli.boot import order_of

    chance = random.Random(f"{seed}/compare")  # noqa: S311 - it shall be repeatable
    moments = sorted(chance.sample(range(1, count), kills))
    client = Session(cloud_files.credentials(cloud))
    body = order_of(client, "compare", 1, "m1.tiny", "cirros", ()).body()
    began = time.monotonic()
    asked = killed = 0
    for number in range(count):
        with contextlib.suppress(DevstackError):  # refused or not answered: it does not count
            client.call("compute", "POST", "/servers", body)
            asked += 1
        if number in moments:
            role = ROLES[killed % len(ROLES)]
            found: Sequence[targets.Target] = targets.workers(cloud, role)
            if found:
                victim = found[chance.randrange(len(found))]
                faults.kill([victim])
                say(f"{cloud.semantics}: killed {victim}")
                killed += 1
    states = _settle(client, asked)
    report = check_cloud(cloud, bound_s=SETTLE_S / 2, down_after_s=SETTLE_S)
    return Outcome(
        semantics=cloud.semantics,
        asked=asked,
        states=dict(sorted(states.items())),
        leaks=dict(Counter(one.rule for one in report.violations)),
        killed=killed,
        seconds=round(time.monotonic() - began, 1),
    )


def _settle(client: Session, asked: int) -> Counter[str]:
    deadline = time.monotonic() + SETTLE_S
    while True:
        states: Counter[str] = Counter()
        with contextlib.suppress(DevstackError):
            found = client.get("compute", "/servers/detail", limit=1000, name="^compare$")
            states = Counter(one["status"] for one in found["servers"])
        is_over = sum(states.values()) >= asked and not states["BUILD"]
        if is_over or time.monotonic() > deadline:
            return states
        time.sleep(LOOK_S)
