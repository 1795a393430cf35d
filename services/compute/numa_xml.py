"""A guest's NUMA cells in its domain's XML, as Nova writes them. Pure functions.

Source: https://libvirt.org/formatdomain.html (cputune, numatune, cpu/numa, memoryBacking).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from devstack_lite.numa.cpus import format_cpus
from devstack_lite.numa.guest import EmulatorPolicy, GuestCell, GuestTopology, Placed

_SMALL_PAGE_KIB = 4
"""The pages that every guest has unless it says otherwise; they are no huge pages to libvirt."""
_REALTIME = {"scheduler": "fifo", "priority": "1"}
"""Nova's, with the default of its option realtime_scheduler_priority."""
_OURS = ("memoryBacking", "cputune", "numatune", "cpu")


def add_cells(root: ET.Element, topology: GuestTopology) -> None:
    """Add to a <domain> which of the host's CPUs, cells and pages the guest has."""
    pairs = [(cell, cell.placed) for cell in topology.cells if cell.placed is not None]
    _add_pages(root, pairs)
    _add_cpus(ET.SubElement(root, "cputune"), topology, pairs)
    tune = ET.SubElement(root, "numatune")
    nodes = format_cpus(placed.host_cell for _, placed in pairs)
    ET.SubElement(tune, "memory", mode="strict", nodeset=nodes)
    for number, (_, placed) in enumerate(pairs):
        ET.SubElement(
            tune, "memnode", cellid=str(number), mode="strict", nodeset=str(placed.host_cell)
        )
    numa = ET.SubElement(ET.SubElement(root, "cpu"), "numa")
    for number, (cell, _) in enumerate(pairs):
        shown = ET.SubElement(
            numa, "cell", id=str(number), cpus=format_cpus(cell.cpus),
            memory=str(cell.memory_mb * 1024), unit="KiB",
        )  # fmt: skip
        if _is_huge(cell):
            shown.set("memAccess", "shared")


def with_cells(xml: str, topology: GuestTopology) -> str:
    """Return a guest's document with other places for its cells: those of the node it goes to."""
    root = ET.fromstring(xml)  # noqa: S314 - from the hypervisor, not from a user
    for name in _OURS:
        for element in root.findall(name):
            root.remove(element)
    add_cells(root, topology)
    return ET.tostring(root, encoding="unicode")


def _is_huge(cell: GuestCell) -> bool:
    return (cell.page_size or 0) > _SMALL_PAGE_KIB


def _add_pages(root: ET.Element, pairs: list[tuple[GuestCell, Placed]]) -> None:
    huge = [(number, cell) for number, (cell, _) in enumerate(pairs) if _is_huge(cell)]
    if not huge:
        return
    backing = ET.SubElement(ET.SubElement(root, "memoryBacking"), "hugepages")
    for number, cell in huge:
        ET.SubElement(backing, "page", size=str(cell.page_size), unit="KiB", nodeset=str(number))


def _add_cpus(
    tune: ET.Element, topology: GuestTopology, pairs: list[tuple[GuestCell, Placed]]
) -> None:
    pins: dict[int, frozenset[int]] = {}
    for cell, placed in pairs:
        for cpu in cell.cpus:
            own = placed.pinning.get(cpu)
            pins[cpu] = placed.floats_on if own is None else frozenset({own})
    for cpu, host_cpus in sorted(pins.items()):
        ET.SubElement(tune, "vcpupin", vcpu=str(cpu), cpuset=format_cpus(host_cpus))
    emulator = _emulator_cpus(topology, [placed for _, placed in pairs], pins)
    if emulator:
        ET.SubElement(tune, "emulatorpin", cpuset=format_cpus(emulator))
    if topology.realtime:
        ET.SubElement(tune, "vcpusched", {"vcpus": format_cpus(topology.realtime), **_REALTIME})


def _emulator_cpus(
    topology: GuestTopology, places: list[Placed], pins: dict[int, frozenset[int]]
) -> frozenset[int]:
    """Return where the hypervisor's own threads run: beside the guest's CPUs, unless it says."""
    nothing: frozenset[int] = frozenset()
    if topology.emulator_policy is EmulatorPolicy.ISOLATE:
        return nothing.union(*(placed.reserved for placed in places))
    if topology.emulator_policy is EmulatorPolicy.SHARE:
        shared = nothing.union(*(placed.floats_on for placed in places))
        # Where the host does not set shared CPUs apart there are none to go to.
        if shared and shared.isdisjoint(nothing.union(*(placed.pinned for placed in places))):
            return shared
    return nothing.union(*(own for cpu, own in pins.items() if cpu not in topology.realtime))
