"""Makes traces after the published figures of Azure's VM workload; the same for the same seed.

Attributed, without having been checked against its text, to E. Cortez, A. Bonde, A. Muzio,
M. Russinovich, M. Fontoura and R. Bianchini, "Resource Central: Understanding and Predicting
Workloads for Improved Resource Management in Large Cloud Platforms", SOSP 2017, and kept to here:

- almost 80 % of VMs have 1 or 2 cores, and 70 % have less than 4 GB of memory;
- of lifetimes, 29 % are up to 15 minutes, 32 % up to an hour, 32 % up to a day and 7 % more (the
  buckets and shares of its predictor); those of more than a day have over 95 % of the core hours;
- arrivals follow the hours of the day, are fewer at weekends, and come in bursts: the times between
  them are heavy-tailed, and Weibull distributions fit them.

Checked, of the trace that was published with it (AzurePublicDatasetV1,
https://github.com/Azure/AzurePublicDataset, CC BY 4.0): 238 million core hours in 104 million VM
hours, so 2.28 cores on average over VM hours, in its notebook "Azure Public Dataset - Trace
Analysis"; the 16 sizes of SIZES, in resources/maps/flav_map.txt of
https://github.com/huaweicloud/trace_generation_rnn, which was made from it.

Ours: how the shares are divided among the sizes, such that the sums above hold; that lifetimes are
log-uniform within their bucket, from a minute and up to 180 days, which is how far the last bucket
must go for its share of the core hours; that size and lifetime are drawn independently, and every
VM by itself, where the trace has many that come at once and are alike; by how much arrivals rise
and fall, and the shape of their Weibull distribution.
A trace begins at midnight of a Monday, in an empty cloud.

So a trace made here is like Azure's in kind. For figures to be quoted, replay the trace itself.
"""

from __future__ import annotations

import itertools
import math
import random
from bisect import bisect_left
from collections.abc import Sequence

from services.scheduler.simulate.trace import MIB_PER_GIB, Vm

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S

SIZES: dict[tuple[int, float], float] = {
    (1, 0.75): 8.0, (1, 1.75): 34.0, (1, 2): 5.0,
    (2, 3.5): 23.0, (2, 4): 3.0, (2, 14): 4.0, (2, 16): 2.0,
    (4, 7): 8.0, (4, 8): 3.0, (4, 28): 1.5, (4, 32): 1.0,
    (8, 14): 4.0, (8, 16): 1.5, (8, 56): 0.8, (8, 64): 0.4,
    (16, 112): 0.8,
}  # fmt: skip
"""Percent of VMs by cores and GiB of memory."""

LIFETIMES: dict[tuple[float, float], float] = {
    (MINUTE_S, 15 * MINUTE_S): 29.0,
    (15 * MINUTE_S, HOUR_S): 32.0,
    (HOUR_S, DAY_S): 32.0,
    (DAY_S, 180 * DAY_S): 7.0,
}
"""Percent of VMs by the bounds of their lifetime, in seconds."""

DAILY_SWING = 0.4
"""Arrivals are so much more than the mean of a day at PEAK_HOUR, and so much fewer 12 hours off."""
PEAK_HOUR = 14
WEEKEND = 0.6
"""Arrivals of a Saturday or Sunday as a share of a weekday's."""
BURSTINESS = 0.6
"""The Weibull shape of the times between arrivals; 1 were a Poisson process."""


def generate(count: int, seed: int, *, days: float = 30.0) -> list[Vm]:
    """Return count VMs that arrive within so many days, in the order of their arrival."""
    chance = random.Random(seed)  # noqa: S311 - it shall be repeatable
    sizes = chance.choices(list(SIZES), list(SIZES.values()), k=count)
    bounds = chance.choices(list(LIFETIMES), list(LIFETIMES.values()), k=count)
    arrivals = _arrivals(chance, count, days)
    return [
        Vm(
            id=f"vm-{number}",
            arrival_s=float(round(arrival_s)),
            lifetime_s=float(round(low * (high / low) ** chance.random())),
            cores=cores,
            memory_mb=int(memory_gib * MIB_PER_GIB),
        )
        for number, (arrival_s, (low, high), (cores, memory_gib)) in enumerate(
            zip(arrivals, bounds, sizes, strict=True), start=1
        )
    ]


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
