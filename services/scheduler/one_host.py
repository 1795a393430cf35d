"""Filters and weighers that look at one host at a time, as Nova's do: simpler, and slower.

A plug-in subclasses OneHostFilter or OneHostWeigher and has one method; the table asks it for each
row. At thousands of nodes a mask over the columns is a hundred times quicker.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from devstack_lite.objects.compute import ScheduleRequest
from services.scheduler.hosts import FIGURES, Column, HostTable, Mask


class HostState:
    """One row of the table: a node's figures as attributes, by Nova's names."""

    def __init__(self, table: HostTable, row: int) -> None:
        self._table = table
        self._row = row
        self.host = table.hosts[row]
        self.nodename = table.nodes[row]
        self.aggregates = table.aggregate_sets[table.set_of[row]]

    def get(self, name: str) -> Any:
        """Return a figure by its name, None when there is no such figure."""
        values = self._table.figure(name)
        if values is None:
            return None
        value = values[self._row]
        return value.item() if isinstance(value, np.generic) else value

    def __getattr__(self, name: str) -> Any:
        """Return a figure. Raises AttributeError for another name."""
        if name not in FIGURES:
            raise AttributeError(name)
        return self.get(name)


class OneHostFilter:
    """A filter that is asked for each node."""

    def host_passes(self, host_state: HostState, request: ScheduleRequest) -> bool:
        """Say whether a node may take the instance."""
        raise NotImplementedError

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return the answers for all rows."""
        states = (HostState(table, row) for row in range(len(table)))
        return np.array([self.host_passes(state, request) for state in states], dtype=bool)


class OneHostWeigher:
    """A weigher that is asked for each node."""

    multiplier_option: str

    def weigh_host(self, host_state: HostState, request: ScheduleRequest) -> float:
        """Return a number: the more, the better."""
        raise NotImplementedError

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the numbers of all rows."""
        states = (HostState(table, row) for row in range(len(table)))
        return np.array([self.weigh_host(state, request) for state in states], dtype=float)
