"""The host table: what the scheduler knows of every node, in columns.

Read from the database by what changed since the last time; a filter is a mask over all rows, a
weigher a vector. What this worker has just placed is taken off its own copy, until the next read
brings what the claims made of it. The table decides nothing: a claim in the database does.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from devstack_lite.clock import utcnow
from devstack_lite.db import aggregates
from devstack_lite.db import hosts as rows
from devstack_lite.db.engine import Database
from devstack_lite.db.server_groups import Placement
from devstack_lite.objects.compute import Aggregate, ComputeNode, Flavor, ServiceRecord

Mask = npt.NDArray[np.bool_]
Column = npt.NDArray[np.float64]

_COLUMNS = (
    "vcpus_total", "vcpus_used", "memory_mb_total", "memory_mb_used", "disk_gb_total",
    "disk_gb_used", "instances", "io_ops", "hypervisor_version",
    "vcpus", "memory_mb", "disk_gb", "reserved_memory_mb",
)  # fmt: skip


class HostTable:
    """One row per hypervisor node; totals already carry ratio and reserve. Not thread-safe."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.nodes: list[str] = []
        self.columns: dict[str, Column] = {name: np.zeros(0) for name in _COLUMNS}
        self.architectures: npt.NDArray[Any] = np.zeros(0, dtype=object)
        self.zones: npt.NDArray[Any] = np.zeros(0, dtype=object)
        self.is_up: Mask = np.zeros(0, dtype=bool)
        self.is_enabled: Mask = np.zeros(0, dtype=bool)
        self.hypervisor_types: npt.NDArray[Any] = np.zeros(0, dtype=object)
        self.aggregate_sets: list[tuple[Aggregate, ...]] = [()]
        """The different sets of aggregates that hosts are in; few, however many hosts there are."""
        self.set_of: npt.NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        """Which of them each row's host is in."""
        self.group: Placement | None = None
        """Where the members of the group are that the request in hand is for."""
        self.named: Mapping[str, str] = {}
        """The hosts of the instances that the hints of the request in hand name, by uuid."""
        self._aggregate_version = -1
        self._doubtful: set[str] = set()
        self._row_of: dict[str, int] = {}
        self._version = -1

    def __len__(self) -> int:
        return len(self.nodes)

    def refresh(self, db: Database, *, down_time_s: float) -> None:
        """Read what changed since the last time, and which services are up."""
        doubtful, self._doubtful = self._doubtful, set()
        changed = rows.list_nodes(db, newer_than=self._version, names=doubtful)
        if changed:
            self._merge(changed)
            self._version = max(self._version, *(node.version for node in changed))
        version = aggregates.version_of(db)
        if version != self._aggregate_version or len(self.set_of) != len(self):
            self.note_aggregates(aggregates.list_aggregates(db))
            self._aggregate_version = version
        self._note_services(rows.list_services(db), utcnow(), down_time_s)

    def note_aggregates(self, known: Sequence[Aggregate]) -> None:
        """Note which hosts are in which aggregates."""
        of_host: dict[str, tuple[Aggregate, ...]] = {}
        for one in known:
            for host in one.hosts:
                of_host[host] = (*of_host.get(host, ()), one)
        self.aggregate_sets = [()]
        numbers: dict[tuple[int, ...], int] = {(): 0}
        set_of = []
        for host in self.hosts:
            own = of_host.get(host, ())
            key = tuple(one.id for one in own)
            if key not in numbers:
                numbers[key] = len(self.aggregate_sets)
                self.aggregate_sets.append(own)
            set_of.append(numbers[key])
        self.set_of = np.array(set_of, dtype=np.intp)

    def load(self, nodes: Sequence[ComputeNode]) -> None:
        """Put nodes in, all of them up and enabled: a table without a database behind it."""
        self._merge(nodes)
        self.is_up = np.ones(len(self), dtype=bool)
        self.is_enabled = np.ones(len(self), dtype=bool)
        self.note_aggregates(())

    def _merge(self, nodes: Sequence[ComputeNode]) -> None:
        new = [node for node in nodes if node.hypervisor_hostname not in self._row_of]
        if new:
            self._append(new)
        for node in nodes:
            row = self._row_of[node.hypervisor_hostname]
            self.architectures[row] = node.architecture
            self.zones[row] = node.availability_zone
            self.hypervisor_types[row] = node.hypervisor_type
            for name, value in _values_of(node).items():
                self.columns[name][row] = value

    def _append(self, nodes: Sequence[ComputeNode]) -> None:
        for node in nodes:
            self._row_of[node.hypervisor_hostname] = len(self.nodes)
            self.nodes.append(node.hypervisor_hostname)
            self.hosts.append(node.host)
        more = len(nodes)
        for name, column in self.columns.items():
            self.columns[name] = np.concatenate([column, np.zeros(more)])
        empty = np.empty(more, dtype=object)
        self.architectures = np.concatenate([self.architectures, empty])
        self.zones = np.concatenate([self.zones, empty])
        self.hypervisor_types = np.concatenate([self.hypervisor_types, empty])

    def _note_services(
        self, services: Sequence[ServiceRecord], now: datetime.datetime, down_time_s: float
    ) -> None:
        computes = {record.host: record for record in services if record.binary == "nova-compute"}
        up = {host: record.is_up(now, down_time_s) for host, record in computes.items()}
        enabled = {host: not record.is_disabled for host, record in computes.items()}
        self.is_up = np.array([up.get(host, False) for host in self.hosts], dtype=bool)
        self.is_enabled = np.array([enabled.get(host, False) for host in self.hosts], dtype=bool)

    def figure(self, name: str) -> npt.NDArray[Any] | None:
        """Return what a node's figure of that name, which is Nova's, is on each row, or None."""
        make = FIGURES.get(name)
        return None if make is None else make(self)

    def doubt(self, nodes: Iterable[str]) -> None:
        """Have these nodes be read again: what was placed on them here was not claimed."""
        self._doubtful.update(nodes)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Have what the block consumes be there again after it."""
        kept = {name: column.copy() for name, column in self.columns.items()}
        try:
            yield
        finally:
            self.columns = kept

    def free(self, resource: str) -> Column:
        """Return what is left of vcpus, memory_mb or disk_gb on each node."""
        return self.columns[f"{resource}_total"] - self.columns[f"{resource}_used"]

    def really_free(self, resource: str) -> Column:
        """Return what is left of memory_mb or disk_gb when nothing is promised twice."""
        free: Column = self.columns[resource] - self.columns[f"{resource}_used"]
        if resource == "memory_mb":
            free = free - self.columns["reserved_memory_mb"]
        return free

    def consume(self, row: int, flavor: Flavor) -> None:
        """Take what one instance of flavor needs off a node, in this copy."""
        self.columns["vcpus_used"][row] += flavor.vcpus
        self.columns["memory_mb_used"][row] += flavor.memory_mb
        self.columns["disk_gb_used"][row] += flavor.disk_gb
        self.columns["instances"][row] += 1
        self.columns["io_ops"][row] += 1
        if self.group is not None:
            self.group.members_on[self.hosts[row]] += 1


FIGURES: Mapping[str, Callable[[HostTable], npt.NDArray[Any]]] = {
    "host": lambda table: np.array(table.hosts, dtype=object),
    "nodename": lambda table: np.array(table.nodes, dtype=object),
    "hypervisor_hostname": lambda table: np.array(table.nodes, dtype=object),
    "hypervisor_type": lambda table: table.hypervisor_types,
    "hypervisor_version": lambda table: table.columns["hypervisor_version"].astype(np.int64),
    "vcpus_total": lambda table: table.columns["vcpus"].astype(np.int64),
    "vcpus_used": lambda table: table.columns["vcpus_used"].astype(np.int64),
    "free_ram_mb": lambda table: table.really_free("memory_mb").astype(np.int64),
    "total_usable_ram_mb": lambda table: table.columns["memory_mb"].astype(np.int64),
    "free_disk_mb": lambda table: table.really_free("disk_gb").astype(np.int64) * 1024,
    "total_usable_disk_gb": lambda table: table.columns["disk_gb"].astype(np.int64),
    "num_instances": lambda table: table.columns["instances"].astype(np.int64),
    "num_io_ops": lambda table: table.columns["io_ops"].astype(np.int64),
}
"""By Nova's names of a host state's attributes; without ratios, as there."""


def _values_of(node: ComputeNode) -> dict[str, float]:
    return {
        "vcpus_total": node.vcpus * node.cpu_allocation_ratio,
        "vcpus_used": node.vcpus_used,
        "memory_mb_total": (node.memory_mb - node.reserved_memory_mb) * node.ram_allocation_ratio,
        "memory_mb_used": node.memory_mb_used,
        "disk_gb_total": node.disk_gb * node.disk_allocation_ratio,
        "disk_gb_used": node.disk_gb_used,
        "instances": node.instances,
        "io_ops": node.io_ops,
        "hypervisor_version": node.hypervisor_version,
        "vcpus": node.vcpus,
        "memory_mb": node.memory_mb,
        "disk_gb": node.disk_gb,
        "reserved_memory_mb": node.reserved_memory_mb,
    }
