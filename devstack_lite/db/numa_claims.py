"""What a claim takes of its node's NUMA cells: in the claim's transaction, never anywhere else.

A node's row says what its claims take together, each claim's own what it has. Whoever changes them
holds the nodes' counter (db.claims.next_version), so that no two guests get one dedicated CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.schema import claims, compute_nodes
from devstack_lite.numa.fit import Limits
from devstack_lite.numa.fit import fit as fit_on
from devstack_lite.numa.guest import read_guest, write_guest
from devstack_lite.numa.host import read_cells
from devstack_lite.numa.use import Use
from devstack_lite.objects.registry import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What a guest has of a node's cells, and what is taken of them with it."""

    topology: str
    used: str | None


def fit(connection: Connection, node: str, wanted: str, *, is_packing: bool) -> Fitted | None:
    """Find a guest's cells a place on a node as it is now; None when there is none left."""
    row = _locked(connection, node)
    if row is None or not row.numa_topology:
        return None
    used = Use(row.numa_used)
    limits = Limits(
        cpu_allocation_ratio=row.cpu_allocation_ratio,
        ram_allocation_ratio=row.ram_allocation_ratio,
        is_packing=is_packing,
    )
    found = fit_on(used.on(read_cells(row.numa_topology)), read_guest(wanted), limits)
    # `isolate` may reserve a thread of a core that another guest has in part, as in Nova.
    if found is None or used.overlaps(found):
        return None
    used.add(found)
    return Fitted(topology=write_guest(found), used=used.to_text())


def given_back(connection: Connection, node: str, rows: Sequence[Any]) -> dict[str, str | None]:
    """Return what a node's row says of its cells without these claims; nothing where none had any.

    rows: whole claims, of any node.
    """
    topologies = [row.numa_topology for row in rows if row.node == node and row.numa_topology]
    row = _locked(connection, node) if topologies else None
    if row is None:
        return {}
    used = Use(row.numa_used)
    for topology in topologies:
        used.remove(read_guest(topology))
    return {"numa_used": used.to_text()}


def _locked(connection: Connection, node: str) -> Any | None:
    """Read a node's row as it is now, whatever the transaction has seen of it before."""
    own = compute_nodes.c
    return connection.execute(
        sa.select(
            own.numa_topology, own.numa_used, own.cpu_allocation_ratio, own.ram_allocation_ratio
        )
        .where(own.hypervisor_hostname == node)
        .with_for_update()
    ).one_or_none()


def topology_of(connection: Connection, uuid: str, node: str | None) -> str | None:
    """Return what an instance has of a node's cells, as devstack_lite.numa.guest writes it.

    None: it leaves them to the node, or is not there.
    """
    own = claims.c
    query = sa.select(own.numa_topology).where(own.instance_uuid == uuid, own.node == (node or ""))
    return connection.execute(query).scalar_one_or_none()


def kept(connection: Connection, uuid: str, node: str | None) -> Json:
    """Return the same as arguments of an operation that has the guest's document written anew."""
    found = topology_of(connection, uuid, node)
    return {} if found is None else {"numa_topology": found}
