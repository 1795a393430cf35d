"""The same hosts and requests through Nova's own filters and weighers, and through ours.

Skipped without the nova package (`pip install nova`, in an environment of its own). How many random
cases each class gets is in DEVSTACK_LITE_TEST_CASES, 300 without it.

Deliberate differences, which the cases leave out: an extra spec that compares a number with what is
none matches nothing here and is an error in Nova; a scheduler hint `query` may be JSON already.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite.db.server_groups import Placement
from devstack_lite.objects.compute import Aggregate, ComputeNode, Flavor, ScheduleRequest
from services.scheduler import aggregate_filters, filters, hint_filters, weighers
from services.scheduler.decide import Scheduler
from services.scheduler.hosts import HostTable
from tests.unit.conftest import make_boot, make_node

pytest.importorskip("nova.scheduler.filters")
import nova.conf
from nova.scheduler import filters as _nova_filters  # noqa: F401
from nova.scheduler.filters import (
    affinity_filter,
    aggregate_image_properties_isolation,
    aggregate_instance_extra_specs,
    aggregate_multitenancy_isolation,
    all_hosts_filter,
    compute_capabilities_filter,
    io_ops_filter,
    isolated_hosts_filter,
    json_filter,
    num_instances_filter,
    type_filter,
)
from nova.scheduler.weights import (
    affinity,
    cpu,
    disk,
    hypervisor_version,
    io_ops,
    num_instances,
    ram,
)
from nova.weights import BaseWeightHandler

CASES = int(os.environ.get("DEVSTACK_LITE_TEST_CASES", "300"))
HOSTS = 8
UUIDS = [f"uuid-{number}" for number in range(12)]
POLICIES = ("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity")


@dataclass
class Case:
    """Hosts and a request, in both forms."""

    table: HostTable
    request: ScheduleRequest
    states: list[Any]
    spec: Any


class Flavored(SimpleNamespace):
    """A flavor as Nova's classes ask it: `'extra_specs' in flavor`."""

    def __contains__(self, name: str) -> bool:
        return hasattr(self, name)


def make_case(chance: random.Random) -> Case:
    nodes = [_node(chance, number) for number in range(HOSTS)]
    aggregates = [_aggregate(chance, number) for number in range(4)]
    on = {uuid: chance.choice(nodes).host for uuid in UUIDS if chance.random() < 0.8}
    table = HostTable()
    table.load(nodes)
    table.note_aggregates(aggregates)
    table.named = on
    group = _group(chance, table, on)
    hints = _hints(chance)
    flavor = Flavor(
        id="1", name=chance.choice(("small", "large")), vcpus=1, memory_mb=512, root_gb=1,
        extra_specs=_extra_specs(chance),
    )  # fmt: skip
    properties = {
        key: chance.choice(("a", "b", ""))
        for key in ("os_type", "img.kind")
        if chance.random() < 0.6
    }
    boot = make_boot(
        flavor=flavor, image_ref=chance.choice(("image-1", "image-2")),
        image_properties=properties, scheduler_hints=hints,
    )  # fmt: skip
    project = chance.choice(("p1", "p2"))
    states = [_state(node, aggregates, on) for node in nodes]
    spec = SimpleNamespace(
        flavor=Flavored(name=flavor.name, flavorid="1", extra_specs=dict(flavor.extra_specs)),
        image=Flavored(id=boot.image_ref, properties=properties),
        project_id=project, instance_uuid="new", instance_group=group,
        get_scheduler_hint=lambda name, default=None: hints.get(name, default),
    )  # fmt: skip
    return Case(table, ScheduleRequest(boot=boot, project_id=project), states, spec)


def _node(chance: random.Random, number: int) -> ComputeNode:
    return replace(
        make_node(f"host{number}"),
        vcpus=chance.choice((2, 8, 16)), vcpus_used=chance.randrange(20),
        memory_mb=chance.choice((2048, 8192)), memory_mb_used=chance.randrange(9000),
        reserved_memory_mb=chance.choice((0, 512)),
        disk_gb=chance.choice((50, 100)), disk_gb_used=chance.randrange(120),
        cpu_allocation_ratio=chance.choice((1.0, 4.0)),
        ram_allocation_ratio=chance.choice((1.0, 1.5)),
        instances=chance.randrange(60), io_ops=chance.randrange(10),
        hypervisor_type=chance.choice(("QEMU", "KVM")),
        hypervisor_version=chance.choice((0, 6002000, 8001000)),
    )  # fmt: skip


