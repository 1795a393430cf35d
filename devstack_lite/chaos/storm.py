"""All actions on servers at once, each with its workers killed at each point of its way.

Every action has a server of its own, and a failpoint of its own at each of its points. Whoever
comes to one waits there with the action in hand; when all wait somewhere, or are over, everybody
who waits is killed at once, and so on until all are over. So one respawn serves all, and each
action has lost, one after the other, the api worker that took it (before and after it noted it),
whoever does its work and whoever notes its end.
"""

from __future__ import annotations

import contextlib
import signal
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from devstack_lite import cloud_files
from devstack_lite.chaos import observe, targets
from devstack_lite.chaos.asked import ServerAction
from devstack_lite.chaos.points import Points
from devstack_lite.chaos.server_actions import settings_of, table_of
from devstack_lite.chaos.step_matrix import reading
from devstack_lite.chaos.subject import LOOK_S, Subject, wait
from devstack_lite.cli.boot import order_of
from devstack_lite.cli.session import Session
from devstack_lite.cloud import Cloud
from devstack_lite.exceptions import DevstackError
from devstack_lite.failpoints import Action, Failpoint

STILL_S = 25.0
"""Longer than a lost message takes to be asked for again."""
QUIET_S = 5.0
"""Longer than a killed worker takes to be missed, and replaced: who comes nowhere in so long, while
others wait, is one whose message was lost."""
END_S = 60.0
AT_ONCE = 8
"""As many as one api worker of the usual ten threads can have in hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """A worker that was killed with an action in hand."""

    role: str
    point: str
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an action."""

    action: str
    server: str
    """Its uuid; an errand has none."""
    state: str
    """What there is in the end, with whatever is not as it should be."""
    is_good: bool
    deaths: tuple[Death, ...]
    not_reached: tuple[str, ...]
    """Its points at which nobody came by. None is one before something is done; one after it may
    be, where another action's death took this one's worker along before it came there."""
    events: tuple[tuple[str, str | None], ...]
    """Of the instance's action of that name: event and result."""
    asked_again: bool


@dataclass(slots=True, kw_only=True)
class _Trial:
    """One action and its server, on their way."""

    name: str
    action: ServerAction
    subject: Subject
    waiting: dict[str, Failpoint] = field(default_factory=dict)
    """Failpoints at which nobody has been killed yet."""
    deaths: list[Death] = field(default_factory=list)
    trouble: str = ""
    asking: Future[None] | None = None

    def is_over(self) -> bool:
        """Say whether the client has its answer, and the server is as it should be in the end."""
        return (
            self.asking is not None
            and self.asking.done()
            and self.subject.state(self.action) == self.action.vm_state
        )


def run_storm(
    cloud: Cloud,
    names: Sequence[str],
    say: Callable[[str], None],
    look: Callable[[], None],
    *,
    at_once: int = AT_ONCE,
) -> list[Outcome]:
    """Ask for the actions of these names, or for all there are, so many at a time.

    look is called when all of them are over, and their servers still there.
    """
    table = table_of(settings_of(cloud))
    wanted = [name for name in table if not names or name in names]
    outcomes = []
    with contextlib.closing(Points(cloud)) as points, reading(cloud, at_once + 2) as db:
        storm = _Storm(cloud, points, say, look)
        for start in range(0, len(wanted), at_once):
            trials = []
            for name in wanted[start : start + at_once]:
                own = f"life-{name.replace(' ', '-')}-{time.time_ns() % 1_000_000_007:x}"
                body = order_of(storm.client, own, 1, "m1.tiny", "cirros", ()).body()
                subject = Subject(cloud, db, own, body, table)
                trials.append(_Trial(name=name, action=table[name], subject=subject))
            outcomes += storm.run(trials)
    return outcomes


