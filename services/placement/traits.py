"""Which traits there are: the standard ones, and what this cloud's nodes have besides."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from devstack_lite.objects.compute import ComputeNode


@cache
def standard() -> frozenset[str]:
    """Return the standard traits: the names of os-traits 3.9."""
    return frozenset(Path(__file__).with_name("standard_traits.txt").read_text().split())


def known(nodes: Iterable[ComputeNode]) -> frozenset[str]:
    """Return every trait that a request may name."""
    return standard() | {trait for node in nodes for trait in node.traits}
