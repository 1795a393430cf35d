"""What the benchmarks share: CPU time by daemon, medians and spread, tables and JSON.

CPU time is read from /proc and covers the processes that live at both ends of what is measured: a
daemon's launcher and workers, the supervisor, the broker's node, the benchmark itself. SQLite works
inside the daemons and is in their figures; a PostgreSQL or MariaDB server is not measured.
"""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devstack_lite import processes, reaper, roster
from devstack_lite.cloud import Cloud, CloudError

CLIENT = "client"
"""The benchmark's own processes, beside the cloud's daemons."""
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12
"""Fields of /proc/<pid>/stat behind the name in brackets (proc(5): the 14th and 15th)."""

Seconds = Mapping[str, float]


def machine() -> dict[str, Any]:
    """Return what the figures depend on. Call it before the load begins."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }


def cpu_s_of(stat: str) -> float:
    """Return utime + stime, in seconds, of the text of a /proc/<pid>/stat."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS_PER_S


def process_cpu_s(pids: Iterable[int]) -> dict[int, float]:
    """Return the CPU seconds of each living process among pids."""
    found = {}
    for pid in pids:
        try:
            found[pid] = cpu_s_of(Path(f"/proc/{pid}/stat").read_text())
        except (OSError, ValueError, IndexError):
            continue
    return found


def pids_by_daemon(cloud: Cloud) -> dict[str, list[int]]:
    """Return the living processes by daemon; compute is all hosts, broker the cloud's own node.

    Raises CloudError when the cloud is not up.
    """
    found = roster.read(cloud.state_dir)
    if found is None or not found.is_alive():
        raise CloudError(f"{cloud.name} is not up.")
    daemons = {one.name: one.daemon for one in processes.of(cloud)}
    pids: dict[str, set[int]] = {daemon: set() for daemon in daemons.values()}
    for name, entry in found.daemons.items():
        members = reaper.session_members(entry.ref)
        pids[daemons.get(name, name)].update(one.pid for one in members)
    pids["supervisor"] = {found.pid}
    if found.broker:
        pids["broker"] = {one.pid for ref in found.broker for one in reaper.session_members(ref)}
    return {daemon: sorted(members) for daemon, members in pids.items()}


def own_cpu_s() -> float:
    """Return the CPU seconds of this process and of those children that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@dataclass(slots=True)
class Took:
    """What a block took: seconds of wall time, and seconds of CPU time by daemon."""

    wall_s: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=dict)

    def cpu_ms_per(self, operations: int) -> dict[str, float]:
        """Return milliseconds of CPU per operation by daemon."""
        return {name: seconds * 1000 / operations for name, seconds in self.cpu_s.items()}


@contextmanager
def clock(cloud: Cloud | None) -> Iterator[Took]:
    """Measure the block; the figures are there when it ends. Without a cloud: the client alone."""
    took = Took()
    before = _cpu(cloud)
    own_before, began = own_cpu_s(), time.perf_counter()
    yield took
    took.wall_s, own_s = time.perf_counter() - began, own_cpu_s() - own_before
    took.cpu_s = {**spent(before, _cpu(cloud)), CLIENT: own_s}


def spent(
    before: Mapping[str, Mapping[int, float]], after: Mapping[str, Mapping[int, float]]
) -> dict[str, float]:
    """Return the seconds by daemon between two readings, of the processes that are in both."""
    return {
        daemon: sum(now - before[daemon][pid] for pid, now in after.get(daemon, {}).items()
                    if pid in before[daemon])
        for daemon in before
    }  # fmt: skip


def _cpu(cloud: Cloud | None) -> dict[str, dict[int, float]]:
    by_daemon = {} if cloud is None else pids_by_daemon(cloud)
    return {daemon: process_cpu_s(pids) for daemon, pids in by_daemon.items()}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the least value that share of all values do not exceed (nearest rank).

    Raises ValueError for no values.
    """
    if not values:
        raise ValueError("there is nothing to take a percentile of")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, p95, p99, least, most and how many; an empty mapping of no values."""
    if not values:
        return {}
    return {
        "median": statistics.median(values),
        "p95": percentile(values, 0.95),
        "p99": percentile(values, 0.99),
        "least": min(values),
        "most": max(values),
        "count": len(values),
    }


def medians(runs: Sequence[Seconds]) -> dict[str, float]:
    """Return the median of each key over several runs; a key that a run lacks counts as 0."""
    keys = dict.fromkeys(key for run in runs for key in run)
    return {key: statistics.median(run.get(key, 0.0) for run in runs) for key in keys}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return lines of text: the first column to the left, the others to the right."""
    lines = [[_cell(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


def cpu_table(per_operation_ms: Mapping[str, Mapping[str, float]]) -> str:
    """Return a table with a column per phase, a row per daemon, and the cloud's sum at its end."""
    daemons = list(dict.fromkeys(name for one in per_operation_ms.values() for name in one))
    own = [name for name in daemons if name != CLIENT]
    rows: list[list[object]] = [
        [name, *(one.get(name, 0.0) for one in per_operation_ms.values())] for name in own
    ]
    rows.append(
        ["the cloud", *(sum(one.get(n, 0.0) for n in own) for one in per_operation_ms.values())]
    )
    if CLIENT in daemons:
        rows.append([CLIENT, *(one.get(CLIENT, 0.0) for one in per_operation_ms.values())])
    return table(["CPU ms per operation", *per_operation_ms], rows)


def say(text: str) -> None:
    """Tell whoever waits what happens now; not on stdout, where the figures are."""
    print(text, file=sys.stderr, flush=True)


def finish(record: Mapping[str, Any], path: Path | None) -> None:
    """Write all figures as JSON, where that is wanted."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=2) + "\n")
        print(f"\nAll figures are in {path}.")
