"""Refuses what one user asks for too often: a token bucket per user and rule.

A rule is `METHOD PATH NUMBER/UNIT`: the path a regular expression that the request's path, without
the version and the project's id, begins with; * is any method. Its bucket holds NUMBER requests
and fills up in a UNIT (second, minute, hour, day). A request takes one from the bucket of each rule
that it matches, if all of them have one. Each worker process counts for itself.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from oslo_config import cfg

from devstack_lite.exceptions import Invalid
from devstack_lite.wsgi.faults import HttpError
from devstack_lite.wsgi.request import CONTEXT

UNITS_S = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
MOST_BUCKETS = 10_000
"""Beyond so many, those that are full again are forgotten."""

_PROJECT = re.compile(r"^/[0-9a-f]{32}(?=/)")


@dataclass(frozen=True, slots=True)
class Rule:
    """How often a user may send which requests."""

    method: str
    path: re.Pattern[str]
    number: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the rule that a text is. Raises Invalid."""
        try:
            method, path, often = text.split()
            number, unit = often.split("/")
            rule = cls(method.upper(), re.compile(path), int(number), unit.lower())
        except (ValueError, re.error) as error:
            raise Invalid(f"no limit: {text!r} is not METHOD PATH NUMBER/UNIT ({error})") from error
        if rule.unit not in UNITS_S or rule.number < 1:
            raise Invalid(f"no limit: {text!r}; units are {', '.join(UNITS_S)}, numbers from 1")
        return rule

    @property
    def per_s(self) -> float:
        """How many come back in a second."""
        return self.number / UNITS_S[self.unit]

    def matches(self, method: str, path: str) -> bool:
        """Say whether a request takes from this rule's bucket."""
        return self.method in {"*", method} and self.path.match(path) is not None

    def __str__(self) -> str:
        return f"{self.number} {self.method} {self.path.pattern} per {self.unit}"


class Buckets:
    """What is left, per user and rule; safe for threads."""

    def __init__(self, rules: Iterable[Rule], *, clock: Callable[[], float] = time.monotonic):
        self._rules = tuple(rules)
        self._clock = clock
        self._left: dict[tuple[str, Rule], tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, user: str, method: str, path: str) -> tuple[Rule, float] | None:
        """Take one for a request; or take nothing, and return the rule and the seconds to wait."""
        rules = [rule for rule in self._rules if rule.matches(method, path)]
        if not rules:
            return None
        with self._lock:
            now = self._clock()
            left = {rule: self._level(user, rule, now) for rule in rules}
            waits = {rule: (1 - level) / rule.per_s for rule, level in left.items() if level < 1}
            if waits:
                rule = max(waits, key=lambda one: waits[one])
                return rule, waits[rule]
            for rule, level in left.items():
                self._left[user, rule] = (level - 1, now)
            if len(self._left) > MOST_BUCKETS:
                self._forget(now)
        return None

    def _level(self, user: str, rule: Rule, now: float) -> float:
        level, seen = self._left.get((user, rule), (float(rule.number), now))
        return min(float(rule.number), level + (now - seen) * rule.per_s)

    def _forget(self, now: float) -> None:
        self._left = {
            (user, rule): kept
            for (user, rule), kept in self._left.items()
            if self._level(user, rule, now) < rule.number
        }


class RateLimit:
    """429 with Retry-After for a request too many."""

    def __init__(self, app: Any, buckets: Buckets) -> None:
        self._app = app
        self._buckets = buckets

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Do it for one request."""
        context = environ.get(CONTEXT)
        user = str(getattr(context, "user_id", None) or environ.get("REMOTE_ADDR", ""))
        path = _PROJECT.sub("", environ.get("PATH_INFO", ""))
        refused = self._buckets.take(user, environ["REQUEST_METHOD"], path)
        if refused is not None:
            rule, wait_s = refused
            raise HttpError(
                429,
                f"This request was rate-limited: {rule} are allowed.",
                {"Retry-After": str(math.ceil(wait_s))},
            )
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer


def factory(_global_conf: Any, **_local: Any) -> Callable[[Any], Any]:
    """Paste filter factory; without [api] rate_limits it is not there. Raises Invalid."""
    rules = [Rule.parse(text) for text in cfg.CONF.api.rate_limits]

    def build(app: Any) -> Any:
        return RateLimit(app, Buckets(rules)) if rules else app

    return build
