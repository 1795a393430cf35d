"""PCI devices: the filter of nodes that have what is wanted, and the weigher that spares them."""

from __future__ import annotations

import numpy as np

from devstack_lite.objects.compute import ScheduleRequest
from devstack_lite.pci.alias import requests_of
from devstack_lite.pci.pools import fits, support
from services.scheduler.hosts import Column, HostTable, Mask


class PciPassthroughFilter:
    """Passes nodes with enough free PCI devices of what pci_passthrough:alias of a flavor names."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where all that is wanted is free. Raises Invalid for an alias that is none."""
        wanted = requests_of(request.boot.flavor.extra_specs)
        if not wanted:
            return np.ones(len(table), dtype=bool)
        fitting: Mask = table.labels["pci_stats"].where(lambda pools: support(pools, wanted))
        return fitting

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return how many of which alias are wanted, and how many are free."""
        stats = table.labels["pci_stats"]
        parts = []
        for one in requests_of(request.boot.flavor.extra_specs):
            free = [
                sum(pool.count for pool in pools if fits(pool.properties, one))
                for pools in stats.found(rejected)
            ]
            amount = f"{min(free)}" if min(free) == max(free) else f"{min(free)} to {max(free)}"
            parts.append(f"wants {one.count} of {one.alias_name}; they have {amount} free")
        return ", ".join(parts)


MOST = 100
"""Of more free devices than these a node is not spared more: they are not scarce. Nova's number."""


class PCIWeigher:
    """Keeps nodes with many free PCI devices free: for instances that want many, or any."""

    multiplier_option = "pci_weight_multiplier"

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the more, the fewer devices are free."""
        return MOST - np.minimum(table.columns["pci_free"], MOST - 1)
