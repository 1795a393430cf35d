"""Makes traces after the published figures of Azure's VM workload; the same for the same seed.

The trace that they are after is AzurePublicDatasetV1 (https://github.com/Azure/AzurePublicDataset,
CC BY 4.0). Looked up there, and kept to here:

- 2,013,767 VMs in 30 days, 104,371,713 VM hours and 237,815,104 core hours (its
  AzurePublicDatasetV1.md): so a VM is there for 51.8 hours of the 30 days, 7.2 % of all VMs run
  at a time, and they have 2.28 cores;
- it begins in the midst of life: what runs then has a creation time of 0 (its notebook "Azure
  Public Dataset - Trace Analysis");
- the 16 sizes of SIZES, and that VMs come in batches (resources/maps and INPUT.md of
  https://github.com/huaweicloud/trace_generation_rnn, which has the arrivals as text). Counted in
  half an hour of it, from 1,800,000 s on, 1,055 VMs: the shares of BATCHES; 95 % of batches are of
  one size; 1 core with 1.75 GB, 2 with 3.5, 4 with 7, 8 with 14 and 1 with 0.75 are the sizes that
  nearly all have, in this order. Of 680 lifetimes there 8 % were of more than a day.

Attributed, without the text at hand, to E. Cortez, A. Bonde, A. Muzio, M. Russinovich, M. Fontoura
and R. Bianchini, "Resource Central: Understanding and Predicting Workloads for Improved Resource
Management in Large Cloud Platforms", SOSP 2017, which is about all of Azure, not that trace alone:

- almost 80 % of VMs have 1 or 2 cores, and 70 % have less than 4 GB of memory;
- of lifetimes, 29 % are up to 15 minutes, 32 % up to an hour, 32 % up to a day and 7 % more (the
  buckets and shares of its predictor); those of more than a day have over 95 % of the core hours;
- arrivals follow the hours of the day, are fewer at weekends, and come in bursts: the times between
  them are heavy-tailed, and Weibull distributions fit them.

Ours: how the shares are divided among the sizes, such that all sums above hold; that lifetimes are
log-uniform within their bucket, from a minute and up to 163 days, which is how far the last bucket
must go for 7.2 % to run at a time; that size and lifetime are drawn independently, the VMs of a
batch being of one size and living equally long, give or take a fifth; by how much arrivals rise and
fall, and the shape of their Weibull distribution. A trace begins at midnight of a Monday.

So a trace made here is like Azure's in kind. For figures to be quoted, replay the trace itself.
"""

from __future__ import annotations

import itertools
import math
import random
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TypeVar

from services.scheduler.simulate.trace import MIB_PER_GIB, Vm

T = TypeVar("T")
Size = tuple[int, float]

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S

SIZES: dict[Size, float] = {
    (1, 0.75): 5.0, (1, 1.75): 40.0, (1, 2): 2.0,
    (2, 3.5): 23.0, (2, 4): 4.0, (2, 14): 3.5, (2, 16): 1.5,
    (4, 7): 11.0, (4, 8): 1.5, (4, 28): 1.0, (4, 32): 0.5,
    (8, 14): 5.0, (8, 16): 0.5, (8, 56): 0.5, (8, 64): 0.3,
    (16, 112): 0.7,
}  # fmt: skip
"""Percent of VMs by cores and GiB of memory."""

LIFETIMES: dict[tuple[float, float], float] = {
    (MINUTE_S, 15 * MINUTE_S): 29.0,
    (15 * MINUTE_S, HOUR_S): 32.0,
    (HOUR_S, DAY_S): 32.0,
    (DAY_S, 163 * DAY_S): 7.0,
}
"""Percent of VMs that come by the bounds of their lifetime, in seconds."""

BATCHES: dict[tuple[int, int], float] = {
    (1, 1): 60.1, (2, 2): 19.4, (3, 3): 5.9, (4, 4): 2.9, (5, 5): 1.2, (6, 7): 2.4, (8, 10): 3.9,
    (11, 15): 2.4, (16, 25): 1.5, (26, 50): 0.3, (51, 200): 0.3,
}  # fmt: skip
"""Percent of batches by the fewest and the most VMs that come at once."""
LIKENESS = 0.2
"""By how much of the batch's lifetime those of its VMs differ, at most."""

