"""Whether the books of nodes' NUMA cells are right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from devstack_lite.invariants.snapshot import Snapshot
from devstack_lite.numa.guest import read_guest
from devstack_lite.numa.use import Use


def find_wrong_cells(snapshot: Snapshot) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what is wrong, and of whom: CPUs that two have, nodes whose use is not their claims."""
    counted: dict[str, Use] = defaultdict(Use)
    for claim in snapshot.claims:
        if claim.numa_topology is None:
            continue
        topology = read_guest(claim.numa_topology)
        if counted[claim.node].overlaps(topology):
            yield "has a CPU that is another's, too", (claim.instance_uuid, claim.node)
        counted[claim.node].add(topology)
    for node in snapshot.nodes:
        found = counted[node.node].to_text()
        if found != node.numa_used:
            yield f"{node.numa_used} of its cells used, and {found} claimed", (node.node,)
