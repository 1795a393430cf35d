"""A server's NUMA cells as the API shows them."""

from __future__ import annotations

from devstack_lite.numa.guest import GuestCell, GuestTopology
from devstack_lite.objects.registry import Json


def shown(topology: GuestTopology | None, *, with_host: bool) -> Json:
    """Return the cells; with_host: which of the host's they are on, and the CPUs that are pinned.

    None is a server that leaves its cells to the node.
    """
    cells = () if topology is None else topology.cells
    sizes = [cell.page_size for cell in cells if cell.page_size]
    return {
        "nodes": [_node(cell, with_host=with_host) for cell in cells],
        "pagesize_kb": sizes[-1] if sizes else None,
    }


def _node(cell: GuestCell, *, with_host: bool) -> Json:
    found: Json = {"vcpu_set": sorted(cell.cpus), "siblings": [], "memory_mb": cell.memory_mb}
    if with_host:
        placed = cell.placed
        pinning = {} if placed is None else placed.pinning
        found["host_node"] = cell.id if placed is None else placed.host_cell
        found["cpu_pinning"] = {str(cpu): own for cpu, own in sorted(pinning.items())}
    return found
