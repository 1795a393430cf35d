"""What a run will do and when: faults and operations, from a seed and nothing else.

The same settings give the same plan, on any machine: two runs of a seed differ in what became of
it, never in what was done. Faults and operations come from generators of their own, so that more
load leaves the faults as they were.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

CALM_S = 2.0
"""Seconds that the plan leaves a server alone after an operation: a boot takes a tenth of that.
What a fault delays may still be under way then, and its next operation be refused."""

LEAST_PAUSE_S, MOST_PAUSE_S = 0.5, 5.0

IMPATIENT = 0.1
"""Share of the deletes that do not wait for whatever the server does."""


class FaultKind(StrEnum):
    """What may be done to the cloud."""

    KILL_WORKER = "kill-worker"
    KILL_LAUNCHER = "kill-launcher"
    PAUSE = "pause"
    HOST_CRASH = "host-crash"
    BROKER_RESTART = "broker-restart"


WEIGHTS = {
    FaultKind.KILL_WORKER: 6,
    FaultKind.KILL_LAUNCHER: 1,
    FaultKind.PAUSE: 3,
    FaultKind.HOST_CRASH: 1,
    FaultKind.BROKER_RESTART: 1,
}
USUAL = (FaultKind.KILL_WORKER, FaultKind.KILL_LAUNCHER, FaultKind.PAUSE)


class Action(StrEnum):
    """What a client asks for."""

    BOOT = "boot"
    DELETE = "delete"
    STOP = "stop"
    START = "start"
    REBOOT = "reboot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. process is a process of the cloud, or broker."""

    number: int
    at_s: float
    kind: FaultKind
    role: str
    process: str
    worker: int | None = None
    seconds: float | None = None
    """Of a pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One request of a client. server counts the boots from 0."""

    number: int
    at_s: float
    action: Action
    server: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One process that faults may hit, and how many workers it has."""

    role: str
    process: str
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that a plan depends on."""

    seed: int
    duration_s: float
    rate: float
    """Faults per second, on average."""
    load: float
    """Operations per second, on average."""
    servers: int
    """How many servers there are at a time, about."""
    places: Sequence[Place]
    kinds: Sequence[FaultKind] = USUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that will be done, each list in the order of time."""

    faults: Sequence[Fault]
    operations: Sequence[Operation]

    @property
    def digest(self) -> str:
        """Tell one plan from another in a few characters."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def make_plan(settings: Settings) -> Plan:
    """Return the plan of the settings: a pure function."""
    return Plan(
        faults=tuple(_faults(settings, _generator(settings, "faults"))),
        operations=tuple(_operations(settings, _generator(settings, "operations"))),
    )


def _generator(settings: Settings, purpose: str) -> random.Random:
    return random.Random(f"{settings.seed}/{purpose}")  # noqa: S311 - it shall be repeatable


def _times(chance: random.Random, rate: float, duration_s: float) -> Iterator[float]:
    """Yield the times of events that come at random, so many per second on average."""
    at_s = chance.expovariate(rate) if rate > 0 else duration_s
    while at_s < duration_s:
        yield round(at_s, 3)
        at_s += chance.expovariate(rate)


def _faults(settings: Settings, chance: random.Random) -> Iterator[Fault]:
    kinds = list(settings.kinds)
    weights = [WEIGHTS[kind] for kind in kinds]
    roles = sorted({place.role for place in settings.places})
    for number, at_s in enumerate(_times(chance, settings.rate, settings.duration_s)):
        kind = chance.choices(kinds, weights)[0]
        # Always the same draws, so that one kind more does not change the rest of a fault.
        role, which, part = chance.choice(roles), chance.random(), chance.random()
        pause_s = round(chance.uniform(LEAST_PAUSE_S, MOST_PAUSE_S), 2)
        if kind is FaultKind.BROKER_RESTART:
            yield Fault(number=number, at_s=at_s, kind=kind, role="broker", process="broker")
            continue
        if kind is FaultKind.HOST_CRASH:
            role = "compute"
        place = _pick([one for one in settings.places if one.role == role], which)
        if place is None:
            continue
        has_worker = kind in {FaultKind.KILL_WORKER, FaultKind.PAUSE}
        yield Fault(
            number=number,
            at_s=at_s,
            kind=kind,
            role=role,
            process=place.process,
            worker=1 + int(part * place.workers) if has_worker else None,
            seconds=pause_s if kind is FaultKind.PAUSE else None,
        )


def _pick(places: Sequence[Place], which: float) -> Place | None:
    return places[int(which * len(places))] if places else None


@dataclass(slots=True)
class _Server:
    """A server as it would be if everything went well at once."""

    number: int
    calm_at_s: float
    is_running: bool = True


@dataclass(slots=True)
class _Model:
    settings: Settings
    chance: random.Random
    made: int = 0
    alive: list[_Server] = field(default_factory=list)

    def next(self, at_s: float) -> tuple[Action, int]:
        """Choose what is asked for at a time, and of which server."""
        draw = self.chance.random()
        calm = [one for one in self.alive if one.calm_at_s <= at_s]
        is_full = len(self.alive) >= self.settings.servers
        if not calm or (draw < 0.5 and not is_full):
            return self._boot(at_s)
        server = self.chance.choice(calm)
        impatient = self.chance.random() < IMPATIENT
        if self.chance.random() < (0.45 if is_full else 0.2):
            if impatient:
                server = self.alive[-1]
            self.alive.remove(server)
            return Action.DELETE, server.number
        server.calm_at_s = at_s + CALM_S
        if not server.is_running:
            server.is_running = True
            return Action.START, server.number
        if self.chance.random() < 0.5:
            return Action.REBOOT, server.number
        server.is_running = False
        return Action.STOP, server.number

    def _boot(self, at_s: float) -> tuple[Action, int]:
        server = _Server(self.made, at_s + CALM_S)
        self.made += 1
        self.alive.append(server)
        return Action.BOOT, server.number


def _operations(settings: Settings, chance: random.Random) -> Iterator[Operation]:
    model = _Model(settings, chance)
    for number, at_s in enumerate(_times(chance, settings.load, settings.duration_s)):
        action, server = model.next(at_s)
        yield Operation(number=number, at_s=at_s, action=action, server=server)
