"""A filter in the form for one host, and a weigher in the form for all of them at once."""

from __future__ import annotations

import numpy as np

from devstack_lite.objects.compute import ScheduleRequest
from services.scheduler.hosts import Column, HostTable
from services.scheduler.one_host import HostState, OneHostFilter

MOST_BUILDS = 2


class QuietHostFilter(OneHostFilter):
    """Passes nodes on which fewer than MOST_BUILDS instances are being built."""

    def host_passes(self, host_state: HostState, request: ScheduleRequest) -> bool:
        """Say whether a node is quiet."""
        return bool(host_state.num_io_ops < MOST_BUILDS)


class EvenNodesWeigher:
    """Prefers nodes whose number of instances is even, for people who like it so."""

    multiplier_option = "cpu_weight_multiplier"

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return 1 where it is even, and 0 elsewhere."""
        return np.asarray(table.columns["instances"] % 2 == 0, dtype=float)
