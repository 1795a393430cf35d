"""The same NUMA cells and requests through Nova's own NUMATopologyFilter, and through ours.

Skipped without the nova package, as test_scheduler_against_nova is; DEVSTACK_LITE_TEST_CASES says
how many random cases there are.

Deliberate differences, which the cases leave out:
- Extra specs and properties that are no numbers where Nova expects one (hw:numa_mem.0=much) are a
  400 here; in Nova they end in a 500 at the boot.
- An image's hw_cpu_policy or hw_cpu_thread_policy that is no policy is the 400 of a flavor's; in
  Nova such an image cannot be read.
- Which CPUs of several that do equally well are pinned: ours are the first, Nova's come in the
  order of a set. The cells, page sizes and numbers of pinned CPUs are compared.
- Of hw:mem_encryption, hw:pmem, PCI devices and networks' affinity to cells there is nothing here.
- Nova remembers which guest cell fits on which cell by numbers that it changes meanwhile, so that
  of guest cells that differ it takes one for the other. Where they do, it gets the numbers back.
- Where a guest has `isolate` for its own CPUs and for the emulator's, Nova may find a place whose
  cores another guest has in part, and fail when it claims it; the filters agree, our claim refuses.
"""

from __future__ import annotations

import itertools
import json
import os
import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite.exceptions import Invalid
from devstack_lite.numa.cpus import format_cpus
from devstack_lite.numa.fit import Limits, fit
from devstack_lite.numa.host import HostCell, Pages, read_cells, write_cells
from devstack_lite.numa.use import Use
from devstack_lite.numa.wanted import wanted_topology
from devstack_lite.objects.compute import ComputeNode, Flavor, ScheduleRequest
from services.scheduler import numa_filter
from services.scheduler.hosts import HostTable
from tests.unit.conftest import make_boot, make_node

pytest.importorskip("nova.scheduler.filters")
import nova.conf
from nova import exception as nova_exceptions
from nova import objects
from nova.scheduler.filters.numa_topology_filter import NUMATopologyFilter
from nova.virt import hardware

CASES = int(os.environ.get("DEVSTACK_LITE_TEST_CASES", "300"))
HOSTS = 8
objects.register_all()


def _specs(chance: random.Random, vcpus: int, memory_mb: int) -> dict[str, str]:
    choices = {
        "hw:numa_nodes": ("1", "2", "2", "3", "0"),
        "hw:cpu_policy": ("dedicated", "dedicated", "shared", "mixed", "odd"),
        "hw:cpu_thread_policy": ("prefer", "isolate", "require", "none"),
        "hw:mem_page_size": ("small", "large", "any", "4", "2048", "1GB", "2MB", "1000b", "huge"),
        "hw:emulator_threads_policy": ("isolate", "share", "alone"),
        "hw:cpu_dedicated_mask": ("0", "^0", "0-1", f"0-{vcpus - 1}", "9", "1-0"),
        "hw:cpu_realtime": ("yes", "no"),
        "hw:cpu_realtime_mask": ("^0", "1", f"0-{vcpus - 1}"),
        "resources:PCPU": (str(vcpus), str(vcpus + 1), "1"),
        "resources1:VCPU": (str(vcpus),),
        "trait:HW_CPU_HYPERTHREADING": ("required", "forbidden"),
        "hw:locked_memory": ("true", "false"),
    }
    often = {"hw:numa_nodes": 0.5, "hw:cpu_policy": 0.5, "hw:mem_page_size": 0.4}
    found = {
        key: chance.choice(values)
        for key, values in choices.items()
        if chance.random() < often.get(key, 0.04)
    }
    if found.get("hw:cpu_policy") in {"dedicated", "mixed"} and chance.random() < 0.5:
        found["hw:cpu_thread_policy"] = chance.choice(("prefer", "isolate", "require"))
        if chance.random() < 0.3:
            found["hw:emulator_threads_policy"] = "isolate"
    if found.get("hw:cpu_policy") == "mixed" and chance.random() < 0.8:
        found["hw:cpu_dedicated_mask"] = chance.choice(("0", "^0", "1"))
    if chance.random() < 0.25:
        found |= _by_hand(chance, vcpus, memory_mb, "hw:")
        found["hw:numa_nodes"] = "2"
    return found


