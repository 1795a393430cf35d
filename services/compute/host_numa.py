"""A node's NUMA cells as libvirt's capabilities tell them, and as Nova reports them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from devstack_lite.exceptions import Invalid
from devstack_lite.numa.cpus import parse_cpus
from devstack_lite.numa.host import HostCell, Pages, write_cells
from devstack_lite.numa.pages import page_size_of

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
            shared=_cpus_of("cpu_shared_set", own.cpu_shared_set),
            dedicated=_cpus_of("cpu_dedicated_set", own.cpu_dedicated_set),
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


def _cpus_of(name: str, text: str | None) -> frozenset[int] | None:
    try:
        return None if text is None else parse_cpus(text)
    except Invalid as error:
        raise Invalid(f"[compute] {name}: {error}") from None


Reserved = Mapping[tuple[int, int], int]
"""By cell and size in KiB how many pages are not for guests."""


def reserved_pages(lines: Iterable[Mapping[str, str]]) -> Reserved:
    """Return what the option reserved_huge_pages says. Raises Invalid, in Nova's words."""
    try:
        return {
            (int(line["node"]), int(page_size_of(line["size"]))): int(line["count"])
            for line in lines
        }
    except (KeyError, ValueError):
        raise Invalid(
            f"The format of the option 'reserved_huge_pages' is invalid. (found {list(lines)})"
            " Please refer to the nova config-reference."
        ) from None


def report_cells(capabilities_xml: str, sets: CpuSets, reserved: Reserved) -> str | None:
    """Return what a node reports of its cells, for its row; None when the hypervisor names none."""
    # From the hypervisor, not from a user.
    found = ET.fromstring(capabilities_xml).iterfind("host/topology/cells/cell")  # noqa: S314
    cells = [_without(sets.divide(_cell(element)), reserved) for element in found]
    return write_cells(cells) if any(cell.siblings for cell in cells) else None


def _without(cell: HostCell, reserved: Reserved) -> HostCell:
    pages = (replace(own, reserved=reserved.get((cell.id, own.size_kb), 0)) for own in cell.pages)
    return replace(cell, pages=tuple(pages))


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
