"""One decision: filter the table, weigh what is left, take the best.

Pure: a table and a request in, selections out; claims and messages are services.scheduler.place's.
"""

from __future__ import annotations

import dataclasses
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from devstack_lite.objects.compute import ScheduleRequest
from devstack_lite.objects.registry import Json
from services.scheduler.aggregate_filters import per_row
from services.scheduler.filters import Filter
from services.scheduler.hosts import Column, HostTable, Mask
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
            "filters": [dataclasses.asdict(count) for count in self.counts],
            "best": [dataclasses.asdict(one) for one in self.best],
            "selections": [
                {"host": one.host, "node": one.node, "weight": one.weight}
                for one in self.selections
            ],
        }


class Scheduler:
    """Filters and weighers in their configured order."""

    def __init__(
        self,
        filters: Sequence[tuple[str, Filter]],
        weighers: Sequence[tuple[Weigher, float]],
        *,
        subset_size: int = 1,
    ) -> None:
        self._filters = tuple(filters)
        self._weighers = tuple(weighers)
        self._subset_size = subset_size

    def decide(self, table: HostTable, request: ScheduleRequest, count: int) -> Decision:
        """Choose a node for each of count instances, each taking its room off the table.

        Fewer selections than count: the rest found no node.
        """
        decision = Decision()
        for number in range(count):
            mask, counts = self._filter(table, request, explained=number == 0)
            decision.counts = counts
            if not mask.any():
                if number:
                    _, decision.counts = self._filter(table, request, explained=True)
                break
            row, weight, ranking = self._best(table, request, mask, is_ranked=number == 0)
            decision.best = decision.best or ranking
            table.consume(row, request.boot.flavor)
            decision.selections.append(
                Selection(row=row, host=table.hosts[row], node=table.nodes[row], weight=weight)
            )
        return decision

    def _filter(
        self, table: HostTable, request: ScheduleRequest, *, explained: bool
    ) -> tuple[Mask, list[FilterCount]]:
        mask: Mask = np.ones(len(table), dtype=bool)
        if request.ignore_hosts:
            mask &= np.array([host not in request.ignore_hosts for host in table.hosts], dtype=bool)
        if request.only_host:
            mask &= np.array([host == request.only_host for host in table.hosts], dtype=bool)
        boot = request.boot
        if boot.forced_host or boot.forced_node:
            mask &= _named(table.hosts, boot.forced_host) & _named(table.nodes, boot.forced_node)
            return mask, [FilterCount(name="forced", start=len(table), end=int(mask.sum()))]
        counts = []
        left = int(mask.sum())
        for name, host_filter in self._filters:
            passing = host_filter.mask(table, request)
            rejected = mask & ~passing
            mask = mask & passing
            start, left = left, int(mask.sum())
            reason = ""
            if explained and left < start and hasattr(host_filter, "explain"):
                reason = host_filter.explain(table, request, rejected)
            counts.append(FilterCount(name=name, start=start, end=left, reason=reason))
            if left == 0:
                break
        return mask, counts

    def _best(
        self, table: HostTable, request: ScheduleRequest, mask: Mask, *, is_ranked: bool
    ) -> tuple[int, float, list[Ranked]]:
        rows = np.flatnonzero(mask)
        total: Column = np.zeros(len(rows))
        scores: dict[str, Column] = {}
        for weigher, multiplier in self._weighers:
            own = per_row(table, weigher.multiplier_option, multiplier)[rows]
            score = own * normalize(
                weigher.weigh(table, request)[rows], getattr(weigher, "least", None)
            )
            scores[type(weigher).__name__] = score
            total += score
        if self._subset_size > 1:
            best = np.argsort(-total, kind="stable")[: self._subset_size]
            chosen = int(secrets.choice(best.tolist()))
        else:
            chosen = int(np.argmax(total))
        ranking = _rank(table, rows, scores, total) if is_ranked else []
        return int(rows[chosen]), float(total[chosen]), ranking


def _rank(
    table: HostTable, rows: npt.NDArray[np.intp], scores: dict[str, Column], total: Column
) -> list[Ranked]:
    most = min(SHOWN, len(rows))
    best = np.argpartition(-total, most - 1)[:most]
    return [
        Ranked(
            host=table.hosts[rows[one]],
            node=table.nodes[rows[one]],
            scores={name: round(float(score[one]), 6) + 0.0 for name, score in scores.items()},
            weight=round(float(total[one]), 6),
        )
        for one in best[np.argsort(-total[best], kind="stable")]
    ]


def _named(names: Sequence[str], wanted: str) -> Mask:
    return np.array([wanted in {"", name} for name in names], dtype=bool)


def load_scheduler(conf: Any) -> Scheduler:
    """Return the scheduler that the configuration names.

    Raises RuntimeError, one sentence, for a filter or weigher that no entry point names.
    """
    own = conf.scheduler
    filters = _load("devstack_lite.scheduler.filters", own.enabled_filters)
    weighers = _load("devstack_lite.scheduler.weighers", own.weight_classes)
    return Scheduler(
        filters,
        [(weigher, getattr(own, weigher.multiplier_option)) for _, weigher in weighers],
        subset_size=own.host_subset_size,
    )


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
