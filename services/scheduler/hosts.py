"""The host table: what the scheduler knows of every node, in columns.

Read from the database by what changed since the last time; a filter is a mask over all rows, a
weigher a vector. What this worker has just placed is taken off its own copy, until the next read
brings what the claims made of it. The table decides nothing: a claim in the database does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from devstack_lite.db import host_news
from devstack_lite.db.engine import Database
from devstack_lite.db.server_groups import Placement
from devstack_lite.objects.compute import Aggregate, ComputeNode
from devstack_lite.objects.pci import PciPool, PciRequest
from devstack_lite.objects.resources import Resources
from devstack_lite.pci.pools import apply_requests
from services.scheduler.labels import Labels
from services.scheduler.resource_classes import ResourceClasses

Mask = npt.NDArray[np.bool_]
Column = npt.NDArray[np.float64]

_TAKEN_OVER = (
    "vcpus_used", "memory_mb_used", "disk_gb_used", "instances", "io_ops", "failed_builds",
    "hypervisor_version", "vcpus", "memory_mb", "disk_gb", "reserved_vcpus",
    "reserved_memory_mb", "reserved_disk_gb",
    "cpu_allocation_ratio", "ram_allocation_ratio", "disk_allocation_ratio",
)  # fmt: skip
"""Figures of a node that are columns as they are."""
_COLUMNS = (
    *_TAKEN_OVER, "vcpus_total", "memory_mb_total", "disk_gb_total", "vcpus_weighed", "pci_free",
)  # fmt: skip
_LABELS = (
    "host", "host_ip", "architecture", "availability_zone", "hypervisor_type", "traits",
    "numa_topology", "pci_stats",
)  # fmt: skip


class HostTable:
    """One row per hypervisor node; totals already carry ratio and reserve. Not thread-safe."""

    def __init__(self) -> None:
        self.nodes: list[str] = []
        self.columns: dict[str, Column] = {name: np.zeros(0) for name in _COLUMNS}
        self.labels: dict[str, Labels[Any]] = {name: Labels() for name in _LABELS}
        """What many nodes share; `traits` are frozensets, `pci_stats` tuples, all else is text."""
        self.metrics: dict[str, Column] = {}
        """By name what nodes report that have it; NaN where one does not."""
        self.classes = ResourceClasses()
        """What nodes have besides VCPUs, memory and disk."""
        self.numa_used: dict[int, str] = {}
        """By row what is taken of its NUMA cells; rows where nothing is are left out."""
        self.is_up: Mask = np.zeros(0, dtype=bool)
        self.is_enabled: Mask = np.zeros(0, dtype=bool)
        self.aggregate_sets: list[tuple[Aggregate, ...]] = [()]
        """The different sets of aggregates that hosts are in; few, however many hosts there are."""
        self.set_of: npt.NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        """Which of them each row's host is in."""
        self.group: Placement | None = None
        """Where the members of the group are that the request in hand is for."""
        self.pci_requests: Sequence[PciRequest] = ()
        """The devices that each instance of the request in hand wants."""
        self.named: Mapping[str, str] = {}
        """The hosts of the instances that the hints of the request in hand name, by uuid."""
        self.neighbours: Mapping[str, Mapping[tuple[str, str], int]] = {}
        """By host how many instances there have an image property of that value; read only where
        a weigher counts them."""
        self._aggregate_version = -1
        self._doubtful: set[str] = set()
        self._reported: frozenset[str] = frozenset()
        self._row_of: dict[str, int] = {}
        self._version = -1

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def hosts(self) -> Labels[str]:
        """The compute service of each row."""
        return self.labels["host"]

    def refresh(self, db: Database, *, down_time_s: float) -> None:
        """Read what changed since the last time, and which services are down or disabled."""
        doubtful, self._doubtful = self._doubtful, set()
        news = host_news.read(
            db, newer_than=self._version, names=doubtful, aggregates_of=self._aggregate_version,
            down_time_s=down_time_s,
        )  # fmt: skip
        if news.nodes:
            self._merge(news.nodes)
            self._version = max(self._version, *(node.version for node in news.nodes))
        if news.aggregates is not None or len(self.set_of) != len(self):
            self.note_aggregates(news.aggregates or self._aggregates)
            self._aggregate_version = news.aggregate_version
        self.note_services(
            down=news.down_hosts | self._unreported(db), disabled=news.disabled_hosts
        )

    def _unreported(self, db: Database) -> frozenset[str]:
        """Return the hosts whose nodes are known and whose service has never reported."""
        if len(self._reported) < len(self.hosts.kinds):
            self._reported |= host_news.with_service(
                db, [host for host in self.hosts.kinds if host not in self._reported]
            )
        if len(self._reported) == len(self.hosts.kinds):
            return frozenset()
        return frozenset(self.hosts.kinds) - self._reported

    @property
    def _aggregates(self) -> Sequence[Aggregate]:
        known = {one.id: one for own in self.aggregate_sets for one in own}
        return list(known.values())

    def note_aggregates(self, known: Sequence[Aggregate]) -> None:
        """Note which hosts are in which aggregates."""
        of_host: dict[str, tuple[Aggregate, ...]] = {}
        for one in sorted(known, key=lambda aggregate: aggregate.id):
            for host in one.hosts:
                of_host[host] = (*of_host.get(host, ()), one)
        sets: Labels[tuple[int, ...]] = Labels()
        by_id = {one.id: one for one in known}
        of_kind = [
            sets.number(tuple(one.id for one in of_host.get(host, ()))) for host in self.hosts.kinds
        ]
        self.aggregate_sets = [tuple(by_id[number] for number in own) for own in sets.kinds] or [()]
        self.set_of = np.array(of_kind, dtype=np.intp)[self.hosts.codes]

    def note_services(self, *, down: Collection[str], disabled: Collection[str]) -> None:
        """Note which hosts' services are down or disabled; all others are neither."""
        self.is_up = ~self.hosts.among(down)
        self.is_enabled = ~self.hosts.among(disabled)

    def load(self, nodes: Sequence[ComputeNode]) -> None:
        """Put nodes in, all of them up and enabled: a table without a database behind it."""
        self._merge(nodes)
        self.note_services(down=(), disabled=())
        self.note_aggregates(())

    def _merge(self, nodes: Sequence[ComputeNode]) -> None:
        new = [node for node in nodes if node.hypervisor_hostname not in self._row_of]
        if new:
            self._append(new)
        for node in nodes:
            row = self._row_of[node.hypervisor_hostname]
            for name, labels in self.labels.items():
                labels.put(row, _label_of(node, name))
            for name, value in _values_of(node).items():
                self.columns[name][row] = value
            self._note_metrics(row, node.metrics)
            self.classes.put(row, node.inventories, node.resources_used)
            self.note_numa_use(row, node.numa_used)
        self.labels["pci_stats"].forget_unused()

    def _append(self, nodes: Sequence[ComputeNode]) -> None:
        for node in nodes:
            self._row_of[node.hypervisor_hostname] = len(self.nodes)
            self.nodes.append(node.hypervisor_hostname)
        more = len(nodes)
        self.classes.append(more)
        for columns, value in ((self.columns, 0.0), (self.metrics, np.nan)):
            for name, column in columns.items():
                columns[name] = np.concatenate([column, np.full(more, value)])
        for name, labels in self.labels.items():
            labels.append(_label_of(node, name) for node in nodes)

    def _note_metrics(self, row: int, reported: Mapping[str, float]) -> None:
        for name in reported.keys() - self.metrics.keys():
            self.metrics[name] = np.full(len(self), np.nan)
        for name, column in self.metrics.items():
            column[row] = reported.get(name, np.nan)

    def note_numa_use(self, row: int, used: str | None) -> None:
        """Note what is taken of a node's NUMA cells, in this copy."""
        if used:
            self.numa_used[row] = used
        else:
            self.numa_used.pop(row, None)

    def doubt(self, nodes: Iterable[str]) -> None:
        """Have these nodes be read again: what was placed on them here was not claimed."""
        self._doubtful.update(nodes)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Have what the block consumes be there again after it."""
        kept, classes = (
            {name: column.copy() for name, column in columns.items()}
            for columns in (self.columns, self.classes.used)
        )
        pools = self.labels["pci_stats"].codes.copy()
        numa_used = dict(self.numa_used)
        try:
            yield
        finally:
            self.columns, self.classes.used = kept, classes
            self.labels["pci_stats"].codes = pools
            self.numa_used = numa_used

    def free(self, resource: str) -> Column:
        """Return what is left of vcpus, memory_mb or disk_gb on each node."""
        return self.columns[f"{resource}_total"] - self.columns[f"{resource}_used"]

    def really_free(self, resource: str) -> Column:
        """Return what is left of memory_mb or disk_gb when nothing is promised twice."""
        free: Column = self.columns[resource] - self.columns[f"{resource}_used"]
        return free - self.columns[f"reserved_{resource}"]

    def consume(self, row: int, wanted: Resources) -> None:
        """Take what one instance needs off a node, in this copy."""
        self.columns["vcpus_used"][row] += wanted.vcpus
        self.columns["memory_mb_used"][row] += wanted.memory_mb
        self.columns["disk_gb_used"][row] += wanted.disk_gb
        self.classes.take(row, wanted.others)
        self.columns["instances"][row] += 1
        self.columns["io_ops"][row] += 1
        if self.group is not None:
            self.group.members_on[self.hosts[row]] += 1
        if self.pci_requests:
            pools = self.labels["pci_stats"]
            left = apply_requests(pools[row], self.pci_requests)
            if left is not None:
                pools.put(row, left)
                self.columns["pci_free"][row] = sum(pool.count for pool in left)

    def release(self, row: int, wanted: Resources) -> None:
        """Give back what consume took for an instance, its build long over."""
        self.columns["vcpus_used"][row] -= wanted.vcpus
        self.columns["memory_mb_used"][row] -= wanted.memory_mb
        self.columns["disk_gb_used"][row] -= wanted.disk_gb
        self.classes.take(row, wanted.others, -1)
        self.columns["instances"][row] -= 1
        if self.group is not None:
            self.group.members_on[self.hosts[row]] -= 1

    def finish_build(self, row: int) -> None:
        """Count one build less under way on a node, in this copy."""
        self.columns["io_ops"][row] -= 1


def _label_of(node: ComputeNode, name: str) -> Any:
    value = getattr(node, name)
    if name == "pci_stats":
        return tuple(PciPool.from_json(pool) for pool in value)
    return frozenset(value) if name == "traits" else value


def _values_of(node: ComputeNode) -> dict[str, float]:
    return {
        "vcpus_total": (node.vcpus - node.reserved_vcpus) * node.cpu_allocation_ratio,
        # Nova weighs by what it takes for used, the reserve included, which has no ratio.
        "vcpus_weighed": node.vcpus * node.cpu_allocation_ratio - node.reserved_vcpus,
        "memory_mb_total": (node.memory_mb - node.reserved_memory_mb) * node.ram_allocation_ratio,
        "disk_gb_total": (node.disk_gb - node.reserved_disk_gb) * node.disk_allocation_ratio,
        "pci_free": sum(pool["count"] for pool in node.pci_stats),
        **{name: getattr(node, name) for name in _TAKEN_OVER},
    }