class _Storm:
    """Runs trials together."""

    def __init__(
        self,
        cloud: Cloud,
        points: Points,
        say: Callable[[str], None],
        look: Callable[[], None],
    ) -> None:
        self.client = Session(cloud_files.credentials(cloud))
        self._cloud = cloud
        self._points = points
        self._say = say
        self._look = look

    def run(self, trials: Sequence[_Trial]) -> list[Outcome]:
        """Prepare all, break all, and say what became of each; leave nothing behind."""
        with ThreadPoolExecutor(len(trials)) as pool:
            self._say(f"{len(trials)} servers are brought to where they can be asked")
            list(pool.map(self._boot, trials))
            # A host that is down takes none of the others, and lets go of none while it is.
            dead = [trial for trial in trials if trial.action.is_on_dead_host]
            others = [trial for trial in trials if not trial.action.is_on_dead_host]
            for some in (dead, others):
                list(pool.map(self._prepare, some))
            for trial in trials:
                trial.waiting = {one.id: one for one in failpoints_of(trial)}
            self._points.arm_all([one for trial in trials for one in trial.waiting.values()])
            try:
                for trial in trials:
                    trial.asking = pool.submit(trial.subject.ask, trial.action)
                while held := self._held_when_still(trials):
                    self._kill(held)
            finally:
                self._points.disarm()
            outcomes = list(pool.map(self._outcome, trials))
            self._look()
            for some in (dead, others):
                list(pool.map(lambda trial: trial.subject.remove(trial.action), some))
        wait(lambda: not observe.not_up(self._cloud), END_S)
        return outcomes

    def _boot(self, trial: _Trial) -> None:
        if trial.action.is_errand or trial.action.boot is not None:
            return
        *others, last = self._cloud.hosts
        host = last
        if len(others) > 1 and not trial.action.is_on_dead_host:
            host = others[zlib.crc32(trial.name.encode()) % len(others)]
        trial.subject.boot(zone=f"nova:{host}", is_slow=bool(trial.action.during))

    def _prepare(self, trial: _Trial) -> None:
        try:
            trial.trouble = trial.subject.prepare(trial.action)
        except DevstackError as error:
            trial.trouble = str(error)

    def _held_when_still(self, trials: Sequence[_Trial]) -> list[tuple[_Trial, Failpoint, Death]]:
        """Wait until each action waits at a point or is over; return who waits where.

        Whoever is late is waited for while others still come to their points.
        """
        deadline, seen = time.monotonic() + STILL_S, 0
        while True:
            held = [(trial, one, death) for trial in trials for one, death in self._held(trial)]
            waiting = {id(trial) for trial, _, _ in held}
            moving = [one for one in trials if id(one) not in waiting and not one.is_over()]
            if len(held) > seen:
                deadline, seen = time.monotonic() + (QUIET_S if held else STILL_S), len(held)
            if not moving or time.monotonic() > deadline:
                return held
            time.sleep(LOOK_S)

    def _held(self, trial: _Trial) -> list[tuple[Failpoint, Death]]:
        return [
            (one, Death(role=firing.service, point=firing.point, pid=firing.pid))
            for one in trial.waiting.values()
            for firing in self._points.firings(one.id)
        ]

    def _kill(self, held: Sequence[tuple[_Trial, Failpoint, Death]]) -> None:
        """Kill everybody who waits; who comes by there later is let go."""
        pids = {death.pid for _, _, death in held}
        roles = {death.role for _, _, death in held}
        refs = [
            one.ref
            for role in roles
            for one in targets.workers(self._cloud, role)
            if one.ref.pid in pids
        ]
        what = ", ".join(
            sorted(f"{role} {sum(d.role == role for _, _, d in held)}" for role in roles)
        )
        self._say(f"{len(refs)} workers with {len(held)} actions in hand are killed ({what})")
        for ref in refs:
            ref.send(signal.SIGKILL)
        self._points.forget([one.id for _, one, _ in held])
        for trial, one, death in held:
            del trial.waiting[one.id]
            trial.deaths.append(death)

    def _outcome(self, trial: _Trial) -> Outcome:
        subject, action = trial.subject, trial.action
        trouble = trial.trouble and f", {trial.trouble}"
        if trial.asking is not None and (problem := trial.asking.exception(timeout=END_S)):
            trouble += f", asked: {problem}"
        state = subject.end(action)
        recorded: list[list[tuple[str, str | None]]] = []
        try:
            state += subject.shown(action)
            recorded = subject.recorded(action)
        except DevstackError as error:
            trouble += f", looked at: {error}"
        state += trouble + _wrong_in(recorded, action)
        missed = [one.point for one in trial.waiting.values()]
        return Outcome(
            action=trial.name,
            server=subject.uuid,
            state=state,
            is_good=state == action.vm_state
            and not any(point.endswith(".before") for point in missed),
            deaths=tuple(trial.deaths),
            not_reached=tuple(missed),
            events=tuple(event for one in recorded for event in one),
            asked_again=subject.asked_again,
        )


def _wrong_in(recorded: Sequence[Sequence[tuple[str, str | None]]], action: ServerAction) -> str:
    """Return what is not as it should be among the instance's actions of that name."""
    if len(recorded) != bool(action.recorded):
        return f", recorded {len(recorded)} times"
    for events in recorded:
        if action.event not in {event for event, _ in events}:
            return f", without an event {action.event}"
        wrong = [f"{event} {result}" for event, result in events if result != action.result]
        if wrong:
            return f", with events {', '.join(wrong)}"
    return ""


def failpoints_of(trial: _Trial) -> list[Failpoint]:
    """Return where whoever has the action in hand waits: each once."""
    action, subject = trial.action, trial.subject
    asked = [
        Failpoint(
            id=f"{subject.name}-{number}", point=f"http.api.{side}", action=Action.HOLD, count=1,
            service="api", request_id=subject.request_id,
        )
        for number, side in enumerate(("before", "after"))
    ]  # fmt: skip
    places = [(*own, side) for own in action.points for side in ("before", "after")]
    places += [(*own, "after") for own in action.helpers]
    # A server that is yet to boot has no id; an errand is of none.
    request_id = "" if subject.uuid else subject.request_id
    return asked + [
        Failpoint(
            id=f"{subject.name}-{number}", point=f"{point}.{side}", action=Action.HOLD, count=1,
            service=role, instance=subject.uuid, request_id=request_id,
        )
        for number, (role, point, side) in enumerate(places, len(asked))
    ]  # fmt: skip
