"""Plays the stages of a profile: how long each takes and whether it fails.

Used by the hypervisor for its own operations and, from outside, for what happens around it (the
image's fetch, the port's plug). It knows nothing of domains.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random, SystemRandom

from fake_hypervisor.errors import error, libvirtError
from fake_hypervisor.profile import (
    STAGES,
    Failure,
    Profile,
    ProfileError,
    Rule,
    Selectors,
    load_profile,
)

__all__ = ["STAGES", "ProfileError", "Selectors", "StageEngine", "StageOutcome"]

_FREE = Rule()
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOutcome:
    """What became of one run of a stage: how long it took and, if it failed, how."""

    stage: str
    delay_s: float
    failure: Failure | None = None

    @property
    def failed(self) -> bool:
        """Whether the stage failed."""
        return self.failure is not None

    @property
    def message(self) -> str:
        """Why it failed; empty when it did not."""
        return self.failure.message if self.failure else ""

    def to_error(self) -> libvirtError | None:
        """Return the failure as libvirt would raise it, None when the stage succeeded."""
        return error(self.failure.code, self.failure.message) if self.failure else None


class StageEngine:
    """Draws and plays stages; safe to share between threads and after a fork.

    With a seed each stage has a sequence of its own, so that how often one stage runs does not
    change what another one draws. Without one the system's randomness is used, which forked
    workers do not share.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        seed: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.profile = profile
        self._sleep = sleep
        self._random: dict[str, Random] = {
            stage: SystemRandom() if seed is None else Random(f"{seed}/{stage}")  # noqa: S311
            for stage in STAGES
        }
        self._busy = {
            stage
            for stage, rules in profile.stages.items()
            if not all(rule.is_free for rule in rules)
        }

    @classmethod
    def load(
        cls,
        profile: str,
        seed: int | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> StageEngine:
        """Return the engine of a built-in profile's name or of a path to a YAML file.

        Raises ProfileError, one sentence that names the file and the key.
        """
        return cls(load_profile(profile), seed=seed, sleep=sleep)

    def is_free(self, stage: str) -> bool:
        """Return whether the stage takes no time and cannot fail, whatever it is about."""
        _check(stage)
        return stage not in self._busy

    def decide(self, stage: str, selectors: Selectors = _NOTHING) -> StageOutcome:
        """Draw what this run of the stage will do, without doing it."""
        _check(stage)
        rules = self.profile.stages.get(stage, ())
        rule = next((rule for rule in rules if rule.matches(selectors)), _FREE)
        random = self._random[stage]
        failure = rule.failure
        # Drawn even where it is not used: a seeded sequence must not depend on the outcome.
        roll = random.random() if failure is not None else 1.0
        delay_s = rule.delay.draw_s(random)
        if failure is None or roll >= failure.probability:
            return StageOutcome(stage=stage, delay_s=delay_s)
        return StageOutcome(stage=stage, delay_s=failure.hang_s or delay_s, failure=failure)

    def wait(self, seconds: float) -> None:
        """Let time pass, as a stage does that is played in parts."""
        self._sleep(seconds)

    def run(self, stage: str, selectors: Selectors = _NOTHING) -> StageOutcome:
        """Play the stage: wait as long as it takes and return the outcome; raises nothing of it.

        A failure comes after the stage's delay, a hang after its hang_s.
        """
        outcome = self.decide(stage, selectors)
        if outcome.delay_s > 0:
            self._sleep(outcome.delay_s)
        return outcome


def _check(stage: str) -> None:
    if stage not in STAGES:
        raise ValueError(f"there is no stage {stage!r}; there are {', '.join(sorted(STAGES))}")
