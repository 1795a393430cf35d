"""Placing: what becomes of a request whose nodes refuse, in the scheduler's own rounds."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite.context import RequestContext
from devstack_lite.db import builds, claims, hosts
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits
from devstack_lite.exceptions import Unavailable
from devstack_lite.objects.compute import (
    BuildResult,
    Claim,
    ClaimAnswer,
    ComputeNode,
    Flavor,
    ScheduleRequest,
)
from devstack_lite.objects.pci import PciDevice
from devstack_lite.rpc.together import Call
from devstack_lite.steps import StepLog
from services.compute.rpcapi import ComputeAPI
from services.conductor.rpcapi.builds import BuildsAPI
from services.scheduler.decide import Choosing, Scheduler
from services.scheduler.filters import RamFilter
from services.scheduler.pci import PciPassthroughFilter
from services.scheduler.place import CLAIM_ROUNDS, Placer, Placing
from services.scheduler.weighers import RAMWeigher
from tests.unit.conftest import TINY, make_boot, make_node

ALIASES = [
    {"name": "pf", "vendor_id": "8086", "product_id": "1572", "device_type": "type-PF"},
    {"name": "vf", "vendor_id": "8086", "product_id": "154c", "device_type": "type-VF"},
]
BOTH = Flavor(
    id="both", name="both", vcpus=1, memory_mb=512, root_gb=1,
    extra_specs={"pci_passthrough:alias": "pf:1,vf:1"},
)  # fmt: skip


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    options.register(cfg.CONF)
    cfg.CONF([], project="devstack-lite", default_config_files=[])
    cfg.CONF.set_override("alias", [json.dumps(one) for one in ALIASES], group="pci")
    yield
    cfg.CONF.clear_override("alias", group="pci")
    cfg.CONF.reset()


class Peer:
    """Is asked for several things in one message."""

    def invoke_together(
        self, method: Any, calls: Sequence[Call], *, rpc_server: str | None = None
    ) -> list[Any]:
        return [method(context, **arguments) for context, arguments in calls]


class Conductor(Peer):
    """Claims in the database at once; loses so many rounds to somebody else first."""

    def __init__(self, db: Database, lost: int = 0) -> None:
        self._db = db
        self._lost = lost
        self.asked: list[list[str]] = []
        self.failed: list[str] = []

    def claim_nodes(
        self, _context: RequestContext, *, wanted: Sequence[Claim], decision: Any
    ) -> list[ClaimAnswer]:
        self.asked.append([claim.node for claim in wanted])
        if len(self.asked) <= self._lost:
            return [
                ClaimAnswer(outcome=claims.FULL, host=claim.host, node=claim.node)
                for claim in wanted
            ]
        return claims.claim_nodes(self._db, wanted, decision=decision)

    def fail_builds(
        self, _context: RequestContext, *, results: Sequence[BuildResult], **_more: Any
    ) -> None:
        self.failed += [result.instance_uuid for result in results]


class Compute(Peer):
    """Takes every build."""

    def build_instances(self, *_: Any, **_more: Any) -> None:
        return


def placer(db: Database, conductor: Conductor, alternates: int) -> Placer:
    scheduler = Scheduler(
        [
            ("RamFilter", RamFilter()),
            ("PciPassthroughFilter", PciPassthroughFilter()),
        ],
        [(RAMWeigher(), 1.0)],
        choosing=Choosing(alternates=alternates),
    )
    return Placer(
        db, scheduler, cast(BuildsAPI, conductor), cast(ComputeAPI, Compute()), down_time_s=60
    )


def create(db: Database, context: RequestContext, flavor: Flavor, count: int) -> ScheduleRequest:
    boot = make_boot(count, flavor)
    builds.create_instances(db, context, boot, Limits(instances=-1, cores=-1, ram=-1))
    return ScheduleRequest(boot=boot)


def with_cards(host: str, count: int, memory_mb: int) -> ComputeNode:
    """Return a node with network cards of two virtual functions each."""
    devices = []
    for bus in range(1, count + 1):
        card = PciDevice(
            address=f"0000:0{bus}:00.0", vendor_id="8086", product_id="1572", dev_type="type-PF"
        )
        devices += [card] + [
            PciDevice(
                address=f"0000:0{bus}:10.{number}", vendor_id="8086", product_id="154c",
                dev_type="type-VF", parent_addr=card.address,
            )
            for number in range(2)
        ]  # fmt: skip
    return make_node(host, memory_mb=memory_mb, pci_devices=tuple(devices))


def test_others_are_asked_when_the_best_refuse_for_good(
    db: Database, context: RequestContext
) -> None:
    """A card and a function of it pass the filter, and no claim; the fourth node has two cards."""
    nodes = [with_cards(f"host{number}", 1, 9000) for number in (1, 2, 3)]
    hosts.report_nodes(db, [*nodes, with_cards("host4", 2, 5000)])
    conductor = Conductor(db)
    own = placer(db, conductor, alternates=2)
    placed = own.place(context, create(db, context, BOTH, 1), StepLog())
    assert (list(placed.values()), conductor.failed) == (["host4"], [])
    assert conductor.asked == [["host1"], ["host1"], ["host4"]]


def test_what_others_take_is_theirs_though_not_all_find_room(
    db: Database, context: RequestContext
) -> None:
    """One of two fits where nodes do not refuse for good; those are asked for the other."""
    nodes = [with_cards(f"host{number}", 1, 9000) for number in (1, 2)]
    hosts.report_nodes(db, [*nodes, with_cards("host4", 2, 600)])
    conductor = Conductor(db)
    own = placer(db, conductor, alternates=0)
    placed = own.place(context, create(db, context, BOTH, 2), StepLog())
    assert (list(placed.values()), len(conductor.failed)) == (["host4"], 1)
    assert conductor.asked[:4] == [["host1", "host2"]] * 2 + [["host4", "host1"], ["host1"]]


def test_nodes_that_lost_races_are_asked_again(db: Database, context: RequestContext) -> None:
    """All that there are were full in each round but the last, and one has room then."""
    conductor = Conductor(db, lost=CLAIM_ROUNDS - 1)
    own = placer(db, conductor, alternates=2)
    placed = own.place(context, create(db, context, TINY, 1), StepLog())
    assert (len(placed), conductor.failed) == (1, [])
    assert len(conductor.asked) == CLAIM_ROUNDS


def test_racing_requests_are_never_refused_while_room_is_left(
    db: Database, context: RequestContext
) -> None:
    """Nine fit, and nine are placed by three at once: none loses more rounds than others win."""
    flavor = replace(TINY, memory_mb=1300)
    requests = [[create(db, context, flavor, 1) for _ in range(3)] for _ in range(3)]
    conductors = [Conductor(db) for _ in requests]
    placed: dict[str, str] = {}
    begin = threading.Barrier(len(requests))

    def place(conductor: Conductor, mine: list[ScheduleRequest]) -> None:
        own = placer(db, conductor, alternates=0)
        begin.wait()
        for request in mine:
            placed.update(own.place(context, request, StepLog()))

    threads = [
        threading.Thread(target=place, args=(conductor, mine))
        for conductor, mine in zip(conductors, requests, strict=True)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [conductor.failed for conductor in conductors] == [[], [], []]
    assert sorted(Counter(placed.values()).values()) == [3, 3, 3]


class Deaf(Conductor):
    """Does not answer claims of one request."""

    def __init__(self, db: Database, deaf_to: str) -> None:
        super().__init__(db)
        self._deaf_to = deaf_to

    def invoke_together(
        self, method: Any, calls: Sequence[Call], *, rpc_server: str | None = None
    ) -> list[Any]:
        return [
            Unavailable("no answer")
            if self._deaf_to in {claim.instance_uuid for claim in given["wanted"]}
            else method(context, **given)
            for context, given in calls
        ]


def test_a_claim_without_an_answer_is_one_requests_alone(
    db: Database, context: RequestContext
) -> None:
    """The others of its message are placed, and what it was to have is looked up again."""
    hosts.report_nodes(db, [make_node("host1", memory_mb=9000)])
    requests = [create(db, context, TINY, 1) for _ in range(3)]
    [lost] = requests[1].boot.instance_uuids
    own = placer(db, Deaf(db, lost), alternates=0)
    placings = [Placing(context=context, request=one, log=StepLog()) for one in requests]
    own.place_all(placings)
    assert [one.failure is None for one in placings] == [True, False, True]
    assert [len(one.hosts) for one in placings] == [1, 0, 1]
    with pytest.raises(Unavailable):
        own.place(context, requests[1], StepLog())
