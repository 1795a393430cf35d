"""Filters, weighers and one decision, over tables of hosts without a database."""

from __future__ import annotations

import numpy as np
import pytest

from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import ComputeNode, Flavor, ScheduleRequest
from services.scheduler import filters, weighers
from services.scheduler.decide import Scheduler
from services.scheduler.hosts import HostTable
from tests.unit.conftest import make_boot, make_node


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
    assert [False, True] == filters.ImagePropertiesFilter().mask(table, wanted).tolist()


def test_compute_filter() -> None:
    """Only hosts that are up and enabled pass."""
    table = table_of(make_node("up"), make_node("down"), make_node("disabled"))
    table.is_up = np.array([True, False, True])
    table.is_enabled = np.array([True, True, False])
    assert [True, False, False] == filters.ComputeFilter().mask(table, request_for()).tolist()


def test_weights_are_spread_over_0_to_1() -> None:
    """As in Nova: the least is 0, the most is 1, and equal ones are all 0."""
    assert [0.0, 0.5, 1.0] == weighers.normalize(np.array([2.0, 4.0, 6.0])).tolist()
    assert [0.0, 0.0] == weighers.normalize(np.array([3.0, 3.0])).tolist()


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
