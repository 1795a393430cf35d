"""The NUMA topology that a flavor's extra specs and an image's properties ask for.

Nova's names, rules and messages: hw:numa_nodes, hw:cpu_policy and so on in the one, hw_numa_nodes
and hw_cpu_policy in the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from devstack_lite.exceptions import Invalid
from devstack_lite.numa import cpu_policies, pages
from devstack_lite.numa.cpus import parse_cpus
from devstack_lite.numa.guest import CpuPolicy, GuestCell, GuestTopology
from devstack_lite.numa.said import Said
from devstack_lite.objects.compute import Flavor

MAX_NODES = 128
"""Cells of which hw:numa_cpus.N and hw:numa_mem.N are read; Nova's NUMA_NODES_MAX."""

_SPECS = re.compile(r"hw:|resources\d*:[VP]CPU|trait\d*:HW_CPU_HYPERTHREADING")
_PROPERTIES = ("hw_numa_", "hw_cpu_", "hw_mem_page_size", "hw_locked_memory", "trait:")


def wanted_topology(flavor: Flavor, properties: Mapping[str, Any]) -> GuestTopology | None:
    """Return what a guest wants of a node's cells; None for one that leaves all to the node.

    Raises Invalid, in Nova's words, for what contradicts itself.
    """
    specs = flavor.extra_specs
    if not any(_SPECS.match(key) for key in specs) and not any(
        key.startswith(_PROPERTIES) for key in properties
    ):
        return None
    return _Asked(Said(flavor=flavor, properties=properties)).topology()


class _Asked:
    def __init__(self, said: Said) -> None:
        self._said = said
        self._all = frozenset(range(said.flavor.vcpus))

    def topology(self) -> GuestTopology | None:
        policies = cpu_policies.read(self._said)
        nodes = self._nodes()
        page_size = pages.page_size(self._said)
        pages.check_locked(self._said)
        has_dedicated = policies.cpu in {CpuPolicy.DEDICATED, CpuPolicy.MIXED}
        if not (nodes or page_size or has_dedicated):
            return None
        dedicated = self._all if policies.cpu is CpuPolicy.DEDICATED else policies.dedicated
        return GuestTopology(
            cells=tuple(
                GuestCell(
                    id=number, cpuset=cpus - dedicated, pcpuset=cpus & dedicated,
                    memory_mb=memory_mb, page_size=None if page_size is None else int(page_size),
                )
                for number, (cpus, memory_mb) in enumerate(self._cells(nodes or 1))
            ),
            cpu_policy=policies.cpu, thread_policy=policies.threads,
            emulator_policy=policies.emulator, realtime=policies.realtime,
        )  # fmt: skip

    def _nodes(self) -> int | None:
        own, image = self._said.both("numa_nodes")
        of_image = None if image is None else _integer("hw_numa_nodes", image)
        if own and of_image:
            raise _overridden("hw_numa_nodes")
        wanted = own or of_image
        if wanted is None:
            return None
        try:
            nodes = int(str(wanted))
        except ValueError:
            nodes = 0
        if nodes < 1:
            raise Invalid(
                f"The property 'numa_nodes' cannot be '{wanted}'. It must be a number greater than"
                " 0"
            )
        return nodes

    def _cells(self, nodes: int) -> list[tuple[frozenset[int], int]]:
        """Return the CPUs and the memory of each cell."""
        cpus = self._per_cell("numa_cpus", parse_cpus)
        memory = self._per_cell("numa_mem", lambda text: _integer("numa_mem", text))
        if cpus is None and memory is None:
            return self._alike(nodes)
        if cpus is None or memory is None or {len(cpus), len(memory)} != {nodes}:
            raise Invalid("CPU and memory allocation must be provided for all NUMA nodes")
        self._check(cpus, memory)
        return list(zip(cpus, memory, strict=True))

    def _alike(self, nodes: int) -> list[tuple[frozenset[int], int]]:
        vcpus, memory_mb = self._said.flavor.vcpus, self._said.flavor.memory_mb
        if vcpus % nodes or memory_mb % nodes:
            raise Invalid(
                "Instance CPUs and/or memory cannot be evenly distributed across instance NUMA"
                " nodes. Explicit assignment of CPUs and memory to nodes is required"
            )
        each = vcpus // nodes
        return [
            (frozenset(range(number * each, (number + 1) * each)), memory_mb // nodes)
            for number in range(nodes)
        ]

    def _check(self, cpus: list[frozenset[int]], memory: list[int]) -> None:
        """Raise Invalid unless the cells have the flavor's CPUs, each once, and its memory."""
        left = set(self._all)
        for own in cpus:
            for cpu in sorted(own):
                if cpu not in self._all:
                    raise Invalid(
                        f"CPU number {cpu} is larger than max {self._said.flavor.vcpus - 1}"
                    )
                if cpu not in left:
                    raise Invalid(f"CPU number {cpu} is assigned to two nodes")
                left.remove(cpu)
        if left:
            raise Invalid(f"CPU number {left} is not assigned to any node")
        if sum(memory) != self._said.flavor.memory_mb:
            raise Invalid(
                f"{sum(memory)} MB of memory assigned, but expected"
                f" {self._said.flavor.memory_mb} MB"
            )

    def _per_cell(self, key: str, read: Any) -> list[Any] | None:
        flavor = _numbered(self._said.specs, f"hw:{key}", read)
        image = _numbered(self._said.properties, f"hw_{key}", read)
        if flavor and image:
            raise _overridden(f"hw_{key}")
        return flavor or image or None


def _numbered(there: Mapping[str, Any], key: str, read: Any) -> list[Any]:
    """Return what key.0, key.1 and so on say, up to the first that is missing."""
    found = []
    for number in range(MAX_NODES):
        text = there.get(f"{key}.{number}")
        if text is None:
            break
        found.append(read(str(text)))
    return found


def _integer(name: str, text: Any) -> int:
    try:
        return int(str(text))
    except ValueError:
        raise Invalid(f"{name} must be a number, got '{text}'") from None


def _overridden(name: str) -> Invalid:
    return Invalid(
        f"Image property '{name}' is not permitted to override NUMA configuration set against the"
        " flavor"
    )
