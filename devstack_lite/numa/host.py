"""A node's NUMA cells: what it has, and, as far as they are told, what its guests take of it."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass

from devstack_lite.numa.cpus import format_cpus, parse_cpus
from devstack_lite.objects.registry import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """The memory pages of one size that a cell has; reserved ones are not for guests."""

    size_kb: int
    total: int
    reserved: int = 0
    used: int = 0

    @property
    def free_kb(self) -> int:
        """What guests may still take."""
        return (self.total - self.used - self.reserved) * self.size_kb

    @property
    def total_kb(self) -> int:
        """What there is."""
        return self.total * self.size_kb


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCell:
    """One NUMA cell of a node, with what is taken of it.

    cpuset: the CPUs that guests share; pcpuset: those that a guest may have for itself. siblings:
    each core's threads, all of them in one of the two sets.
    """

    id: int
    cpuset: frozenset[int]
    pcpuset: frozenset[int]
    memory_mb: int
    siblings: tuple[frozenset[int], ...]
    pages: tuple[Pages, ...] = ()
    """By size, the smallest first."""
    cpu_usage: int = 0
    memory_usage: int = 0
    pinned: frozenset[int] = frozenset()

    @property
    def free_pcpus(self) -> frozenset[int]:
        """The CPUs that a guest may still have for itself."""
        return self.pcpuset - self.pinned

    @property
    def free_memory_mb(self) -> int:
        """What no guest with a topology has."""
        return self.memory_mb - self.memory_usage

    @property
    def threads_per_core(self) -> int:
        """The most that a core has."""
        return max((len(core) for core in self.siblings), default=1)


def write_cells(cells: Sequence[HostCell]) -> str:
    """Return cells as text, without what is taken of them. Cores with one thread go unsaid."""
    return json.dumps([
        {
            "id": cell.id, "cpuset": format_cpus(cell.cpuset),
            "pcpuset": format_cpus(cell.pcpuset), "memory_mb": cell.memory_mb,
            "siblings": [format_cpus(core) for core in cell.siblings if len(core) > 1],
            "pages": [[own.size_kb, own.total, own.reserved] for own in cell.pages],
        }
        for cell in cells
    ], separators=(",", ":"))  # fmt: skip


@functools.lru_cache(maxsize=256)
def read_cells(text: str) -> tuple[HostCell, ...]:
    """Return the cells of a text, with nothing taken of them."""
    return tuple(_read_cell(one) for one in json.loads(text))


def _read_cell(own: Json) -> HostCell:
    cpuset, pcpuset = parse_cpus(own["cpuset"]), parse_cpus(own["pcpuset"])
    cores = [parse_cpus(core) for core in own["siblings"]]
    alone = (cpuset | pcpuset).difference(*cores)
    return HostCell(
        id=own["id"], cpuset=cpuset, pcpuset=pcpuset, memory_mb=own["memory_mb"],
        siblings=tuple(sorted([*cores, *(frozenset({cpu}) for cpu in alone)], key=min)),
        pages=tuple(
            Pages(size_kb=size, total=total, reserved=reserved)
            for size, total, reserved in own["pages"]
        ),
    )  # fmt: skip
