"""Claims on the resource classes that an operator gives nodes: the part of a claim beside its size.

Each function is called in a transaction that holds the nodes' version, and reads the node's row
locked: what it returns is written by the same update that takes or gives back the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.schema import compute_nodes
from devstack_lite.objects.registry import Json
from devstack_lite.objects.resources import has_room


def taken(connection: Connection, node: str, amounts: Mapping[str, int], count: int) -> Json | None:
    """Return what is used of a node once count claims have these amounts of it; None: no room."""
    row = _locked(connection, node)
    if row is None:
        return None
    inventories, used = row.inventories or {}, dict(row.resources_used or {})
    for name, amount in amounts.items():
        held = used.get(name, 0)
        if name not in inventories or not has_room(inventories[name], held, amount, count):
            return None
        used[name] = held + count * amount
    return used


def given_back(connection: Connection, node: str, amounts: Mapping[str, int]) -> Json:
    """Return what is used of a node without these amounts; nothing of a class is left out."""
    row = _locked(connection, node)
    used = dict(row.resources_used or {}) if row is not None else {}
    for name, amount in amounts.items():
        used[name] = used.get(name, 0) - amount
    return {name: amount for name, amount in used.items() if amount}


def _locked(connection: Connection, node: str) -> Any:
    own = compute_nodes.c
    return connection.execute(
        sa.select(own.inventories, own.resources_used)
        .where(own.hypervisor_hostname == node)
        .with_for_update()
    ).one_or_none()
