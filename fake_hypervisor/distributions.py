"""How long a stage takes: the distributions a profile may name, in seconds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

Draw = Callable[[Random, Mapping[str, float]], float]


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of distribution: the parameters it takes, and how a value is drawn."""

    parameters: tuple[str, ...]
    draw: Draw


# Random.gauss would be quicker than normalvariate, but threads may draw one value twice from it.
FAMILIES: dict[str, Family] = {
    "uniform": Family(("min_s", "max_s"), lambda r, p: r.uniform(p["min_s"], p["max_s"])),
    "normal": Family(("mean_s", "sd_s"), lambda r, p: r.normalvariate(p["mean_s"], p["sd_s"])),
    "lognormal": Family(
        ("median_s", "sigma"), lambda r, p: r.lognormvariate(math.log(p["median_s"]), p["sigma"])
    ),
    "exponential": Family(("mean_s",), lambda r, p: r.expovariate(1.0 / p["mean_s"])),
}

# A zero here would be a division by zero or the logarithm of zero.
STRICTLY_POSITIVE = {"median_s"} | {"exponential.mean_s"}


@dataclass(frozen=True, slots=True)
class Delay:
    """A family with its parameters; family None is the constant `constant_s`."""

    constant_s: float = 0.0
    family: str | None = None
    parameters: Mapping[str, float] | None = None
    jitter_s: float = 0.0

    @property
    def is_zero(self) -> bool:
        """Whether it never takes any time."""
        return self.family is None and self.constant_s == 0.0 and self.jitter_s == 0.0

    def draw_s(self, random: Random) -> float:
        """Return a duration in seconds: the distribution's, give or take jitter_s, at least 0."""
        value_s = self.constant_s
        if self.family is not None:
            value_s = FAMILIES[self.family].draw(random, self.parameters or {})
        if self.jitter_s:
            value_s += random.uniform(-self.jitter_s, self.jitter_s)
        return max(0.0, value_s)
