"""A simulated node's NUMA cells, and how libvirt's capabilities show them.

Source: https://libvirt.org/formatcaps.html (host/topology/cells).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SMALL_PAGE_KIB = 4
NEAR, FAR = 10, 20
"""A cell's distance to itself, and to any other: what a machine with two sockets says."""

_PAGES = re.compile(r"\s*(\d+)\s*:\s*(\d+)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: its cores, each of the numbers of its threads, and its pages by size in KiB."""

    id: int
    cores: tuple[tuple[int, ...], ...]
    memory_mb: int
    pages: Mapping[int, int]


def make_cells(
    count: int, cpus: int, memory_mb: int, *, threads: int, huge_pages: str
) -> tuple[Cell, ...]:
    """Return the cells of a node whose CPUs and memory they share as evenly as they can.

    The threads of a core have neighbouring numbers. Raises ValueError, one sentence.
    """
    if cpus < count:
        raise ValueError(f"{count} NUMA cells need at least as many CPUs, there are {cpus}")
    huge = _parse(huge_pages)
    cells = []
    for number in range(count):
        own = range(number * cpus // count, (number + 1) * cpus // count)
        own_mb = (number + 1) * memory_mb // count - number * memory_mb // count
        small_kib = own_mb * 1024 - sum(size * pages for size, pages in huge.items())
        if small_kib < 0:
            raise ValueError(f"huge pages '{huge_pages}' are more than a cell's {own_mb} MiB")
        cells.append(
            Cell(
                id=number,
                cores=tuple(
                    tuple(own[start : start + threads]) for start in range(0, len(own), threads)
                ),
                memory_mb=own_mb,
                pages={SMALL_PAGE_KIB: small_kib // SMALL_PAGE_KIB, **huge},
            )
        )
    return tuple(cells)


def _parse(text: str) -> dict[int, int]:
    found = {}
    for part in filter(None, text.split(",")):
        match = _PAGES.fullmatch(part)
        if match is None or int(match[1]) <= SMALL_PAGE_KIB:
            raise ValueError(
                f"huge pages are SIZE:COUNT, the size more than {SMALL_PAGE_KIB} KiB; got '{part}'"
            )
        found[int(match[1])] = int(match[2])
    return dict(sorted(found.items()))


def topology_xml(cells: Sequence[Cell]) -> str:
    """Return the <topology> of a host's capabilities."""
    shown = "\n".join(_cell_xml(cell, len(cells)) for cell in cells)
    return (
        f'    <topology>\n      <cells num="{len(cells)}">\n{shown}\n      </cells>\n'
        "    </topology>"
    )


def _cell_xml(cell: Cell, count: int) -> str:
    lines = [f'<cell id="{cell.id}">', f'  <memory unit="KiB">{cell.memory_mb * 1024}</memory>']
    lines += [
        f'  <pages unit="KiB" size="{size}">{pages}</pages>' for size, pages in cell.pages.items()
    ]
    lines.append("  <distances>")
    lines += [
        f'    <sibling id="{other}" value="{NEAR if other == cell.id else FAR}"/>'
        for other in range(count)
    ]
    lines += ["  </distances>", f'  <cpus num="{sum(map(len, cell.cores))}">']
    for number, core in enumerate(cell.cores):
        siblings = f"{core[0]}-{core[-1]}" if len(core) > 1 else str(core[0])
        lines += [
            f'    <cpu id="{cpu}" socket_id="{cell.id}" die_id="0" core_id="{number}"'
            f' siblings="{siblings}"/>'
            for cpu in core
        ]
    lines += ["  </cpus>", "</cell>"]
    return "\n".join(f"        {line}" for line in lines)
