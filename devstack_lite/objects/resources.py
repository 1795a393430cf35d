"""What an instance takes of a node, by resource class: of its flavor, and of its extra specs.

The rules are Nova's: `resources:CLASS=amount` overrides what the flavor's size says, 0 included,
and asks for any other class. Each node is one resource provider, so what numbered groups
(`resources1:CLASS`) ask for is asked of that one, together.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devstack_lite.objects.compute import Flavor

VCPU, PCPU, MEMORY_MB, DISK_GB = "VCPU", "PCPU", "MEMORY_MB", "DISK_GB"

STANDARD_CLASSES = (
    VCPU, MEMORY_MB, DISK_GB, "PCI_DEVICE", "SRIOV_NET_VF", "NUMA_SOCKET", "NUMA_CORE",
    "NUMA_THREAD", "NUMA_MEMORY_MB", "IPV4_ADDRESS", "VGPU", "VGPU_DISPLAY_HEAD",
    "NET_BW_EGR_KILOBIT_PER_SEC", "NET_BW_IGR_KILOBIT_PER_SEC", PCPU, "MEM_ENCRYPTION_CONTEXT",
    "FPGA", "PGPU", "NET_PACKET_RATE_KILOPACKET_PER_SEC", "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC",
    "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
)  # fmt: skip
"""Those of os-resource-classes 1.1; each node has the first three of itself."""

CUSTOM_CLASS = re.compile(r"CUSTOM_[A-Z0-9_]+")
GROUP = r"([a-zA-Z0-9_-]{1,64})?"
"""What may stand between `resources` or `trait` and the colon: the name of a group."""
GROUP_POLICIES = ("none", "isolate")

_KEY = re.compile(rf"resources{GROUP}:(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Amounts in the units of the API: MiB of memory, GiB of disk."""

    vcpus: int = 0
    memory_mb: int = 0
    disk_gb: int = 0
    others: Mapping[str, int] = field(default_factory=dict)
    """By class what it takes besides; nothing of a class is left out."""


def is_volume_backed(image_ref: str, volumes: Sequence[Any] | None) -> bool:
    """Say whether what an instance boots from is a volume: it has some, and no image."""
    return not image_ref and bool(volumes)


def resources_of(flavor: Flavor, *, is_volume_backed: bool = False) -> Resources:
    """Return what an instance of a flavor takes; one that boots from a volume has no root disk.

    Nodes have dedicated CPUs among their VCPUs, so both count as these.
    """
    asked: Counter[str] = Counter()
    for amounts in groups_of(flavor.extra_specs).values():
        asked.update(amounts)
    asks_for_cpus = VCPU in asked or PCPU in asked
    disk_gb = flavor.disk_gb - (flavor.root_gb if is_volume_backed else 0)
    return Resources(
        vcpus=asked.pop(VCPU, 0) + asked.pop(PCPU, 0) if asks_for_cpus else flavor.vcpus,
        memory_mb=asked.pop(MEMORY_MB, flavor.memory_mb),
        disk_gb=asked.pop(DISK_GB, disk_gb),
        others={name: amount for name, amount in asked.items() if amount},
    )


def groups_of(extra_specs: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Return the amounts that extra specs ask for, by group and class; "" is the unnamed group.

    What is no class or no amount asks for nothing.
    """
    groups: dict[str, dict[str, int]] = defaultdict(dict)
    for key, value in extra_specs.items():
        match = _KEY.fullmatch(key)
        if match is None or not is_class(match[2]):
            continue
        amount = amount_of(value)
        if amount is not None:
            groups[match[1] or ""][match[2]] = amount
    return groups


def is_class(name: str) -> bool:
    """Say whether there can be a resource class of that name."""
    return name in STANDARD_CLASSES or CUSTOM_CLASS.fullmatch(name) is not None


def amount_of(value: Any) -> int | None:
    """Return the amount that an extra spec's value means; None when it is none."""
    try:
        amount = int(value)
    except (TypeError, ValueError):
        return None
    return amount if amount >= 0 else None


def capacity_of(inventory: Mapping[str, Any]) -> float:
    """Return how much of an inventory can be claimed in all."""
    return float((inventory["total"] - inventory["reserved"]) * inventory["allocation_ratio"])


def has_room(inventory: Mapping[str, Any], used: int, amount: int, count: int = 1) -> bool:
    """Say whether an inventory of which so much is used lets amount be claimed, count times."""
    return (
        inventory["min_unit"] <= amount <= inventory["max_unit"]
        and amount % inventory["step_size"] == 0
        and used + count * amount <= capacity_of(inventory)
    )
