"""Weighers: each gives every host a number; the more, the better.

Loaded by name from the entry points devstack_lite.scheduler.weighers. As in Nova, each weigher's
numbers are spread over 0 to 1 among the hosts that passed, multiplied and added up.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from devstack_lite.objects.compute import GroupPolicy, ScheduleRequest
from services.scheduler.hosts import Column, HostTable


class Weigher(Protocol):
    """What an entry point must name: a class that is made without arguments.

    One that has `least` counts from there: what is below it is as if it were that, and 0 of the
    spread is that, not what the least host has. One that has `sign` turns its multiplier round.
    """

    multiplier_option: str
    """The option of [filter_scheduler] that holds its multiplier; a negative one turns it round."""

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return a number per row."""


class CPUWeigher:
    """Prefers hosts with more virtual CPUs left."""

    multiplier_option = "cpu_weight_multiplier"
    least = 0.0

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the free vcpus."""
        return table.columns["vcpus_weighed"] - table.columns["vcpus_used"]


class RAMWeigher:
    """Prefers hosts with more memory left."""

    multiplier_option = "ram_weight_multiplier"
    least = 0.0

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the free memory in MiB, without the allocation ratio: as Nova does."""
        return table.really_free("memory_mb")


class DiskWeigher:
    """Prefers hosts with more disk left."""

    multiplier_option = "disk_weight_multiplier"
    least = 0.0

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the free disk in GiB, without the allocation ratio: as Nova does."""
        return table.really_free("disk_gb")


class IoOpsWeigher:
    """Counts the builds under way; its multiplier is negative, so that fewer are better."""

    multiplier_option = "io_ops_weight_multiplier"
    least = 0.0

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the builds under way."""
        return table.columns["io_ops"]


class NumInstancesWeigher:
    """Counts the instances; a positive multiplier packs, a negative one spreads."""

    multiplier_option = "num_instances_weight_multiplier"

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the instances."""
        return table.columns["instances"]


class HypervisorVersionWeigher:
    """Prefers newer hypervisors."""

    multiplier_option = "hypervisor_version_weight_multiplier"

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the versions, as libvirt numbers them."""
        return table.columns["hypervisor_version"]


class CrossCellWeigher:
    """Prefers the cell that an instance is in; there is one cell."""

    multiplier_option = "cross_cell_move_weight_multiplier"

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the same everywhere."""
        return np.zeros(len(table))


class _GroupWeigher:
    policy: GroupPolicy
    direction = 1.0

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return how many of the group each host has, for a group of this policy."""
        group = table.group
        if group is None or group.policy != self.policy:
            return np.zeros(len(table))
        members: Column = self.direction * table.hosts.filled(group.members_on)
        return members


class ServerGroupSoftAffinityWeigher(_GroupWeigher):
    """Prefers hosts with more members of the group."""

    policy = GroupPolicy.SOFT_AFFINITY
    multiplier_option = "soft_affinity_weight_multiplier"


class ServerGroupSoftAntiAffinityWeigher(_GroupWeigher):
    """Prefers hosts with fewer members of the group."""

    policy = GroupPolicy.SOFT_ANTI_AFFINITY
    direction = -1.0
    multiplier_option = "soft_anti_affinity_weight_multiplier"


def normalize(weights: Column, least: float | None = None) -> Column | None:
    """Spread weights over 0 to 1, counted from least, or from the least of them.

    None when there is nothing to spread: each would be 0.
    """
    if least is not None:
        weights = np.maximum(weights, least)
    low, high = weights.min() if least is None else least, weights.max()
    if low == high:
        return None
    spread: Column = (weights - low) / (high - low)
    return spread
