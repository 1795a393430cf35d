"""Filters, weighers and one decision, over tables of hosts without a database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite.db import hosts
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import ComputeNode, Flavor, ScheduleRequest
from services.scheduler import filters, image_filters, json_filter, weighers
from services.scheduler.decide import Choosing, Scheduler
from services.scheduler.hosts import HostTable
from tests.unit.conftest import make_boot, make_node


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    """Filters read their options where every daemon has them."""
    options.register(cfg.CONF)
    cfg.CONF([], project="devstack-lite", default_config_files=[])
    yield
    cfg.CONF.reset()


def table_of(*nodes: ComputeNode) -> HostTable:
    table = HostTable()
    table.load(nodes)
    return table


def request_for(flavor: Flavor | None = None, **more: object) -> ScheduleRequest:
    boot = make_boot(**({"flavor": flavor} if flavor else {}), **more)  # type: ignore[arg-type]
    return ScheduleRequest(boot=boot)


BIG = Flavor(id="9", name="big", vcpus=3, memory_mb=3000, root_gb=60)


@pytest.mark.parametrize(
    ("host_filter", "passing", "refused", "flavor"),
    [
        (filters.VCPUFilter(), {"vcpus_used": 1}, {"vcpus_used": 2}, BIG),
        (filters.RamFilter(), {"memory_mb_used": 1096}, {"memory_mb_used": 1097}, BIG),
        (filters.RamFilter(), {}, {"reserved_memory_mb": 1097}, BIG),
        (filters.VCPUFilter(), {"reserved_vcpus": 1}, {"reserved_vcpus": 2}, BIG),
        (filters.VCPUFilter(), {"reserved_vcpus": 2, "cpu_allocation_ratio": 1.5},
         {"reserved_vcpus": 3, "cpu_allocation_ratio": 1.5}, BIG),
        (filters.DiskFilter(), {"reserved_disk_gb": 40}, {"reserved_disk_gb": 41}, BIG),
        (filters.DiskFilter(), {"disk_gb_used": 40}, {"disk_gb_used": 41}, BIG),
        (filters.VCPUFilter(), {"cpu_allocation_ratio": 2.0, "vcpus_used": 5}, {"vcpus_used": 5},
         BIG),
    ],
)  # fmt: skip
def test_resource_filter_counts_exactly(
    host_filter: filters.Filter,
    passing: dict[str, object],
    refused: dict[str, object],
    flavor: Flavor,
) -> None:
    """A host that has exactly enough passes; one with a unit less does not."""
    table = table_of(make_node("enough", **passing), make_node("short", **refused))
    assert [True, False] == host_filter.mask(table, request_for(flavor)).tolist()


def test_zone_filter() -> None:
    """A named zone is kept to; no name passes every host."""
    table = table_of(make_node("a"), make_node("b", availability_zone="west"))
    zone_filter = filters.AvailabilityZoneFilter()
    west = request_for(availability_zone="west")
    assert [False, True] == zone_filter.mask(table, west).tolist()
    assert [True, True] == zone_filter.mask(table, request_for()).tolist()


def test_image_properties_filter() -> None:
    """An image for another architecture goes to hosts of that architecture."""
    table = table_of(make_node("a"), make_node("b", architecture="aarch64"))
    wanted = request_for(image_properties={"hw_architecture": "aarch64"})
    assert [False, True] == image_filters.ImagePropertiesFilter().mask(table, wanted).tolist()


def test_compute_filter() -> None:
    """Only hosts that are up and enabled pass."""
    table = table_of(make_node("up"), make_node("down"), make_node("disabled"))
    table.is_up = np.array([True, False, True])
    table.is_enabled = np.array([True, True, False])
    assert [True, False, False] == filters.ComputeFilter().mask(table, request_for()).tolist()


def test_weights_are_spread_over_0_to_1() -> None:
    """As in Nova: the least is 0, the most is 1, and equal ones are not told apart."""
    spread = weighers.normalize(np.array([2.0, 4.0, 6.0]))
    assert spread is not None
    assert [0.0, 0.5, 1.0] == spread.tolist()
    assert weighers.normalize(np.array([3.0, 3.0])) is None


def scheduler() -> Scheduler:
    return Scheduler(
        [("RamFilter", filters.RamFilter()), ("VCPUFilter", filters.VCPUFilter())],
        [(weighers.RAMWeigher(), 1.0), (weighers.IoOpsWeigher(), -1.0)],
    )


def test_many_instances_spread_and_stop_when_full() -> None:
    """One request fills three hosts evenly, and says which filter refused the rest."""
    table = table_of(*(make_node(name) for name in ("host1", "host2", "host3")))
    decision = scheduler().decide(table, request_for(), 20)
    hosts = [selection.host for selection in decision.selections]
    assert {"host1": 4, "host2": 4, "host3": 4} == {host: hosts.count(host) for host in set(hosts)}
    assert decision.explain() == (
        "VCPUFilter refused the last 3 of 3 nodes: wants 1 VCPU; they have 0 left."
    )


def test_ignored_hosts_are_passed_over() -> None:
    """A host on which the build has just failed is not tried again."""
    table = table_of(make_node("host1"), make_node("host2"))
    request = ScheduleRequest(boot=make_boot(), ignore_hosts=("host1",))
    assert ["host2"] == [one.host for one in scheduler().decide(table, request, 1).selections]


def test_no_nodes_are_explained() -> None:
    """A cloud without compute nodes says so."""
    decision = scheduler().decide(HostTable(), request_for(), 1)
    assert "There are no compute nodes." == decision.explain()


def test_what_was_not_claimed_is_free_again(db: Database) -> None:
    """A claim that was refused, or not answered, takes nothing: the nodes are read again."""
    table = HostTable()
    table.refresh(db, down_time_s=60)
    free = table.free("memory_mb").tolist()
    decision = scheduler().decide(table, request_for(), 3)
    assert table.free("memory_mb").tolist() != free
    table.refresh(db, down_time_s=60)
    table.doubt(selection.node for selection in decision.selections)
    table.refresh(db, down_time_s=60)
    assert table.free("memory_mb").tolist() == free


def test_a_table_knows_whose_service_is_down_disabled_or_never_reported(db: Database) -> None:
    """Each is out; the others are in."""
    hosts.report_nodes(db, [make_node("silent")])
    for host in ("host1", "host2", "host3"):
        hosts.report_service(
            db, binary="nova-compute", host=host, topic="compute", availability_zone="nova"
        )
    hosts.update_service(db, binary="nova-compute", host="host1", is_disabled=True)
    hosts.update_service(db, binary="nova-compute", host="host2", is_forced_down=True)
    table = HostTable()
    for _ in range(2):
        table.refresh(db, down_time_s=60)
        fit = filters.ComputeFilter().mask(table, request_for())
        assert dict(zip(table.nodes, fit.tolist(), strict=True)) == {
            "host1": False, "host2": False, "host3": True, "silent": False,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("specs", "passing"),
    [
        ({"trait:HW_FAST": "required"}, [True, False]),
        ({"trait:HW_FAST": "forbidden"}, [False, True]),
        ({"trait:HW_OTHER": "required"}, [False, False]),
        ({}, [True, True]),
    ],
)
def test_traits_filter(specs: dict[str, str], passing: list[bool]) -> None:
    table = table_of(make_node("fast", traits=("HW_FAST", "A")), make_node("slow", traits=("A",)))
    flavor = replace(BIG, extra_specs=specs)
    mask = image_filters.TraitsFilter().mask(table, request_for(flavor))
    assert mask.tolist() == passing


@pytest.mark.parametrize(
    "query",
    ["no json", '{"a": 1}', '["near", 1]', '["<", "$host", 3]', ["<", "$free_ram_mb", "many"]],
)
def test_a_query_that_makes_no_sense_refuses_every_node_and_says_so(query: object) -> None:
    table = table_of(make_node("host1"))
    picky = Scheduler([("JsonFilter", json_filter.JsonFilter())], [])
    decision = picky.decide(table, request_for(scheduler_hints={"query": query}), 1)
    assert decision.selections == []
    assert decision.explain().startswith("JsonFilter refused the last 1 of 1 nodes: The hint query")


def test_a_selection_names_the_next_best(db: Database) -> None:
    """In order, and not itself."""
    table = table_of(*(make_node(f"host{used}", memory_mb_used=used) for used in range(4)))
    chooser = Scheduler([], [(weighers.RAMWeigher(), 1.0)], choosing=Choosing(alternates=2))
    (selection,) = chooser.decide(table, request_for(), 1).selections
    assert (selection.host, [one.host for one in selection.alternates]) == (
        "host0", ["host1", "host2"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("choosing", "expected"),
    [
        (Choosing(), {"host0"}),
        (Choosing(shuffle_equals=True), {"host0", "host1"}),
        (Choosing(subset_size=3), {"host0", "host1", "host2"}),
    ],
)
def test_how_one_of_the_best_is_chosen(choosing: Choosing, expected: set[str]) -> None:
    """Two weigh the same, a third is next: the first, any of the two, or any of three."""
    used = {"host0": 0, "host1": 0, "host2": 5, "host3": 9}
    nodes = [make_node(name, memory_mb_used=amount) for name, amount in used.items()]
    chooser = Scheduler([], [(weighers.RAMWeigher(), 1.0)], choosing=choosing)
    decided = (chooser.decide(table_of(*nodes), request_for(), 1) for _ in range(100))
    assert {decision.selections[0].host for decision in decided} == expected
