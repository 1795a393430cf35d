"""Whether a guest's NUMA cells fit on a node's, and where: Nova's answer, and Nova's choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from devstack_lite.numa.guest import (
    ANY,
    LARGE,
    SMALL,
    EmulatorPolicy,
    GuestCell,
    GuestTopology,
    Placed,
    ThreadPolicy,
)
from devstack_lite.numa.host import HostCell
from devstack_lite.numa.packing import Pinning, pin
from devstack_lite.numa.use import KIB_PER_MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How often shared CPUs and memory of a cell may be promised; is_packing: full cells first."""

    cpu_allocation_ratio: float = 1.0
    ram_allocation_ratio: float = 1.0
    is_packing: bool = False


def fit(cells: Sequence[HostCell], wanted: GuestTopology, limits: Limits) -> GuestTopology | None:
    """Return the topology with a place on different cells of a node; None when it has none."""
    if len(cells) < len(wanted.cells):
        return None
    if len(cells) > len(wanted.cells):
        cells = _in_order(cells, wanted, is_packing=limits.is_packing)
    trial = _Trial(wanted, limits)
    placed = None if trial.is_hopeless(cells) else trial.place(cells, ())
    return None if placed is None else replace(wanted, cells=placed)


def _in_order(
    cells: Sequence[HostCell], wanted: GuestTopology, *, is_packing: bool
) -> list[HostCell]:
    """Return the cells with most room first, or last; equal ones as they come, as Nova does."""
    by_memory = sorted(cells, key=lambda cell: cell.free_memory_mb, reverse=not is_packing)
    if wanted.has_dedicated:
        return sorted(by_memory, key=lambda cell: len(cell.free_pcpus), reverse=not is_packing)
    return sorted(by_memory, key=lambda cell: cell.cpu_usage, reverse=is_packing)


class _Trial:
    """One guest tried on one node; no pair of cells is looked at twice, and no dead end."""

    def __init__(self, wanted: GuestTopology, limits: Limits) -> None:
        self._wanted = wanted
        self._limits = limits
        self._answers: dict[tuple[int, int], GuestCell | None] = {}
        self._dead_ends: set[tuple[int, ...]] = set()
        """The cells that were left where the guest's next ones found no place: as many as are left
        tell how many were placed, and the answers for pairs do not change."""
        self._page_sizes: dict[int, int] = {}
        """What a cell that left the size to the node got first: it asks for that from then on,
        wherever it is tried. Nova's way, and seen in its answers."""

    def is_hopeless(self, cells: Sequence[HostCell]) -> bool:
        """Say whether a cell fits on none, whatever the others do.

        Not asked of one that leaves its page size to the node: that is settled as cells are tried.
        """
        return any(
            (guest.page_size or 0) >= 0
            and all(self._answer(cell, guest, is_first=not at) is None for cell in cells)
            for at, guest in enumerate(self._wanted.cells)
        )

    def place(
        self, cells: Sequence[HostCell], placed: tuple[GuestCell, ...]
    ) -> tuple[GuestCell, ...] | None:
        """Return a place for every guest cell, those that have one included, on cells left."""
        if len(placed) == len(self._wanted.cells):
            return placed
        key = tuple(cell.id for cell in cells)
        if key in self._dead_ends:
            return None
        for cell in cells:
            found = self._answer(cell, self._wanted.cells[len(placed)], is_first=not placed)
            if found is None:
                continue
            left = [other for other in cells if other is not cell]
            answer = self.place(left, (*placed, found))
            if answer is not None:
                return answer
        self._dead_ends.add(key)
        return None

    def _answer(self, host: HostCell, guest: GuestCell, *, is_first: bool) -> GuestCell | None:
        pair = (host.id, guest.id)
        if pair not in self._answers:
            # The hypervisor's threads are beside the first cell.
            is_isolated = self._wanted.emulator_policy is EmulatorPolicy.ISOLATE
            self._answers[pair] = self._fit_cell(host, guest, int(is_first and is_isolated))
        return self._answers[pair]

    def _fit_cell(self, host: HostCell, guest: GuestCell, reserve: int) -> GuestCell | None:
        page_size = guest.page_size
        if page_size:
            page_size = _page_size(host, guest, self._page_sizes.get(guest.id, page_size))
            if page_size is None:
                return None
            self._page_sizes[guest.id] = page_size
        elif not self._has_memory(host, guest):
            return None
        pinning = self._pin(host, guest, reserve)
        if pinning is None or (self._wanted.has_shared and not self._has_shares(host, guest)):
            return None
        smallest = host.pages[0].size_kb if host.pages else 0
        pinned = frozenset(pinning.of.values()) | pinning.reserved
        if self._wanted.thread_policy is ThreadPolicy.ISOLATE:
            pinned = pinned.union(*(core for core in host.siblings if core & pinned))
        return replace(
            guest, page_size=page_size,
            placed=Placed(
                host_cell=host.id, pinning=pinning.of, reserved=pinning.reserved, pinned=pinned,
                floats_on=host.cpuset, memory_page_kb=page_size or smallest,
            ),
        )  # fmt: skip

    def _has_memory(self, host: HostCell, guest: GuestCell) -> bool:
        """Say whether there is memory for a guest that does not care for pages.

        Without dedicated CPUs it may be promised twice, though never to one guest.
        """
        if host.pages:
            smallest = host.pages[0]
            there = smallest.free_kb if self._wanted.has_dedicated else smallest.total_kb
            return _fits_pages(guest, smallest.size_kb, there)
        there = host.free_memory_mb if self._wanted.has_dedicated else host.memory_mb
        return guest.memory_mb <= there

    def _pin(self, host: HostCell, guest: GuestCell, reserve: int) -> Pinning | None:
        """Return the host CPUs that are the guest's alone; None when there are too few."""
        if self._wanted.has_shared and len(guest.cpuset) > len(host.cpuset):
            return None
        if not self._wanted.has_dedicated:
            return Pinning(of={})
        # A cell without any CPU has no place among dedicated ones, as in Nova.
        if not guest.cpus or len(guest.pcpuset) + reserve > len(host.free_pcpus):
            return None
        return pin(host, guest, self._wanted.thread_policy, reserve=reserve)

    def _has_shares(self, host: HostCell, guest: GuestCell) -> bool:
        cpus = host.cpu_usage + len(guest.cpuset)
        memory_mb = host.memory_usage + guest.memory_mb
        return (
            cpus <= len(host.cpuset) * self._limits.cpu_allocation_ratio
            and memory_mb <= host.memory_mb * self._limits.ram_allocation_ratio
        )


def _page_size(host: HostCell, guest: GuestCell, wanted: int) -> int | None:
    """Return the largest size that is wanted and free; small is the smallest that there is."""
    choice = host.pages
    if wanted == SMALL:
        choice = host.pages[:1]
    elif wanted == LARGE:
        choice = host.pages[1:]
    elif wanted != ANY:
        choice = tuple(pages for pages in host.pages if pages.size_kb == wanted)
    for pages in reversed(choice):
        if _fits_pages(guest, pages.size_kb, pages.free_kb):
            return pages.size_kb
    return None


def _fits_pages(guest: GuestCell, size_kb: int, there_kb: int) -> bool:
    wanted_kb = guest.memory_mb * KIB_PER_MIB
    return wanted_kb <= there_kb and wanted_kb % size_kb == 0
