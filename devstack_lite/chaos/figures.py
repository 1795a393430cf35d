"""A few numbers that stand for many: median, 95th percentile, worst."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Seconds, and of how many; all zero of none."""

    count: int
    p50_s: float
    p95_s: float
    worst_s: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Return the figures of some durations; percentiles by nearest rank."""
        ordered = sorted(values)
        return cls(
            count=len(ordered),
            p50_s=_rank(ordered, 0.5),
            p95_s=_rank(ordered, 0.95),
            worst_s=_rank(ordered, 1.0),
        )


def _rank(ordered: list[float], share: float) -> float:
    if not ordered:
        return 0.0
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)
