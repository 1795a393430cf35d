"""The filter over NUMA cells: hw:numa_nodes, hw:cpu_policy, hw:mem_page_size and what goes with it.

What nodes have and what is taken of it is text in the table, which few rows differ in: each
different pair is looked at once, and only for a request that wants something of cells. Most pairs
are those of the last decision, whose answers are kept.
"""

from __future__ import annotations

import functools

import numpy as np
from oslo_config import cfg

from devstack_lite.numa.fit import Limits, fit
from devstack_lite.numa.guest import CpuPolicy, GuestTopology, ThreadPolicy, write_guest
from devstack_lite.numa.host import HostCell, read_cells
from devstack_lite.numa.use import Use
from devstack_lite.numa.wanted import wanted_topology
from devstack_lite.objects.compute import BootRequest, ScheduleRequest
from services.scheduler.hosts import HostTable, Mask


class NUMATopologyFilter:
    """Passes nodes with cells that the guest's cells fit on, each on one of its own."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where they fit; everywhere for a guest that leaves its cells to the node."""
        boot = request.boot
        wanted = wanted_topology(boot.flavor, boot.image_properties)
        if wanted is None:
            return np.ones(len(table), dtype=bool)
        needs_threads = _needs_threads(boot)
        known: dict[tuple[int, str | None, float, float], bool] = {}
        found = np.zeros(len(table), dtype=bool)
        codes = table.labels["numa_topology"].codes.tolist()
        cpu_ratios = table.columns["cpu_allocation_ratio"].tolist()
        ram_ratios = table.columns["ram_allocation_ratio"].tolist()
        for row, alike in enumerate(
            zip(codes, map(table.numa_used.get, range(len(table))), cpu_ratios, ram_ratios,
                strict=True)
        ):  # fmt: skip
            if alike not in known:
                known[alike] = _fits(
                    table.labels["numa_topology"][row], table.numa_used.get(row), wanted,
                    _limits_of(table, row), needs_threads,
                )  # fmt: skip
            found[row] = known[alike]
        return found

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return the cells that are wanted, and how many the nodes have."""
        wanted = wanted_topology(request.boot.flavor, request.boot.image_properties)
        if wanted is None:
            return ""
        texts = table.labels["numa_topology"].found(rejected)
        counts = sorted({len(_cells_on(text, None)) for text in texts})
        there = " or ".join(str(count) for count in counts)
        return f"wants {_described(wanted)}; they have {there} NUMA cells without that much room"


def wanted_cells(boot: BootRequest) -> str | None:
    """Return what a boot's claims want of NUMA cells; None for nothing."""
    wanted = wanted_topology(boot.flavor, boot.image_properties)
    return None if wanted is None else write_guest(wanted)


def take_cells(table: HostTable, row: int, boot: BootRequest) -> None:
    """Take what one instance has of a node's cells, in this copy."""
    wanted = wanted_topology(boot.flavor, boot.image_properties)
    if wanted is None:
        return
    placed = fit(_cells_of(table, row), wanted, _limits_of(table, row))
    if placed is not None:
        used = Use(table.numa_used.get(row))
        used.add(placed)
        table.note_numa_use(row, used.to_text())


@functools.lru_cache(maxsize=32768)
def _fits(
    text: str | None, used: str | None, wanted: GuestTopology, limits: Limits, needs_threads: bool
) -> bool:
    cells = _cells_on(text, used)
    return _has_threads(cells, needs_threads) and fit(cells, wanted, limits) is not None


def _cells_of(table: HostTable, row: int) -> tuple[HostCell, ...]:
    return _cells_on(table.labels["numa_topology"][row], table.numa_used.get(row))


def _cells_on(text: str | None, used: str | None) -> tuple[HostCell, ...]:
    return Use(used).on(read_cells(text)) if text else ()


def _limits_of(table: HostTable, row: int) -> Limits:
    return Limits(
        cpu_allocation_ratio=float(table.columns["cpu_allocation_ratio"][row]),
        ram_allocation_ratio=float(table.columns["ram_allocation_ratio"][row]),
        is_packing=cfg.CONF.compute.packing_host_numa_cells_allocation_strategy,
    )


def _needs_threads(boot: BootRequest) -> bool:
    """Say whether flavor or image, each by itself, wants dedicated threads of one core."""
    said = (boot.flavor.extra_specs, "hw:"), (boot.image_properties, "hw_")
    policies = [own.get(f"{prefix}cpu_policy") for own, prefix in said]
    threads = [own.get(f"{prefix}cpu_thread_policy") for own, prefix in said]
    return CpuPolicy.DEDICATED in policies and ThreadPolicy.REQUIRE in threads


def _has_threads(cells: tuple[HostCell, ...], needs_threads: bool) -> bool:
    return not needs_threads or any(cell.threads_per_core > 1 for cell in cells)


def _described(wanted: GuestTopology) -> str:
    parts = [f"{len(wanted.cells)} NUMA cells" if len(wanted.cells) > 1 else "one NUMA cell"]
    dedicated = sum(len(cell.pcpuset) for cell in wanted.cells)
    if dedicated:
        parts.append(f"{dedicated} dedicated CPUs")
    if wanted.thread_policy is not None:
        parts.append(f"thread policy {wanted.thread_policy}")
    size = wanted.cells[0].page_size
    if size:
        words = {-1: "small", -2: "large", -3: "any"}
        parts.append(f"memory pages of {words.get(size, f'{size} KiB')}")
    return ", ".join(parts)
