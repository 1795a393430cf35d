"""A node's NUMA cells as libvirt's capabilities tell them, and as Nova reports them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from typing import Any

from devstack_lite.numa.cpus import parse_cpus
from devstack_lite.numa.host import HostCell, Pages, write_cells

_KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuSets:
    """Which CPUs guests share, and which they may have for themselves; None: nobody says."""

    shared: frozenset[int] | None = None
    dedicated: frozenset[int] | None = None

    @classmethod
    def of(cls, own: Any) -> CpuSets:
        """Return what the options of [compute] say. Raises Invalid for what is no set of CPUs."""
        return cls(
            shared=None if own.cpu_shared_set is None else parse_cpus(own.cpu_shared_set),
            dedicated=None if own.cpu_dedicated_set is None else parse_cpus(own.cpu_dedicated_set),
        )

    def divide(self, cell: HostCell) -> HostCell:
        """Return a cell with its CPUs in these sets; those that are in neither are no guest's.

        Where one set alone is named, all others are not in the other: as in Nova, whose hosts
        have both kinds only where both are named, or none.
        """
        if self.shared is None and self.dedicated is None:
            return cell
        shared = cell.cpuset & (self.shared or frozenset())
        dedicated = cell.pcpuset & (self.dedicated or frozenset())
        cores = (core & (shared | dedicated) for core in cell.siblings)
        return replace(
            cell, cpuset=shared, pcpuset=dedicated, siblings=tuple(core for core in cores if core)
        )


def report_cells(capabilities_xml: str, sets: CpuSets) -> str | None:
    """Return what a node reports of its cells, for its row; None when the hypervisor names none."""
    # From the hypervisor, not from a user.
    found = ET.fromstring(capabilities_xml).iterfind("host/topology/cells/cell")  # noqa: S314
    cells = [sets.divide(_cell(element)) for element in found]
    return write_cells(cells) if any(cell.siblings for cell in cells) else None


def _cell(element: ET.Element) -> HostCell:
    cpus = element.findall("cpus/cpu")
    every = frozenset(int(cpu.get("id", "0")) for cpu in cpus)
    cores = {parse_cpus(cpu.get("siblings", "")) & every for cpu in cpus}
    pages = (
        Pages(size_kb=int(own.get("size", "0")), total=int(own.text or "0"))
        for own in element.iterfind("pages")
    )
    return HostCell(
        id=int(element.get("id", "0")),
        cpuset=every,
        pcpuset=every,
        memory_mb=int(element.findtext("memory", default="0")) // _KIB_PER_MIB,
        siblings=tuple(sorted((core for core in cores if core), key=min)),
        pages=tuple(sorted(pages, key=lambda own: own.size_kb)),
    )
