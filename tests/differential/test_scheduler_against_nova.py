"""The same hosts and requests through Nova's own filters and weighers, and through ours.

Skipped without the nova package (`pip install nova`, in an environment of its own). How many random
cases each class gets is in DEVSTACK_LITE_TEST_CASES, 300 without it.

Deliberate differences, which the cases leave out: an extra spec that compares a number with what is
none matches nothing here and is an error in Nova; so does a hint `query` that compares numbers with
text. It may be JSON already. An image property that is not valid refuses the boot here, and is an
error when the image is read in Nova.

Left to their own tests: ImagePropertiesWeigher's count of instances is Nova's only with a database,
which is why its method that reads them is given what it would read; NUMATopologyFilter and PCI
devices have modules of their own.
"""

from __future__ import annotations

import contextlib
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
from services.scheduler import (
    aggregate_filters,
    filters,
    hint_filters,
    image_filters,
    json_filter,
    outer_weighers,
    weighers,
)
from services.scheduler.decide import Scheduler
from services.scheduler.hosts import HostTable
from tests.unit.conftest import make_boot, make_node

pytest.importorskip("nova.scheduler.filters")
import nova.conf
from nova.objects.image_meta import ImageMetaProps
from nova.scheduler import filters as _nova_filters  # noqa: F401
from nova.scheduler.filters import (
    affinity_filter,
    aggregate_image_properties_isolation,
    aggregate_instance_extra_specs,
    aggregate_multitenancy_isolation,
    all_hosts_filter,
    compute_capabilities_filter,
    image_props_filter,
    io_ops_filter,
    isolated_hosts_filter,
    metrics_filter,
    num_instances_filter,
    type_filter,
)
from nova.scheduler.filters import json_filter as novas_json_filter
from nova.scheduler.weights import (
    affinity,
    compute,
    cpu,
    cross_cell,
    disk,
    hypervisor_version,
    io_ops,
    metrics,
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
    properties = _properties(chance)
    boot = make_boot(
        flavor=flavor, image_ref=chance.choice(("image-1", "image-2")),
        image_properties=properties, scheduler_hints=hints,
    )  # fmt: skip
    project = chance.choice(("p1", "p2"))
    states = [_state(node, aggregates, on) for node in nodes]
    spec = Flavored(
        flavor=Flavored(name=flavor.name, flavorid="1", extra_specs=dict(flavor.extra_specs)),
        image=Flavored(
            id=boot.image_ref, properties=ImageMetaProps.from_dict(dict(properties))
        ),
        project_id=project, instance_uuid="new", instance_group=group,
        get_scheduler_hint=lambda name, default=None: hints.get(name, default),
    )  # fmt: skip
    return Case(table, ScheduleRequest(boot=boot, project_id=project), states, spec)


def _properties(chance: random.Random) -> dict[str, str]:
    choices = {
        "os_type": ("linux", "Windows"),
        "hw_architecture": ("x86_64", "amd64", "i686", "aarch64"),
        "architecture": ("i386", "X86_64", "ppc64"),
        "img_hv_type": ("kvm", "QEMU", "xapi", "vmware"),
        "hypervisor_type": ("qemu", "lxc"),
        "hw_vm_mode": ("hvm", "HV", "xen"),
        "vm_mode": ("hvm",),
        "img_hv_requested_version": (">=6.2", ">=2.0,<8", "==8.1.0"),
        "hw_vif_model": ("virtio", "VirtualE1000"),
        "vmware_adaptertype": ("ide", "lsiLogicsas"),
        "hw_cpu_sockets": ("1", "2"),
        "hw_boot_menu": ("yes", "false"),
        "of_our_own": ("x",),
    }
    return {key: chance.choice(values) for key, values in choices.items() if chance.random() < 0.25}


def _node(chance: random.Random, number: int) -> ComputeNode:
    return replace(
        make_node(f"host{number}"),
        vcpus=chance.choice((2, 8, 16)), vcpus_used=chance.randrange(20),
        memory_mb=chance.choice((2048, 8192)), memory_mb_used=chance.randrange(9000),
        reserved_memory_mb=chance.choice((0, 512)), reserved_vcpus=chance.choice((0, 1)),
        reserved_disk_gb=chance.choice((0, 5)),
        disk_gb=chance.choice((50, 100)), disk_gb_used=chance.randrange(120),
        cpu_allocation_ratio=chance.choice((1.0, 4.0)),
        ram_allocation_ratio=chance.choice((1.0, 1.5)),
        instances=chance.randrange(60), io_ops=chance.randrange(10),
        hypervisor_type=chance.choice(("QEMU", "KVM")),
        hypervisor_version=chance.choice((0, 6002000, 8001000)),
        architecture=chance.choice(("x86_64", "aarch64")), failed_builds=chance.randrange(3),
        host_ip=f"10.0.{number % 3}.{number}", disk_allocation_ratio=chance.choice((1.0, 2.0)),
        metrics={
            name: chance.choice((0.0, 1.5, 4.0)) for name in ("gold", "iron")
            if chance.random() < 0.7
        },
    )  # fmt: skip


def _aggregate(chance: random.Random, number: int) -> Aggregate:
    choices = {
        "ssd": ("true", "false", "true,false"),
        "gen": ("1", "2", "3"),
        "filter_tenant_id": ("p1", "p2", "p1,p2"),
        "filter_tenant_id2": ("p2",),
        "instance_type": ("small", "large", "small, large"),
        "os_type": ("linux", "linux,windows"),
        "hw_vif_model": ("virtio", "e1000"),
        "hw_disk_bus": ("ide", "scsi"),
        "hw_cpu_sockets": ("1", "2"),
        "hw_boot_menu": ("True", "yes"),
        "of_our_own": ("y",),
        "max_instances_per_host": ("10", "70", "many"),
        "max_io_ops_per_host": ("2", "20", "few"),
        "ram_weight_multiplier": ("2.5", "-1", "x"),
        "cpu_weight_multiplier": ("0.5", "3"),
        "soft_affinity_weight_multiplier": ("7",),
        "metrics_weight_multiplier": ("0", "2"),
        "build_failure_weight_multiplier": ("3",),
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
        "cpu_allocation_ratio": ("4.0", ">= 2", "s== 1.0"),
        "capabilities:host_ip": ("<in> 10.0.1", "s!= 10.0.0.0"),
        "failed_builds": ("< 2", "0", "<or> 0 <or> 2"),
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
    if chance.random() < 0.6:
        hints["build_near_host_ip"] = chance.choice(("10.0.1.5", "10.0.2.1"))
        if chance.random() < 0.5:
            hints["cidr"] = chance.choice(("/24", "/16", "/30"))
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
        host=node.host, nodename=node.hypervisor_hostname, uuid=node.id, stats={}, pci_stats=None,
        host_ip=node.host_ip, failed_builds=node.failed_builds, cell_uuid="cell", cpu_info={},
        supported_instances=[
            list(one)
            for one in image_filters.supported_instances(node.architecture, node.hypervisor_type)
        ],
        metrics=[SimpleNamespace(name=name, value=value) for name, value in node.metrics.items()],
        aggregates=[SimpleNamespace(metadata=dict(one.metadata)) for one in own],
        instances={uuid: None for uuid, host in on.items() if host == node.host},
        num_instances=node.instances, num_io_ops=node.io_ops,
        vcpus_total=node.vcpus, vcpus_used=node.vcpus_used + node.reserved_vcpus,
        cpu_allocation_ratio=node.cpu_allocation_ratio,
        free_ram_mb=node.memory_mb - node.reserved_memory_mb - node.memory_mb_used,
        free_disk_mb=(node.disk_gb - node.reserved_disk_gb - node.disk_gb_used) * 1024,
        hypervisor_type=node.hypervisor_type, hypervisor_version=node.hypervisor_version,
    )  # fmt: skip


FILTERS = [
    (filters.AllHostsFilter, all_hosts_filter.AllHostsFilter),
    (filters.ServerGroupAffinityFilter, affinity_filter.ServerGroupAffinityFilter),
    (filters.ServerGroupAntiAffinityFilter, affinity_filter.ServerGroupAntiAffinityFilter),
    (hint_filters.DifferentHostFilter, affinity_filter.DifferentHostFilter),
    (hint_filters.SameHostFilter, affinity_filter.SameHostFilter),
    (hint_filters.IsolatedHostsFilter, isolated_hosts_filter.IsolatedHostsFilter),
    (hint_filters.SimpleCIDRAffinityFilter, affinity_filter.SimpleCIDRAffinityFilter),
    (json_filter.JsonFilter, novas_json_filter.JsonFilter),
    (image_filters.ImagePropertiesFilter, image_props_filter.ImagePropertiesFilter),
    (outer_weighers.MetricsFilter, metrics_filter.MetricsFilter),
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
    (weighers.CrossCellWeigher, cross_cell.CrossCellWeigher),
    (outer_weighers.MetricsWeigher, metrics.MetricsWeigher),
    (outer_weighers.BuildFailureWeigher, compute.BuildFailureWeigher),
    (weighers.ServerGroupSoftAffinityWeigher, affinity.ServerGroupSoftAffinityWeigher),
    (weighers.ServerGroupSoftAntiAffinityWeigher, affinity.ServerGroupSoftAntiAffinityWeigher),
]


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what gives both the same option; Nova's own are on the only global configuration."""
    own = options.register(cfg.ConfigOpts())
    own([], project="devstack-lite", default_config_files=[])
    for module in (hint_filters, aggregate_filters, image_filters, outer_weighers):
        monkeypatch.setattr(module, "cfg", SimpleNamespace(CONF=own))
    theirs = nova.conf.CONF
    theirs([], project="nova", default_config_files=[])

    def both(name: str, value: Any, group: str = "filter_scheduler") -> None:
        own.set_override(name, value, group=group)
        theirs.set_override(name, value, group=group)

    return both


def _configure(both: Any, chance: random.Random) -> None:
    both("isolated_hosts", chance.choice(([], ["host1", "host2"])))
    both("isolated_images", chance.choice(([], ["image-1"])))
    both("restrict_isolated_hosts_to_isolated_images", chance.random() < 0.5)
    both("max_instances_per_host", chance.choice((20, 50)))
    both("max_io_ops_per_host", chance.choice((4, 8)))
    both("aggregate_image_properties_isolation_namespace", chance.choice(("", "hw_vif")))
    both("aggregate_image_properties_isolation_separator", "_")
    both("image_properties_default_architecture", chance.choice((None, None, "x86_64")))
    both(
        "weight_setting", chance.choice(([], ["gold=1.5"], ["gold=2", "iron=-1", "x=y"])), "metrics"
    )
    both("required", False, "metrics")


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
    """Each host, normalised, multiplied by the option or what the aggregates say instead."""
    chance = random.Random(ours.__name__)
    handler = BaseWeightHandler.__new__(BaseWeightHandler)
    for number in range(CASES):
        _configure(configured, chance)
        least = 0.0 if {"soft"} & set(ours.multiplier_option.split("_")) else -2.0
        multiplier = chance.choice((1.0, least, 0.0, 10.0))
        if ours is outer_weighers.MetricsWeigher:
            configured("weight_multiplier", multiplier, "metrics")
        else:
            configured(ours.multiplier_option, multiplier)
        case = make_case(chance)
        count = chance.choice((1, HOSTS, HOSTS))
        case.spec.get_scheduler_hint = lambda name, default=None: default
        weighed = handler.get_weighed_objects([novas()], case.states[:count], case.spec)
        expected = {one.obj.host: pytest.approx(one.weight) for one in weighed}
        scheduler = Scheduler([], [(ours(), multiplier)])
        total = scheduler._weigh(case.table, case.request, np.arange(count)).total
        assert dict(zip(case.table.hosts.kinds, total.tolist(), strict=False)) == expected, number


def test_a_weigher_counts_image_properties_as_novas_does(
    configured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nova's own weigher, given the instances that it would read."""
    chance = random.Random("image properties")
    from nova.scheduler.weights import image_props

    there: dict[str, list[dict[str, str]]] = {}
    monkeypatch.setattr(image_props, "objects", _StandInObjects(there))
    monkeypatch.setattr(image_props, "nova_context", _StandInContexts())
    handler = BaseWeightHandler.__new__(BaseWeightHandler)
    for number in range(CASES):
        multiplier = chance.choice((1.0, -2.0, 0.0))
        configured("image_props_weight_multiplier", multiplier)
        configured(
            "image_props_weight_setting",
            chance.choice(([], ["os_type=2", "hw_architecture=0.5", "hw_boot_menu=1"])),
        )
        case = make_case(chance)
        there.clear()
        for state in case.states:
            there[state.host] = [_properties(chance) for _ in range(chance.randrange(4))]
            state.instances = {state.host: state.host}
        case.table.neighbours = outer_weighers.neighbours_of(there)
        weighed = handler.get_weighed_objects(
            [image_props.ImagePropertiesWeigher()], case.states, case.spec
        )
        expected = {one.obj.host: pytest.approx(one.weight) for one in weighed}
        scheduler = Scheduler([], [(outer_weighers.ImagePropertiesWeigher(), multiplier)])
        total = scheduler._weigh(case.table, case.request, np.arange(HOSTS)).total
        assert dict(zip(case.table.hosts.kinds, total.tolist(), strict=True)) == expected, number


class _StandInContexts:
    """nova.context, of which the weigher wants a cell's connection."""

    def get_admin_context(self) -> Any:
        return None

    @contextlib.contextmanager
    def target_cell(self, _context: Any, _cell: Any) -> Any:
        yield None


class _StandInObjects:
    """nova.objects, of which the weigher wants the instances of a host."""

    def __init__(self, there: dict[str, list[dict[str, str]]]) -> None:
        self._there = there
        self.CellMapping = SimpleNamespace(get_by_uuid=lambda _context, _uuid: None)

    def InstanceList(self, _context: Any, objects: Any) -> Any:  # noqa: N802 - Nova's name
        (host,) = objects
        return _Instances(
            SimpleNamespace(
                image_meta=SimpleNamespace(properties=ImageMetaProps.from_dict(dict(one)))
            )
            for one in self._there[host]
        )


class _Instances(list[Any]):
    def fill_metadata(self) -> None:
        pass