def _by_hand(chance: random.Random, vcpus: int, memory_mb: int, prefix: str) -> dict[str, str]:
    cpus = list(range(vcpus + chance.choice((0, 0, 0, 0, 1, -1))))
    cut = chance.randrange(len(cpus) + 1)
    some = chance.choice((memory_mb // 2, memory_mb // 4, 100))
    rest = memory_mb - some - chance.choice((0, 0, 0, 1))
    double = cpus[:1] if chance.random() < 0.1 else []
    found = {
        f"{prefix}numa_cpus.0": format_cpus(cpus[:cut]),
        f"{prefix}numa_cpus.1": format_cpus(cpus[cut:] + double),
        f"{prefix}numa_mem.0": str(some),
        f"{prefix}numa_mem.1": str(rest),
    }
    if chance.random() < 0.15:
        found.pop(chance.choice(sorted(found)))
    return found


def _properties(chance: random.Random, vcpus: int, memory_mb: int) -> dict[str, str]:
    choices = {
        "hw_numa_nodes": ("1", "2", "0"),
        "hw_cpu_policy": ("dedicated", "shared", "mixed"),
        "hw_cpu_thread_policy": ("prefer", "isolate", "require"),
        "hw_mem_page_size": ("small", "large", "2048", "any"),
        "hw_cpu_realtime_mask": ("^0-1",),
        "hw_locked_memory": ("true", "false"),
        "os_type": ("linux",),
    }
    found = {key: chance.choice(values) for key, values in choices.items() if chance.random() < 0.1}
    if chance.random() < 0.1:
        found |= _by_hand(chance, vcpus, memory_mb, "hw_")
    if chance.random() < 0.03:
        found["trait:HW_CPU_HYPERTHREADING"] = "required"
    return found


def _flavor(chance: random.Random) -> Flavor:
    vcpus, memory_mb = chance.choice((1, 2, 2, 3, 4, 4, 6)), chance.choice((512, 1024, 2048, 2049))
    return Flavor(
        id="1", name="numa", vcpus=vcpus, memory_mb=memory_mb, root_gb=1,
        extra_specs=_specs(chance, vcpus, memory_mb),
    )  # fmt: skip


def _cell(chance: random.Random, number: int) -> HostCell:
    cores, threads = chance.choice((2, 4)), chance.choice((1, 2, 2))
    first = number * 8
    siblings = [
        frozenset(range(first + core * threads, first + (core + 1) * threads))
        for core in range(cores)
    ]
    cpus = frozenset().union(*siblings)
    shared = dedicated = cpus
    if chance.random() < 0.4:
        shared = frozenset(cpu for cpu in cpus if chance.random() < 0.5)
        dedicated = cpus - shared
    pages: list[Pages] = []
    if chance.random() < 0.8:
        pages = [Pages(size_kb=4, total=chance.choice((100000, 400000)))]
        if chance.random() < 0.7:
            pages.append(Pages(size_kb=2048, total=chance.choice((64, 600, 2000))))
        if chance.random() < 0.3:
            pages.append(Pages(size_kb=1048576, total=chance.choice((1, 2)), reserved=1))
    return HostCell(
        id=number, cpuset=shared, pcpuset=dedicated, memory_mb=chance.choice((1024, 4096)),
        siblings=tuple(siblings), pages=tuple(pages),
    )  # fmt: skip


def _used(chance: random.Random, cells: list[HostCell]) -> str:
    return json.dumps({
        str(cell.id): {
            "cpus": chance.randrange(6), "memory_mb": chance.choice((0, 512, 3000)),
            "pinned": format_cpus(cpu for cpu in cell.pcpuset if chance.random() < 0.3),
            "pages": {str(own.size_kb): chance.randrange(own.total) for own in cell.pages},
        }
        for cell in cells
        if chance.random() < 0.5
    })  # fmt: skip


def _node(chance: random.Random, number: int) -> ComputeNode:
    cells = [_cell(chance, one) for one in range(chance.choice((0, 1, 2, 2, 2, 3)))]
    return make_node(
        f"host{number}", numa_topology=write_cells(cells) if cells else None,
        numa_used=_used(chance, cells), cpu_allocation_ratio=chance.choice((1.0, 4.0)),
        ram_allocation_ratio=chance.choice((1.0, 1.5)),
    )  # fmt: skip


def _cells_of(node: ComputeNode) -> tuple[HostCell, ...]:
    return Use(node.numa_used).on(read_cells(node.numa_topology)) if node.numa_topology else ()


def _novas_cells(node: ComputeNode) -> Any:
    cells = [
        objects.NUMACell(
            id=cell.id, socket=None, cpuset=set(cell.cpuset), pcpuset=set(cell.pcpuset),
            memory=cell.memory_mb, cpu_usage=cell.cpu_usage, memory_usage=cell.memory_usage,
            pinned_cpus=set(cell.pinned), siblings=[set(core) for core in cell.siblings],
            mempages=[
                objects.NUMAPagesTopology(
                    size_kb=own.size_kb, total=own.total, used=own.used, reserved=own.reserved
                )
                for own in cell.pages
            ],
        )
        for cell in _cells_of(node)
    ]  # fmt: skip
    return objects.NUMATopology(cells=cells) if cells else None


def _novas_state(node: ComputeNode) -> Any:
    return SimpleNamespace(
        host=node.host, nodename=node.hypervisor_hostname, numa_topology=_novas_cells(node),
        cpu_allocation_ratio=node.cpu_allocation_ratio,
        ram_allocation_ratio=node.ram_allocation_ratio, pci_stats=None, limits={},
        allocation_candidates=[{"mappings": {}}],
    )  # fmt: skip


def _novas_flavor(flavor: Flavor) -> Any:
    return objects.Flavor(
        name=flavor.name, flavorid=flavor.id, vcpus=flavor.vcpus, memory_mb=flavor.memory_mb,
        extra_specs=dict(flavor.extra_specs),
    )  # fmt: skip


def _novas_image(properties: dict[str, str]) -> Any:
    return objects.ImageMeta(
        name="image", properties=objects.ImageMetaProps.from_dict(dict(properties))
    )


def _novas_answer(flavor: Flavor, properties: dict[str, str]) -> Any:
    """Return Nova's topology of a request, or the message with which it refuses it."""
    try:
        return hardware.numa_get_constraints(_novas_flavor(flavor), _novas_image(properties))
    except nova_exceptions.NovaException as error:
        return error.format_message()


def _plain(topology: Any) -> Any:
    return topology and [
        (set(cell.cpuset), set(cell.pcpuset), cell.memory, cell.pagesize, cell.cpu_policy,
         cell.cpu_thread_policy, topology.emulator_threads_policy)
        for cell in topology.cells
    ]  # fmt: skip


class Both:
    """Nova and ours, set alike."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ours = options.register(cfg.ConfigOpts())
        self._ours([], project="devstack-lite", default_config_files=[])
        monkeypatch.setattr(numa_filter, "cfg", SimpleNamespace(CONF=self._ours))
        nova.conf.CONF([], project="nova", default_config_files=[])
        self._fit = hardware.numa_fit_instance_to_host
        monkeypatch.setattr(hardware, "numa_fit_instance_to_host", self.fit)
        monkeypatch.setattr(
            hardware, "itertools",
            SimpleNamespace(permutations=self._permutations, chain=itertools.chain),
        )  # fmt: skip
        self._guest: Any = None

    def pack(self, *, is_packing: bool) -> None:
        """Choose the order of cells."""
        for conf in (self._ours, nova.conf.CONF):
            conf.set_override(
                "packing_host_numa_cells_allocation_strategy", is_packing, group="compute"
            )

    def fit(self, host: Any, guest: Any, *args: Any, **named: Any) -> Any:
        """Do what Nova does, its guest's cells keeping their numbers where it mixes them up."""
        self._guest = guest if _mixes_up(guest) else None
        return self._fit(host, guest, *args, **named)

    def _permutations(self, cells: Any, count: int) -> Iterator[Any]:
        for chosen in itertools.permutations(cells, count):
            for number, cell in enumerate(self._guest.cells if self._guest else ()):
                cell.id = number
            yield chosen


def _mixes_up(guest: Any) -> bool:
    kinds = {(len(cell.cpuset), len(cell.pcpuset), cell.memory) for cell in guest.cells}
    return len(kinds) > 1 or guest.emulator_threads_isolated


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Both:
    return Both(monkeypatch)


def test_a_request_wants_what_nova_understands_by_it() -> None:
    """The topology of random extra specs and properties, or the very message that refuses them."""
    chance = random.Random("wanted")
    seen = set()
    for number in range(CASES * 10):
        flavor = _flavor(chance)
        properties = _properties(chance, flavor.vcpus, flavor.memory_mb)
        expected = _novas_answer(flavor, properties)
        if isinstance(expected, str):
            with pytest.raises(Invalid) as refused:
                wanted_topology(flavor, properties)
            assert refused.value.message == expected, (number, flavor.extra_specs, properties)
            seen.add(expected)
            continue
        found = wanted_topology(flavor, properties)
        cells = found and [
            (cell.cpuset, cell.pcpuset, cell.memory_mb, cell.page_size, found.cpu_policy,
             found.thread_policy, found.emulator_policy)
            for cell in found.cells
        ]  # fmt: skip
        assert cells == _plain(expected), (number, flavor.extra_specs, properties)
    assert len(seen) > 15


def test_the_filter_passes_what_novas_passes(both: Both) -> None:
    chance = random.Random("filter")
    seen = {True: 0, False: 0}
    cases = 0
    while cases < CASES:
        flavor = _flavor(chance)
        properties = _properties(chance, flavor.vcpus, flavor.memory_mb)
        answer = _novas_answer(flavor, properties)
        if isinstance(answer, str):
            continue
        cases += 1
        both.pack(is_packing=chance.random() < 0.3)
        nodes = [_node(chance, number) for number in range(HOSTS)]
        table = HostTable()
        table.load(nodes)
        spec = objects.RequestSpec(
            flavor=_novas_flavor(flavor), image=_novas_image(properties), numa_topology=answer,
            pci_requests=None, instance_uuid="1b8b8a5c-51fc-4ac5-9d8c-3f2f6f3b8f00",
        )  # fmt: skip
        expected = [
            bool(NUMATopologyFilter().host_passes(_novas_state(node), spec)) for node in nodes
        ]
        boot = make_boot(flavor=flavor, image_properties=properties)
        found = numa_filter.NUMATopologyFilter().mask(table, ScheduleRequest(boot=boot)).tolist()
        assert found == expected, (cases, flavor.extra_specs, properties)
        if answer is not None:
            for one in expected:
                seen[one] += 1
    assert min(seen.values()) > CASES


def test_a_guest_gets_the_cells_that_nova_gives_it(both: Both) -> None:
    """The cells, their page sizes and how many CPUs are pinned on each; and what that leaves."""
    chance = random.Random("place")
    placed = 0
    for number in range(CASES * 5):
        flavor = _flavor(chance)
        answer = _novas_answer(flavor, {})
        if answer is None or isinstance(answer, str):
            continue
        is_packing = chance.random() < 0.3
        both.pack(is_packing=is_packing)
        node = _node(chance, 0)
        limits = objects.NUMATopologyLimits(
            cpu_allocation_ratio=node.cpu_allocation_ratio,
            ram_allocation_ratio=node.ram_allocation_ratio,
        )
        host = _novas_cells(node)
        expected = hardware.numa_fit_instance_to_host(host, answer, None, limits=limits)
        wanted = wanted_topology(flavor, {})
        assert wanted is not None
        found = fit(
            _cells_of(node), wanted,
            Limits(
                cpu_allocation_ratio=node.cpu_allocation_ratio,
                ram_allocation_ratio=node.ram_allocation_ratio, is_packing=is_packing,
            ),
        )  # fmt: skip
        assert (found is None) == (expected is None), (number, flavor.extra_specs)
        if found is None:
            continue
        places = [cell.placed for cell in found.cells if cell.placed is not None]
        assert [
            (place.host_cell, cell.page_size, len(place.pinning), len(place.reserved))
            for cell, place in zip(found.cells, places, strict=True)
        ] == [
            (cell.id, cell.pagesize, len(cell.cpu_pinning or {}), len(cell.cpuset_reserved or ()))
            for cell in expected.cells
        ], (number, flavor.extra_specs)
        _compare_use(node, found, host, expected)
        placed += 1
    assert placed > CASES / 6


def _compare_use(node: ComputeNode, found: Any, host: Any, expected: Any) -> None:
    """Compare what is taken then; Nova cannot count on cells that have no pages at all."""
    used = Use(node.numa_used)
    if used.overlaps(found) or not all(cell.mempages for cell in host.cells):
        return
    used.add(found)
    try:
        after = hardware.numa_usage_from_instance_numa(host, expected)
    except nova_exceptions.CPUPinningInvalid:
        return
    ours = used.on(read_cells(str(node.numa_topology)))
    assert [
        (cell.cpu_usage, cell.memory_usage, len(cell.pinned), [own.used for own in cell.pages])
        for cell in ours
    ] == [
        (cell.cpu_usage, cell.memory_usage, len(cell.pinned_cpus),
         [own.used for own in cell.mempages])
        for cell in after.cells
    ]  # fmt: skip
