"""Filters and weighers that look at one host at a time, as Nova's do: simpler, and slower.

A plug-in subclasses OneHostFilter or OneHostWeigher and has one method; the table asks it for each
row. At thousands of nodes a mask over the columns is a hundred times quicker.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from devstack_lite.objects.compute import ScheduleRequest
from services.scheduler.figures import FIGURES, Figure, figure, value_of
from services.scheduler.hosts import Column, HostTable, Mask


class HostState:
    """One row of the table: a node's figures as attributes, by Nova's names."""

    def __init__(
        self, table: HostTable, row: int, figures: dict[str, Figure | None] | None = None
    ) -> None:
        """figures: the columns that were asked for already, shared by the rows of one decision."""
        self._table = table
        self._row = row
        self._figures = {} if figures is None else figures
        self.host = table.hosts[row]
        self.nodename = table.nodes[row]
        self.aggregates = table.aggregate_sets[table.set_of[row]]

    def get(self, name: str) -> Any:
        """Return a figure by its name, None when there is no such figure."""
        if name not in self._figures:
            self._figures[name] = figure(self._table, name)
        values = self._figures[name]
        return None if values is None else value_of(values, self._row)

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
        figures: dict[str, Figure | None] = {}
        states = (HostState(table, row, figures) for row in range(len(table)))
        return np.array([self.host_passes(state, request) for state in states], dtype=bool)


class OneHostWeigher:
    """A weigher that is asked for each node."""

    multiplier_option: str

    def weigh_host(self, host_state: HostState, request: ScheduleRequest) -> float:
        """Return a number: the more, the better."""
        raise NotImplementedError

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the numbers of all rows."""
        figures: dict[str, Figure | None] = {}
        states = (HostState(table, row, figures) for row in range(len(table)))
        return np.array([self.weigh_host(state, request) for state in states], dtype=float)
