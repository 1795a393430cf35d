"""What a cloud's memory, database and logs grow by while servers are booted and deleted.

Used by `benchmarks.memory --after-boots`. A straight line is laid through samples that are taken
after each round, when all servers are gone again; the first rounds are a warm-up without samples,
for caches fill and pools open then.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import measuring
from benchmarks.client import ComputeClient
from benchmarks.measuring import say
from devstack_lite.cloud import Cloud

ROUND = 100
WARM_UP_ROUNDS = 2
DAY_H = 24
MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Sizes in MiB after so many boots and deletes."""

    boots: int
    mib: Mapping[str, float]
    """`<daemon> PSS` and `<daemon> RSS`, `database` and `logs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """The line through the samples of one size."""

    mib_per_1000: float
    error: float
    """The standard error of mib_per_1000; where it is as large, nothing is known but that."""
    last_mib: float


def measure(
    sizes: Callable[[], Mapping[str, float]], client: ComputeClient, boots: int
) -> list[Sample]:
    """Boot and delete boots servers in rounds after a warm-up; return a sample per round.

    sizes: what says the sizes of now, in MiB. Raises BenchmarkError when a boot fails.
    """
    for number in range(WARM_UP_ROUNDS):
        say(f"warming up, {number + 1} of {WARM_UP_ROUNDS}")
        _boot_and_delete(client, ROUND)
    samples = [Sample(boots=0, mib=sizes())]
    done = 0
    while done < boots:
        count = min(ROUND, boots - done)
        _boot_and_delete(client, count)
        done += count
        samples.append(Sample(boots=done, mib=sizes()))
        say(f"{done} of {boots} booted and deleted")
    return samples


def _boot_and_delete(client: ComputeClient, count: int) -> None:
    client.fill(count)
    client.delete_all()


def database_mib(cloud: Cloud) -> float | None:
    """Return the size of SQLite's file and WAL; None of another database."""
    url = sa.make_url(cloud.database_url)
    if url.get_backend_name() != "sqlite" or url.database is None:
        return None
    path = Path(url.database)
    return sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*")) / MIB


def folder_mib(folder: Path) -> float:
    """Return the size of a folder's files."""
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file()) / MIB


def slopes(samples: Sequence[Sample]) -> dict[str, Slope]:
    """Return the least-squares line of each size that all samples have, over at least three."""
    if len(samples) < 3:
        return {}
    names = [name for name in samples[0].mib if all(name in one.mib for one in samples)]
    boots = [one.boots / 1000 for one in samples]
    return {name: _slope(boots, [one.mib[name] for one in samples]) for name in names}


def _slope(boots: list[float], sizes: list[float]) -> Slope:
    slope, start = statistics.linear_regression(boots, sizes)
    squares = sum((size - start - slope * at) ** 2 for at, size in zip(boots, sizes, strict=True))
    middle = statistics.fmean(boots)
    width = sum((at - middle) ** 2 for at in boots)
    return Slope(
        mib_per_1000=slope,
        error=math.sqrt(squares / (len(boots) - 2) / width),
        last_mib=sizes[-1],
    )


def after_a_day(slope: Slope, per_hour: float) -> tuple[float, float]:
    """Return the MiB after 24 h of so many boots and deletes an hour, and its standard error.

    Assumes that growth goes on along the line, by the boot and not by the hour, and that nothing is
    purged, rotated or restarted meanwhile.
    """
    thousands = per_hour * DAY_H / 1000
    return slope.last_mib + slope.mib_per_1000 * thousands, slope.error * thousands


def table(found: Mapping[str, Slope], per_hour: float) -> str:
    """Return a line per size."""
    rows = []
    for name, slope in found.items():
        size, error = after_a_day(slope, per_hour)
        rows.append([name, slope.last_mib, slope.mib_per_1000, slope.error, size, error])
    head = ["", "MiB now", "per 1,000 boots", "+-", "after 24 h", "+-"]
    said = (
        f"\nAfter 24 h of {per_hour:,.0f} boots and deletes an hour, if each goes on to add as much"
        " as in this run,\nand nothing grows by time alone or is purged, rotated or restarted."
        " +- is the standard error of the line."
    )
    return measuring.table(head, rows) + "\n" + said


def as_json(samples: Sequence[Sample], found: Mapping[str, Slope]) -> dict[str, Any]:
    """Return samples and slopes as JSON types."""
    return {
        "samples": [{"boots": one.boots, "mib": dict(one.mib)} for one in samples],
        "mib_per_1000_boots": {
            name: {"slope": one.mib_per_1000, "error": one.error} for name, one in found.items()
        },
    }