def _aggregate(chance: random.Random, number: int) -> Aggregate:
    choices = {
        "ssd": ("true", "false", "true,false"),
        "gen": ("1", "2", "3"),
        "filter_tenant_id": ("p1", "p2", "p1,p2"),
        "filter_tenant_id2": ("p2",),
        "instance_type": ("small", "large", "small, large"),
        "os_type": ("a", "a,b"),
        "img.kind": ("a", "b"),
        "max_instances_per_host": ("10", "70", "many"),
        "max_io_ops_per_host": ("2", "20", "few"),
        "ram_weight_multiplier": ("2.5", "-1", "x"),
        "cpu_weight_multiplier": ("0.5", "3"),
        "soft_affinity_weight_multiplier": ("7",),
    }
    metadata = {
        key: chance.choice(values) for key, values in choices.items() if chance.random() < 0.3
    }
    hosts = tuple(f"host{one}" for one in range(HOSTS) if chance.random() < 0.3)
    return Aggregate(id=number + 1, uuid=str(number), name=str(number), metadata=metadata,
                     hosts=hosts)  # fmt: skip


def _extra_specs(chance: random.Random) -> dict[str, str]:
    choices = {
        "ssd": ("true", "s== true", "<in> tru", "<or> true <or> maybe", "s!= false"),
        "aggregate_instance_extra_specs:gen": ("2", ">= 2", "= 2", "!= 1", "<or> 1 <or> 3"),
        "capabilities:hypervisor_type": ("QEMU", "s== KVM", "<in> EM", "<all-in> Q M", "s> L"),
        "capabilities:hypervisor_version": (">= 6002000", "== 0", "<= 7000000"),
        "capabilities:nonesuch": ("1",),
        "num_instances": ("<= 30", ">= 10"),
        "hw:cpu_policy": ("dedicated",),
    }
    return {key: chance.choice(values) for key, values in choices.items() if chance.random() < 0.25}


def _hints(chance: random.Random) -> dict[str, Any]:
    hints: dict[str, Any] = {}
    for name in ("different_host", "same_host"):
        if chance.random() < 0.5:
            chosen = chance.sample(UUIDS, chance.randrange(1, 4))
            hints[name] = chosen if chance.random() < 0.8 else chosen[0]
    if chance.random() < 0.8:
        hints["query"] = json.dumps(_query(chance, 3))
    return hints


def _query(chance: random.Random, depth: int) -> list[Any]:
    if depth and chance.random() < 0.6:
        parts = [_query(chance, depth - 1) for _ in range(chance.randrange(1, 4))]
        return [chance.choice(("and", "or", "not")), *parts]
    if chance.random() < 0.3:
        return [chance.choice(("in", "=")), "$host", "host1", "host2", "host3"]
    name = chance.choice(("$free_ram_mb", "$vcpus_used", "$num_io_ops", "$nonesuch"))
    return [chance.choice(("=", "<", ">", "<=", ">=")), name, chance.randrange(4000)]


def _group(chance: random.Random, table: HostTable, on: dict[str, str]) -> Any:
    if chance.random() < 0.3:
        return None
    policy, most = chance.choice(POLICIES), chance.randrange(1, 4)
    members = chance.sample(UUIDS, chance.randrange(8))
    table.group = Placement(group_id="g", policy=policy, max_server_per_host=most)
    for uuid in members:
        if uuid in on:
            table.group.members_on[on[uuid]] += 1
    return Flavored(
        policy=policy, policies=[policy], members=members, uuid="g",
        hosts=sorted({on[uuid] for uuid in members if uuid in on}),
        rules={"max_server_per_host": most},
    )  # fmt: skip


def _state(node: ComputeNode, aggregates: list[Aggregate], on: dict[str, str]) -> Any:
    own = [one for one in aggregates if node.host in one.hosts]
    return SimpleNamespace(
        host=node.host, nodename=node.hypervisor_hostname, uuid=node.id, stats={},
        aggregates=[SimpleNamespace(metadata=dict(one.metadata)) for one in own],
        instances={uuid: None for uuid, host in on.items() if host == node.host},
        num_instances=node.instances, num_io_ops=node.io_ops,
        vcpus_total=node.vcpus, vcpus_used=node.vcpus_used,
        cpu_allocation_ratio=node.cpu_allocation_ratio,
        free_ram_mb=node.memory_mb - node.reserved_memory_mb - node.memory_mb_used,
        free_disk_mb=(node.disk_gb - node.disk_gb_used) * 1024,
        hypervisor_type=node.hypervisor_type, hypervisor_version=node.hypervisor_version,
    )  # fmt: skip


