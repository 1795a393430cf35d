"""PCI devices in a decision: nodes that have them, those that are spared, and why there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite.objects.compute import ComputeNode, Flavor, ScheduleRequest
from services.scheduler.decide import Decision, Scheduler
from services.scheduler.filters import VCPUFilter
from services.scheduler.hosts import HostTable
from services.scheduler.labels import KEPT, Labels
from services.scheduler.pci import PciPassthroughFilter, PCIWeigher
from tests.unit.conftest import make_boot, make_node

ALIAS = {"name": "gpu", "vendor_id": "10de", "product_id": "1eb8", "device_type": "type-PCI"}


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    options.register(cfg.CONF)
    cfg.CONF([], project="devstack-lite", default_config_files=[])
    cfg.CONF.set_override("alias", [json.dumps(ALIAS)], group="pci")
    yield
    cfg.CONF.clear_override("alias", group="pci")
    cfg.CONF.reset()


def with_gpus(host: str, count: int) -> ComputeNode:
    stats = [
        {"vendor_id": "10de", "product_id": "1eb8", "dev_type": "type-PCI", "numa_node": None,
         "tags": {"address": f"0000:0{number}:00.0"}, "count": 1}
        for number in range(count)
    ]  # fmt: skip
    return make_node(host, pci_stats=tuple(stats))


def decide(table: HostTable, wanted: str | None, count: int = 1) -> Decision:
    specs: dict[str, Any] = {} if wanted is None else {"pci_passthrough:alias": wanted}
    flavor = Flavor(id="1", name="f", vcpus=1, memory_mb=1, root_gb=1, extra_specs=specs)
    scheduler = Scheduler(
        [("PciPassthroughFilter", PciPassthroughFilter()), ("VCPUFilter", VCPUFilter())],
        [(PCIWeigher(), 1.0)],
    )
    return scheduler.decide(table, ScheduleRequest(boot=make_boot(flavor=flavor)), count)


def table_of(*nodes: ComputeNode) -> HostTable:
    table = HostTable()
    table.load(nodes)
    return table


def test_devices_are_taken_until_there_are_none() -> None:
    """First where few are left; the last instance finds none, and is told what there is."""
    table = table_of(with_gpus("host1", 2), with_gpus("host2", 1), make_node("host3"))
    decision = decide(table, "gpu:1", 4)
    assert [one.host for one in decision.selections] == ["host2", "host1", "host1"]
    assert decision.explain() == (
        "PciPassthroughFilter refused the last 3 of 3 nodes: wants 1 of gpu; they have 0 free."
    )


def test_who_wants_none_stays_away_from_nodes_that_have_some() -> None:
    table = table_of(with_gpus("host1", 2), with_gpus("host2", 1), make_node("host3"))
    assert [one.host for one in decide(table, None, 3).selections] == ["host3"] * 3


def test_what_if_takes_no_device() -> None:
    """The table is as before."""
    table = table_of(with_gpus("host1", 1))
    with table.undone():
        assert len(decide(table, "gpu:1").selections) == 1
        assert table.columns["pci_free"].tolist() == [0]
    assert table.columns["pci_free"].tolist() == [1]
    assert len(decide(table, "gpu:1").selections) == 1


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("fpga:1", "PCI alias fpga is not defined"),
        ("gpu", "Invalid value 'gpu' of pci_passthrough:alias"),
        ("gpu:-1", "Invalid value 'gpu:-1' of pci_passthrough:alias"),
    ],
)
def test_an_alias_that_is_none_refuses_every_node(wanted: str, words: str) -> None:
    """The option may have changed since the api accepted it."""
    decision = decide(table_of(with_gpus("host1", 1)), wanted)
    assert decision.selections == []
    assert words in decision.explain()


def test_pools_that_no_node_has_any_more_are_forgotten() -> None:
    """Each node keeps what it has."""
    labels = Labels(["a", "b"])
    for number in range(KEPT + 10):
        labels.put(0, str(number))
        labels.forget_unused()
    assert len(labels.kinds) <= KEPT + 2 * len(labels)
    assert (labels[0], labels[1]) == (str(KEPT + 9), "b")
    assert labels.among(["b"]).tolist() == [False, True]
