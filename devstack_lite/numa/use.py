"""What the guests on a node take of its cells: the sum of their topologies, as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from devstack_lite.numa.cpus import format_cpus, parse_cpus
from devstack_lite.numa.guest import GuestTopology
from devstack_lite.numa.host import HostCell
from devstack_lite.objects.registry import Json

KIB_PER_MIB = 1024


class Use:
    """By cell what is taken: shared CPUs, MiB of memory, pages by size, host CPUs for good."""

    def __init__(self, text: str | None = None) -> None:
        """text: what to_text returned; None: nothing is taken."""
        own: Json = json.loads(text) if text else {}
        self._cells: dict[int, Json] = {
            int(cell): {**taken, "pinned": set(parse_cpus(taken["pinned"]))}
            for cell, taken in own.items()
        }

    @classmethod
    def of(cls, topologies: Iterable[GuestTopology]) -> Use:
        """Return what these take together."""
        found = cls()
        for topology in topologies:
            found.add(topology)
        return found

    def to_text(self) -> str | None:
        """Return it as text, the same for the same use; None for nothing."""
        own = {
            str(cell): {
                "cpus": taken["cpus"], "memory_mb": taken["memory_mb"],
                "pinned": format_cpus(taken["pinned"]),
                "pages": {size: count for size, count in sorted(taken["pages"].items()) if count},
            }
            for cell, taken in sorted(self._cells.items())
            if taken["cpus"] or taken["memory_mb"] or taken["pinned"]
        }  # fmt: skip
        return json.dumps(own, separators=(",", ":")) if own else None

    def overlaps(self, topology: GuestTopology) -> bool:
        """Say whether a guest would have a CPU that is somebody's already."""
        return any(
            cell.placed is not None
            and cell.placed.host_cell in self._cells
            and cell.placed.pinned & self._cells[cell.placed.host_cell]["pinned"]
            for cell in topology.cells
        )

    def add(self, topology: GuestTopology) -> None:
        """Count a guest's cells that have a place."""
        self._change(topology, 1)

    def remove(self, topology: GuestTopology) -> None:
        """Give back what add took for the same guest."""
        self._change(topology, -1)

    def _change(self, topology: GuestTopology, sign: int) -> None:
        for cell in topology.cells:
            placed = cell.placed
            if placed is None:
                continue
            own = self._cells.setdefault(
                placed.host_cell, {"cpus": 0, "memory_mb": 0, "pinned": set(), "pages": {}}
            )
            own["cpus"] += sign * len(cell.cpuset)
            own["memory_mb"] += sign * cell.memory_mb
            if sign > 0:
                own["pinned"] |= placed.pinned
            else:
                own["pinned"] -= placed.pinned
            if placed.memory_page_kb:
                size = str(placed.memory_page_kb)
                pages = cell.memory_mb * KIB_PER_MIB // placed.memory_page_kb
                own["pages"][size] = own["pages"].get(size, 0) + sign * pages

    def on(self, cells: Sequence[HostCell]) -> tuple[HostCell, ...]:
        """Return a node's cells with this taken of them."""
        return tuple(self._on_one(cell) for cell in cells)

    def _on_one(self, cell: HostCell) -> HostCell:
        own = self._cells.get(cell.id)
        if own is None:
            return cell
        return replace(
            cell, cpu_usage=own["cpus"], memory_usage=own["memory_mb"],
            pinned=frozenset(own["pinned"]),
            pages=tuple(
                replace(pages, used=own["pages"].get(str(pages.size_kb), 0))
                for pages in cell.pages
            ),
        )  # fmt: skip