FILTERS = [
    (filters.AllHostsFilter, all_hosts_filter.AllHostsFilter),
    (filters.ServerGroupAffinityFilter, affinity_filter.ServerGroupAffinityFilter),
    (filters.ServerGroupAntiAffinityFilter, affinity_filter.ServerGroupAntiAffinityFilter),
    (hint_filters.DifferentHostFilter, affinity_filter.DifferentHostFilter),
    (hint_filters.SameHostFilter, affinity_filter.SameHostFilter),
    (hint_filters.IsolatedHostsFilter, isolated_hosts_filter.IsolatedHostsFilter),
    (hint_filters.JsonFilter, json_filter.JsonFilter),
    (hint_filters.ComputeCapabilitiesFilter, compute_capabilities_filter.ComputeCapabilitiesFilter),
    (aggregate_filters.AggregateInstanceExtraSpecsFilter,
     aggregate_instance_extra_specs.AggregateInstanceExtraSpecsFilter),
    (aggregate_filters.AggregateMultiTenancyIsolation,
     aggregate_multitenancy_isolation.AggregateMultiTenancyIsolation),
    (aggregate_filters.AggregateImagePropertiesIsolation,
     aggregate_image_properties_isolation.AggregateImagePropertiesIsolation),
    (aggregate_filters.AggregateTypeAffinityFilter, type_filter.AggregateTypeAffinityFilter),
    (aggregate_filters.NumInstancesFilter, num_instances_filter.NumInstancesFilter),
    (aggregate_filters.AggregateNumInstancesFilter,
     num_instances_filter.AggregateNumInstancesFilter),
    (aggregate_filters.IoOpsFilter, io_ops_filter.IoOpsFilter),
    (aggregate_filters.AggregateIoOpsFilter, io_ops_filter.AggregateIoOpsFilter),
]  # fmt: skip
WEIGHERS = [
    (weighers.CPUWeigher, cpu.CPUWeigher),
    (weighers.RAMWeigher, ram.RAMWeigher),
    (weighers.DiskWeigher, disk.DiskWeigher),
    (weighers.IoOpsWeigher, io_ops.IoOpsWeigher),
    (weighers.NumInstancesWeigher, num_instances.NumInstancesWeigher),
    (weighers.HypervisorVersionWeigher, hypervisor_version.HypervisorVersionWeigher),
    (weighers.ServerGroupSoftAffinityWeigher, affinity.ServerGroupSoftAffinityWeigher),
    (weighers.ServerGroupSoftAntiAffinityWeigher, affinity.ServerGroupSoftAntiAffinityWeigher),
]


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what gives both the same option; Nova's own are on the only global configuration."""
    own = options.register(cfg.ConfigOpts())
    own([], project="devstack-lite", default_config_files=[])
    for module in (hint_filters, aggregate_filters):
        monkeypatch.setattr(module, "cfg", SimpleNamespace(CONF=own))
    theirs = nova.conf.CONF
    theirs([], project="nova", default_config_files=[])

    def both(name: str, value: Any) -> None:
        own.set_override(name, value, group="scheduler")
        theirs.set_override(name, value, group="filter_scheduler")

    return both


def _configure(both: Any, chance: random.Random) -> None:
    both("isolated_hosts", chance.choice(([], ["host1", "host2"])))
    both("isolated_images", chance.choice(([], ["image-1"])))
    both("restrict_isolated_hosts_to_isolated_images", chance.random() < 0.5)
    both("max_instances_per_host", chance.choice((20, 50)))
    both("max_io_ops_per_host", chance.choice((4, 8)))
    both("aggregate_image_properties_isolation_namespace", chance.choice(("", "img")))


@pytest.mark.parametrize(("ours", "novas"), FILTERS, ids=lambda one: one.__name__)
def test_a_filter_passes_what_novas_passes(configured: Any, ours: Any, novas: Any) -> None:
    chance = random.Random(ours.__name__)
    seen: set[bool] = set()
    for number in range(CASES):
        _configure(configured, chance)
        case = make_case(chance)
        expected = [bool(novas().host_passes(state, case.spec)) for state in case.states]
        assert ours().mask(case.table, case.request).tolist() == expected, number
        seen.update(expected)
    assert seen == ({True} if ours is filters.AllHostsFilter else {True, False})


@pytest.mark.parametrize(("ours", "novas"), WEIGHERS, ids=lambda one: one.__name__)
def test_a_weigher_weighs_as_novas_does(configured: Any, ours: Any, novas: Any) -> None:
    """Normalised, multiplied by the option or what the aggregates say instead."""
    chance = random.Random(ours.__name__)
    handler = BaseWeightHandler.__new__(BaseWeightHandler)
    for number in range(CASES):
        least = 0.0 if "soft" in ours.multiplier_option else -2.0
        multiplier = chance.choice((1.0, least, 0.0, 10.0))
        configured(ours.multiplier_option, multiplier)
        case = make_case(chance)
        weighed = handler.get_weighed_objects([novas()], case.states, case.spec)
        expected = {one.obj.host: one.weight for one in weighed}
        scheduler = Scheduler([], [(ours(), multiplier)])
        everywhere = np.ones(HOSTS, dtype=bool)
        row, best, _ = scheduler._best(case.table, case.request, everywhere, is_ranked=False)
        assert best == pytest.approx(max(expected.values())), number
        assert expected[case.table.hosts[row]] == pytest.approx(best), number
