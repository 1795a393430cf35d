"""Which traits there are: the standard ones, and what this cloud's nodes have besides."""

from __future__ import annotations

from collections.abc import Iterable

from devstack_lite.objects.compute import ComputeNode
from devstack_lite.standard_traits import standard


def known(nodes: Iterable[ComputeNode]) -> frozenset[str]:
    """Return every trait that a request may name."""
    return standard() | {trait for node in nodes for trait in node.traits}
