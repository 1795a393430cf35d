"""Weighers: each gives every host a number; the more, the better.

Loaded by name from the entry points devstack_lite.scheduler.weighers. As in Nova, each weigher's
numbers are spread over 0 to 1 among the hosts that passed, multiplied and added up.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from devstack_lite.objects.compute import ScheduleRequest
from services.scheduler.hosts import Column, HostTable


class Weigher(Protocol):
    """What an entry point must name: a class that is made without arguments."""

    multiplier_option: str
    """The option of [scheduler] that holds its multiplier; a negative one turns it round."""

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return a number per row."""


class CPUWeigher:
    """Prefers hosts with more virtual CPUs left."""

    multiplier_option = "cpu_weight_multiplier"

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the free vcpus."""
        return table.free("vcpus")


class RAMWeigher:
    """Prefers hosts with more memory left."""

    multiplier_option = "ram_weight_multiplier"

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the free memory in MiB."""
        return table.free("memory_mb")


class DiskWeigher:
    """Prefers hosts with more disk left."""

    multiplier_option = "disk_weight_multiplier"

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the free disk in GiB."""
        return table.free("disk_gb")


class IoOpsWeigher:
    """Counts the builds under way; its multiplier is negative, so that fewer are better."""

    multiplier_option = "io_ops_weight_multiplier"

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the builds under way."""
        return table.columns["io_ops"]


def normalize(weights: Column) -> Column:
    """Spread weights over 0 to 1; all 0 when they are all the same."""
    low, high = weights.min(), weights.max()
    if low == high:
        return np.zeros_like(weights)
    spread: Column = (weights - low) / (high - low)
    return spread