DAILY_SWING = 0.4
"""Arrivals are so much more than the mean of a day at PEAK_HOUR, and so much fewer 12 hours off."""
PEAK_HOUR = 14
WEEKEND = 0.6
"""Arrivals of a Saturday or Sunday as a share of a weekday's."""
BURSTINESS = 0.6
"""The Weibull shape of the times between batches; 1 were a Poisson process."""


def generate(count: int, seed: int, *, days: float = 30.0) -> list[Vm]:
    """Return count VMs in the order of their arrival: what runs at first, then what comes."""
    chance = random.Random(seed)  # noqa: S311 - it shall be repeatable
    running_at_once = mean_lifetime_s() / (days * DAY_S)
    there = round(count * running_at_once / (1 + running_at_once))
    found = [(0.0, _residual(chance), _one_of(chance, SIZES)) for _ in range(there)]
    found += _coming(chance, count - there, days)
    return [
        Vm(
            id=f"vm-{number}",
            arrival_s=float(round(arrival_s)),
            lifetime_s=float(round(lifetime_s)),
            cores=cores,
            memory_mb=int(memory_gib * MIB_PER_GIB),
        )
        for number, (arrival_s, lifetime_s, (cores, memory_gib)) in enumerate(found, start=1)
    ]


def mean_lifetime_s() -> float:
    """Return the mean lifetime of VMs that come."""
    return sum(
        share * (high - low) / math.log(high / low) for (low, high), share in LIFETIMES.items()
    ) / sum(LIFETIMES.values())


def _coming(chance: random.Random, count: int, days: float) -> list[tuple[float, float, Size]]:
    """Return arrival, lifetime and size of count VMs, batch by batch."""
    batches: list[int] = []
    left = count
    while left > 0:
        batches.append(min(left, chance.randint(*_one_of(chance, BATCHES))))
        left -= batches[-1]
    found = []
    for number, arrival_s in zip(batches, _arrivals(chance, len(batches), days), strict=True):
        size, (low, high) = _one_of(chance, SIZES), _one_of(chance, LIFETIMES)
        lifetime_s = low * (high / low) ** chance.random()
        for _ in range(number):
            own_s = lifetime_s * chance.uniform(1 - LIKENESS, 1 + LIKENESS)
            found.append((arrival_s, min(max(own_s, low), high), size))
    return found


def _residual(chance: random.Random) -> float:
    """Return how much longer a VM lives that runs at some moment.

    It lives the longer the likelier it is to be met: of a bucket by the time that its VMs have in
    all, within it uniformly. How much of that is over is uniform again.
    """
    met = {
        bounds: share * (bounds[1] - bounds[0]) / math.log(bounds[1] / bounds[0])
        for bounds, share in LIFETIMES.items()
    }
    return chance.uniform(*_one_of(chance, met)) * chance.random()


def _one_of(chance: random.Random, shares: Mapping[T, float]) -> T:
    return chance.choices(list(shares), list(shares.values()))[0]


def intensity(hour: int) -> float:
    """Return how many arrive in the hour with that number, relative to a weekday's mean."""
    swing = 1 + DAILY_SWING * math.cos(2 * math.pi * (hour - PEAK_HOUR) / 24)
    return swing * (WEEKEND if hour // 24 % 7 in {5, 6} else 1.0)


def _arrivals(chance: random.Random, count: int, days: float) -> list[float]:
    """Return times in seconds: a bursty process, its clock run as fast as the hour has arrivals."""
    hours = max(1, math.ceil(days * 24))
    passed = list(itertools.accumulate(intensity(hour) for hour in range(hours)))
    gaps = [chance.weibullvariate(1.0, BURSTINESS) for _ in range(count + 1)]
    clock = list(itertools.accumulate(gaps))
    scale = passed[-1] / clock[-1]
    end_s = days * DAY_S
    return [min(_when(passed, at * scale), end_s) for at in clock[:count]]


def _when(passed: Sequence[float], at: float) -> float:
    hour = min(bisect_left(passed, at), len(passed) - 1)
    before = passed[hour - 1] if hour else 0.0
    return (hour + (at - before) / (passed[hour] - before)) * HOUR_S
