"""One decision: filter the table, weigh what is left, take the best.

Pure: a table and a request in, selections out; claims and messages are services.scheduler.place's.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import Place, ScheduleRequest
from devstack_lite.objects.registry import Json
from devstack_lite.pci.alias import EXTRA_SPEC, requests_of
from services.scheduler.aggregate_filters import per_row
from services.scheduler.filters import Filter
from services.scheduler.hosts import Column, HostTable, Mask
from services.scheduler.numa_filter import take_cells
from services.scheduler.weighers import Weigher, normalize

SHOWN = 5
"""Of the best nodes so many are kept with their scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A node that was chosen."""

    row: int
    host: str
    node: str
    weight: float
    alternates: tuple[Place, ...] = ()
    """The nodes that come next, should this one be full by the time it is claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterCount:
    """What one filter left of the hosts that reached it."""

    name: str
    start: int
    end: int
    reason: str = ""
    """What it wanted, and what those have that it rejected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One of the best nodes: its score by each weigher, multiplied, and their sum."""

    host: str
    node: str
    scores: dict[str, float]
    weight: float


@dataclass(slots=True, kw_only=True)
class Decision:
    """The selections of one pass, and what explains them.

    counts: the filters of the last instance, the one that found no node if any did; best: the
    ranking of the first.
    """

    selections: list[Selection] = field(default_factory=list)
    counts: list[FilterCount] = field(default_factory=list)
    best: list[Ranked] = field(default_factory=list)

    def explain(self) -> str:
        """Return one sentence for the fault of an instance that no host takes."""
        if not self.counts or self.counts[0].start == 0:
            return "There are no compute nodes."
        for count in self.counts:
            if count.end == 0:
                reason = f": {count.reason}" if count.reason else ""
                return (
                    f"{count.name} refused the last {count.start} of {self.counts[0].start} nodes"
                    f"{reason}."
                )
        return "Every node that passed the filters filled up before it could be claimed."

    def to_message(self) -> Json:
        """Return what is kept of it; what became of each selection is the conductor's to add."""
        return {
            "uuid": str(uuid.uuid4()),
            "filters": [
                {"name": one.name, "start": one.start, "end": one.end, "reason": one.reason}
                for one in self.counts
            ],
            "best": [
                {"host": one.host, "node": one.node, "scores": one.scores, "weight": one.weight}
                for one in self.best
            ],
            "selections": [
                {"host": one.host, "node": one.node, "weight": one.weight}
                for one in self.selections
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing:
    """How one is taken of those that the weighers leave in order. Nova's options.

    subset_size: at random among so many of the best; shuffle_equals: the best that weigh the same
    come in any order; alternates: how many of the next a selection names.
    """

    subset_size: int = 1
    shuffle_equals: bool = False
    alternates: int = 0


class Scheduler:
    """Filters and weighers in their configured order."""

    def __init__(
        self,
        filters: Sequence[tuple[str, Filter]],
        weighers: Sequence[tuple[Weigher, float]],
        *,
        choosing: Choosing | None = None,
    ) -> None:
        self._filters = tuple(filters)
        self._weighers = tuple(weighers)
        self._choosing = choosing or Choosing()

    @property
    def needs_neighbours(self) -> bool:
        """Whether a weigher counts what else runs on the hosts."""
        return any(
            getattr(weigher, "needs_neighbours", False) and multiplier
            for weigher, multiplier in self._weighers
        )

    def decide(self, table: HostTable, request: ScheduleRequest, count: int) -> Decision:
        """Choose a node for each of count instances, each taking its room off the table.

        Fewer selections than count: the rest found no node. What a filter or weigher cannot make
        sense of (Invalid) refuses every node.
        """
        decision = Decision()
        try:
            table.pci_requests = requests_of(request.boot.flavor.extra_specs)
        except Invalid as error:
            decision.counts = [_nonsense(EXTRA_SPEC, len(table), error)]
            return decision
        for number in range(count):
            mask, counts = self._filter(table, request, explained=number == 0)
            decision.counts = counts
            if not mask.any():
                if number:
                    _, decision.counts = self._filter(table, request, explained=True)
                break
            try:
                ranked = self._weigh(table, request, np.flatnonzero(mask))
            except Invalid as error:
                decision.counts = [*counts, _nonsense("weighing", int(mask.sum()), error)]
                break
            if number == 0:
                decision.best = ranked.shown(table)
            selection = self._select(table, ranked)
            table.consume(selection.row, request.boot.resources)
            take_cells(table, selection.row, request.boot)
            decision.selections.append(selection)
        return decision

    def _filter(
        self, table: HostTable, request: ScheduleRequest, *, explained: bool
    ) -> tuple[Mask, list[FilterCount]]:
        mask = _considered(table, request)
        if request.boot.forced_host or request.boot.forced_node:
            return mask, [FilterCount(name="forced", start=len(table), end=int(mask.sum()))]
        counts: list[FilterCount] = []
        left = int(mask.sum())
        for name, host_filter in self._filters:
            try:
                passing = host_filter.mask(table, request)
            except Invalid as error:
                return np.zeros(len(table), dtype=bool), [*counts, _nonsense(name, left, error)]
            start = left
            rejected = mask & ~passing
            mask = mask & passing
            left = int(np.count_nonzero(mask))
            reason = ""
            if explained and left < start and hasattr(host_filter, "explain"):
                reason = host_filter.explain(table, request, rejected)
            counts.append(FilterCount(name=name, start=start, end=left, reason=reason))
            if left == 0:
                break
        return mask, counts

    def _weigh(
        self, table: HostTable, request: ScheduleRequest, rows: npt.NDArray[np.intp]
    ) -> _Weighed:
        """Weigh these rows; a single one is not compared with anything and weighs 0, as in Nova."""
        total: Column = np.zeros(len(rows))
        scores: dict[str, Column | None] = {}
        for weigher, multiplier in self._weighers:
            own = multiplier_of(table, weigher.multiplier_option, multiplier)
            name = type(weigher).__name__
            if len(rows) == 1 or (isinstance(own, float) and own == 0.0):
                scores[name] = None
                continue
            weights = normalize(
                weigher.weigh(table, request)[rows], getattr(weigher, "least", None)
            )
            if weights is None:
                scores[name] = None
                continue
            factor = own if isinstance(own, float) else own[rows]
            score: Column = getattr(weigher, "sign", 1.0) * factor * weights
            scores[name] = score
            total += score
        return _Weighed(rows=rows, total=total, scores=scores)

    def _select(self, table: HostTable, ranked: _Weighed) -> Selection:
        own = self._choosing
        most = max(own.subset_size, 1) + own.alternates
        best = ranked.first(most)
        if own.shuffle_equals:
            equal = np.flatnonzero(ranked.total == ranked.total[best[0]])
            chosen = [secrets.choice(equal.tolist())]
        else:
            chosen = best[: own.subset_size].tolist()
        one = chosen[0] if len(chosen) == 1 else secrets.choice(chosen)
        others = [int(other) for other in best if other != one][: own.alternates]
        row = int(ranked.rows[one])
        return Selection(
            row=row,
            host=table.hosts[row],
            node=table.nodes[row],
            weight=float(ranked.total[one]),
            alternates=tuple(
                Place(host=table.hosts[ranked.rows[other]], node=table.nodes[ranked.rows[other]])
                for other in others
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    """The rows that passed with their scores; None is a weigher that told none from another."""

    rows: npt.NDArray[np.intp]
    total: Column
    scores: dict[str, Column | None]

    def first(self, count: int) -> npt.NDArray[np.intp]:
        """Return the positions of the best, in order; of equal ones the first comes first."""
        if count == 1:
            return np.array([np.argmax(self.total)])
        if count >= len(self.rows):
            return np.argsort(-self.total, kind="stable")
        least = np.partition(self.total, len(self.total) - count)[len(self.total) - count]
        among = np.flatnonzero(self.total >= least)
        found: npt.NDArray[np.intp] = among[np.argsort(-self.total[among], kind="stable")][:count]
        return found

    def shown(self, table: HostTable) -> list[Ranked]:
        """Return the best with what each weigher gave them."""
        return [
            Ranked(
                host=table.hosts[self.rows[one]],
                node=table.nodes[self.rows[one]],
                scores={
                    name: 0.0 if score is None else round(float(score[one]), 6) + 0.0
                    for name, score in self.scores.items()
                },
                weight=round(float(self.total[one]), 6),
            )
            for one in self.first(SHOWN)
        ]


def _nonsense(name: str, nodes: int, error: Invalid) -> FilterCount:
    return FilterCount(name=name, start=nodes, end=0, reason=str(error))


def _considered(table: HostTable, request: ScheduleRequest) -> Mask:
    """Return the rows that the request leaves to the filters, by the names that it gives."""
    mask: Mask = np.ones(len(table), dtype=bool)
    boot = request.boot
    if request.ignore_hosts:
        mask &= ~table.hosts.among(request.ignore_hosts)
    if request.ignore_nodes:
        mask &= ~_among_nodes(table, request.ignore_nodes)
    for host in filter(None, (request.only_host, boot.requested_host, boot.forced_host)):
        mask &= table.hosts.among([host])
    for node in filter(None, (boot.requested_node, boot.forced_node)):
        mask &= _among_nodes(table, [node])
    return mask


def _among_nodes(table: HostTable, names: Collection[str]) -> Mask:
    return np.array([node in names for node in table.nodes], dtype=bool)


def multiplier_of(table: HostTable, key: str, default: float) -> float | Column:
    """Return the one multiplier of all rows, or a column where aggregates have others."""
    if all(key not in one.metadata for own in table.aggregate_sets for one in own):
        return float(default)
    return per_row(table, key, default)


def load_scheduler(conf: Any) -> Scheduler:
    """Return the scheduler that the configuration names.

    Raises RuntimeError, one sentence, for a filter or weigher that no entry point names.
    """
    own = conf.filter_scheduler
    filters = _load("devstack_lite.scheduler.filters", own.enabled_filters)
    weighers = _load("devstack_lite.scheduler.weighers", own.weight_classes)
    return Scheduler(
        filters,
        [(weigher, _multiplier(weigher, conf)) for _, weigher in weighers],
        choosing=Choosing(
            subset_size=own.host_subset_size,
            shuffle_equals=own.shuffle_best_same_weighed_hosts,
            alternates=conf.scheduler.max_attempts - 1,
        ),
    )


def _multiplier(weigher: Any, conf: Any) -> float:
    if hasattr(weigher, "multiplier"):
        return float(weigher.multiplier(conf))
    return float(getattr(conf.filter_scheduler, weigher.multiplier_option))


def _load(namespace: str, names: Sequence[str]) -> list[tuple[str, Any]]:
    from stevedore.named import NamedExtensionManager

    manager = NamedExtensionManager(
        namespace, names=list(names), invoke_on_load=True, name_order=True,
        warn_on_missing_entrypoint=False,
    )  # fmt: skip
    loaded = [(extension.name, extension.obj) for extension in manager]
    missing = set(names) - {name for name, _ in loaded}
    if missing:
        raise RuntimeError(f"no entry point of {namespace} is named {min(missing)}")
    return loaded
