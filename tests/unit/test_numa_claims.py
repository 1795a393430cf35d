"""NUMA cells at the claim: whoever races, no CPU is two guests' and no page is given twice."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.db import builds, claims, deletes, hosts, numa_claims, schema
from devstack_lite.db.engine import Database
from devstack_lite.numa.guest import GuestTopology, read_guest, write_guest
from devstack_lite.numa.use import Use
from devstack_lite.objects.compute import BuildOrder, Claim, ComputeNode, Place
from devstack_lite.steps import StepLog
from tests.unit.conftest import make_boot, make_node, outcomes
from tests.unit.test_builds import UNLIMITED
from tests.unit.test_numa import NODE_CELLS, topology

PINNED = topology(memory_mb=64, cpu_policy="dedicated")
HOSTS = ("host1", "host2", "host3")


def report_cells(db: Database) -> None:
    """Have host1 and host2 report two cells of four CPUs each; others have none."""
    nodes = [make_node(host, numa_topology=NODE_CELLS, vcpus=8) for host in HOSTS[:2]]
    hosts.report_nodes(db, nodes)


@pytest.fixture
def cells(db: Database) -> None:
    report_cells(db)


def boot(db: Database, context: RequestContext, count: int) -> list[str]:
    return [one.uuid for one in builds.create_instances(db, context, make_boot(count), UNLIMITED)]


def claim(
    uuid: str, wanted: GuestTopology | None = PINNED, host: str = "host1", *alternates: str
) -> Claim:
    return Claim(
        instance_uuid=uuid, host=host, node=host, vcpus=2, memory_mb=64, disk_gb=1,
        alternates=tuple(Place(host=name, node=name) for name in alternates),
        numa_topology=None if wanted is None else write_guest(wanted),
    )  # fmt: skip


def node(db: Database, host: str = "host1") -> ComputeNode:
    return next(one for one in hosts.list_nodes(db) if one.host == host)


def claimed(db: Database, host: str = "host1") -> list[GuestTopology]:
    own = schema.claims.c
    with db.read() as connection:
        rows = connection.execute(schema.claims.select().where(own.node == host)).all()
    return [read_guest(row.numa_topology) for row in rows if row.numa_topology]


def check_books(db: Database) -> None:
    for host in HOSTS[:2]:
        taken = claimed(db, host)
        pins = [cpu for one in taken for cell in one.cells if cell.placed
                for cpu in cell.placed.pinned]  # fmt: skip
        assert len(pins) == len(set(pins))
        assert node(db, host).numa_used == Use.of(taken).to_text()


@pytest.mark.usefixtures("cells")
def test_a_node_gives_each_cpu_once(db: Database, context: RequestContext) -> None:
    """In one call: four guests have its eight CPUs, the fifth goes to an alternate, or nowhere."""
    uuids = boot(db, context, 6)
    wanted = [claim(uuid) for uuid in uuids[:4]]
    answers = claims.claim_nodes(
        db, [*wanted, claim(uuids[4], PINNED, "host1", "host3", "host2"), claim(uuids[5])]
    )
    assert outcomes(answers) == [claims.CLAIMED] * 5 + [claims.FULL]
    assert (answers[4].node, node(db).instances) == ("host2", 4)
    check_books(db)


@pytest.mark.usefixtures("cells")
def test_a_node_without_cells_takes_none_that_wants_some(
    db: Database, context: RequestContext
) -> None:
    first, second = boot(db, context, 2)
    answers = claims.claim_nodes(db, [claim(first, host="host3"), claim(second, None, "host3")])
    assert outcomes(answers) == [claims.FULL, claims.CLAIMED]


@pytest.mark.usefixtures("cells")
def test_a_claim_that_comes_twice_takes_once(db: Database, context: RequestContext) -> None:
    (uuid,) = boot(db, context, 1)
    for _ in range(2):
        assert outcomes(claims.claim_nodes(db, [claim(uuid)])) == [claims.CLAIMED]
    assert len(claimed(db)) == 1
    check_books(db)


@pytest.mark.usefixtures("cells")
def test_pages_are_given_once(db: Database, context: RequestContext) -> None:
    """Two cells with 512 MiB of large pages each take two guests of 400, not three."""
    guest = topology(memory_mb=400, mem_page_size="large")
    answers = claims.claim_nodes(db, [claim(uuid, guest) for uuid in boot(db, context, 3)])
    assert outcomes(answers) == [claims.CLAIMED, claims.CLAIMED, claims.FULL]
    check_books(db)


@pytest.mark.usefixtures("cells")
def test_the_host_is_told_and_a_delete_gives_back(db: Database, context: RequestContext) -> None:
    (uuid,) = boot(db, context, 1)
    claims.claim_nodes(db, [claim(uuid)])
    order = BuildOrder(instance_uuid=uuid, node="host1", attempt=1)
    (told,) = builds.start_builds(db, "host1", "me", [order], StepLog())
    assert told.numa_topology == write_guest(claimed(db)[0])
    with db.read() as connection:
        assert numa_claims.topology_of(connection, uuid, "host1") == told.numa_topology
    deletes.begin_delete(db, context, uuid)
    deletes.finish_delete(db, uuid)
    assert (node(db).numa_used, claimed(db)) == (None, [])


def test_a_host_that_reports_again_keeps_what_is_taken(
    db: Database, context: RequestContext, cells: None
) -> None:
    (uuid,) = boot(db, context, 1)
    claims.claim_nodes(db, [claim(uuid)])
    before = node(db)
    hosts.report_nodes(db, [make_node("host1", numa_topology=NODE_CELLS, vcpus=9)])
    assert (node(db).vcpus, node(db).numa_used) == (9, before.numa_used)


def race_for_cells(db: Database, context: RequestContext) -> None:
    """Have four claim and let go at random, each for guests of its own; then let go of all."""
    report_cells(db)
    uuids = boot(db, context, 24)
    guests = (
        PINNED, topology(memory_mb=64, cpu_policy="dedicated", cpu_thread_policy="isolate"),
        topology(memory_mb=200, mem_page_size="large"), topology(memory_mb=64, numa_nodes="2"),
    )  # fmt: skip

    def race(number: int) -> int:
        chance, taken = random.Random(number), 0
        for uuid in uuids[number::4] * 5:
            host, other = chance.sample(HOSTS[:2], 2)
            wanted = claim(uuid, chance.choice(guests), host, other)
            (answer,) = claims.claim_nodes(db, [wanted])
            taken += answer.outcome == claims.CLAIMED
            if chance.random() < 0.5:
                with db.write() as connection:
                    claims.release(connection, [uuid])
        return taken

    with ThreadPoolExecutor(4) as pool:
        assert min(pool.map(race, range(4))) > 0
    check_books(db)
    with db.write() as connection:
        claims.release(connection, uuids)
    assert {one.numa_used for one in hosts.list_nodes(db)} == {None}


def test_racing_claims_never_share_a_cpu(db: Database, context: RequestContext) -> None:
    race_for_cells(db, context)
