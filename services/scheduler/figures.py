"""What a node says of itself, by the names of Nova's HostState: for extra specs, hints, plug-ins.

Figures are Nova's, too, which counts them without allocation ratios.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from services.scheduler.hosts import HostTable
from services.scheduler.labels import Labels

Figure = Labels[Any] | np.ndarray[Any, np.dtype[Any]]
"""One value per row: numbers, or labels."""

FIGURES: Mapping[str, Callable[[HostTable], Figure]] = {
    "host": lambda table: table.labels["host"],
    "host_ip": lambda table: table.labels["host_ip"],
    "nodename": lambda table: Labels(table.nodes),
    "hypervisor_hostname": lambda table: Labels(table.nodes),
    "hypervisor_type": lambda table: table.labels["hypervisor_type"],
    "hypervisor_version": lambda table: _whole(table.columns["hypervisor_version"]),
    "vcpus_total": lambda table: _whole(table.columns["vcpus"]),
    "vcpus_used": lambda table: _whole(_taken(table, "vcpus")),
    "free_ram_mb": lambda table: _whole(table.really_free("memory_mb")),
    "total_usable_ram_mb": lambda table: _whole(table.columns["memory_mb"]),
    "free_disk_mb": lambda table: _whole(table.really_free("disk_gb")) * 1024,
    "disk_mb_used": lambda table: _whole(_taken(table, "disk_gb")) * 1024,
    "total_usable_disk_gb": lambda table: _whole(table.columns["disk_gb"]),
    "num_instances": lambda table: _whole(table.columns["instances"]),
    "num_io_ops": lambda table: _whole(table.columns["io_ops"]),
    "failed_builds": lambda table: _whole(table.columns["failed_builds"]),
    "cpu_allocation_ratio": lambda table: table.columns["cpu_allocation_ratio"],
    "ram_allocation_ratio": lambda table: table.columns["ram_allocation_ratio"],
    "disk_allocation_ratio": lambda table: table.columns["disk_allocation_ratio"],
}


def figure(table: HostTable, name: str) -> Figure | None:
    """Return the figure of that name, or None when there is none."""
    make = FIGURES.get(name)
    return None if make is None else make(table)


def value_of(values: Figure, row: int) -> Any:
    """Return what one row has: a str, an int or a float."""
    value = values[row]
    return value.item() if isinstance(value, np.generic) else value


def _taken(table: HostTable, resource: str) -> np.ndarray[Any, np.dtype[Any]]:
    """Return what Nova calls used: what is claimed, and what is kept back."""
    return table.columns[f"{resource}_used"] + table.columns[f"reserved_{resource}"]


def _whole(column: np.ndarray[Any, np.dtype[Any]]) -> np.ndarray[Any, np.dtype[Any]]:
    return column.astype(np.int64)
