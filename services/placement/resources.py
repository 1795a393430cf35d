"""A node as a resource provider: what it has of each resource class, and how much is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from devstack_lite.objects.compute import ComputeNode
from devstack_lite.objects.placement import Allocation
from devstack_lite.objects.resources import DISK_GB, MEMORY_MB, STANDARD_CLASSES, VCPU
from devstack_lite.objects.resources import capacity_of as exact_capacity_of
from devstack_lite.objects.resources import has_room as inventory_has_room

Json = dict[str, Any]


def inventories_of(node: ComputeNode) -> dict[str, Json]:
    """Return a node's inventories by class; what it has nothing of is left out.

    max_unit is all that can be claimed: claims are refused for a node that is full, never for
    being larger than what is there without its allocation ratio.
    """
    rows = (
        (VCPU, node.vcpus, node.reserved_vcpus, node.cpu_allocation_ratio),
        (MEMORY_MB, node.memory_mb, node.reserved_memory_mb, node.ram_allocation_ratio),
        (DISK_GB, node.disk_gb, node.reserved_disk_gb, node.disk_allocation_ratio),
    )
    own = {
        name: {
            "total": total,
            "reserved": reserved,
            "min_unit": 1,
            "max_unit": max(1, int((total - reserved) * ratio)),
            "step_size": 1,
            "allocation_ratio": ratio,
        }
        for name, total, reserved, ratio in rows
        if total > 0
    }
    return {**own, **node.inventories}


def capacity_of(inventory: Mapping[str, Any]) -> int:
    """Return how much of an inventory can be claimed in all."""
    return int(exact_capacity_of(inventory))


def usages_of(node: ComputeNode) -> dict[str, int]:
    """Return how much of each class is claimed, for the classes that the node has."""
    used = {VCPU: node.vcpus_used, MEMORY_MB: node.memory_mb_used, DISK_GB: node.disk_gb_used}
    used |= node.resources_used
    return {name: used.get(name, 0) for name in inventories_of(node)}


def has_room(node: ComputeNode, wanted: Mapping[str, int]) -> bool:
    """Say whether a node could take what is wanted now."""
    inventories, used = inventories_of(node), usages_of(node)
    return all(
        name in inventories and inventory_has_room(inventories[name], used[name], amount)
        for name, amount in wanted.items()
    )


def resources_of(one: Allocation) -> dict[str, int]:
    """Return what an allocation takes, by class; nothing of a class is left out."""
    taken = {
        VCPU: one.vcpus, MEMORY_MB: one.memory_mb, DISK_GB: one.disk_gb, **one.resources,
    }  # fmt: skip
    return {name: amount for name, amount in taken.items() if amount}


def total_of(allocations: Iterable[Allocation]) -> dict[str, int]:
    """Return what allocations take together, by class."""
    total: Counter[str] = Counter()
    for one in allocations:
        total.update(resources_of(one))
    return dict(total)


def known_classes(nodes: Iterable[ComputeNode]) -> list[str]:
    """Return every resource class that there is: the standard ones, and what nodes have besides."""
    custom = {name for node in nodes for name in (*node.inventories, *node.resources_used)}
    return [*STANDARD_CLASSES, *sorted(custom)]
