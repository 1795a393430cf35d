"""Points in the code at which a process can be told to die, wait, fail or lose a message.

`hit(point)` does nothing, at the cost of one look at a global, while nothing is armed.
What is armed stands in files below the cloud's state folder, an RPC fanout only says that they
changed: a worker that is respawned reads them, too. What fired is a file each, made exclusively, so
that a failpoint fires as often as it may over all processes together, and a killed process has left
word of where it died.

Points: `boot.step-NN.before` and `.after` for each of the 18 steps; `op.<operation>.before` and
`.after` for what a host does to an instance, `op.createImage.upload` and `op.rebuild.volume` in the
midst of it; `rpc.<topic>.<method>.before` and `.after` for every message; `http.<service>.before`
and `.after` for every request; `db.<verb>` before every statement. tests/contract has the list.
"""

from __future__ import annotations

import fnmatch
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Self

from oslo_context import context as oslo_context

from devstack_lite import partition, worker
from devstack_lite.exceptions import Unavailable

LOG = logging.getLogger(__name__)

FOLDER = "failpoints"
LOOK_S = 0.02
HELD_CALL_S = 3600.0
"""What a call may take while somebody holds something: a person walks from step to step."""


class Action(StrEnum):
    """What happens at a point."""

    KILL = "kill"
    """The process sends itself SIGKILL."""
    STOP = "stop"
    """The process sends itself SIGSTOP; `chaos resume` lets it go on."""
    RAISE = "raise"
    """Unavailable is raised."""
    DELAY = "delay"
    """The thread sleeps."""
    DROP = "drop"
    """The message is lost: not handled, or not answered."""
    HOLD = "hold"
    """The thread waits until it is released, or the failpoint disarmed."""
    CUT = "cut"
    """All connections of the process carry nothing, from when it is armed; at no point."""


NETWORK = "network"
"""Where a cut is armed: it strikes by itself."""
EVERYWHERE = "everywhere"
"""Where a hold is armed that no thread comes by: the clock stands still for all."""
ONCE = {Action.KILL, Action.STOP, Action.RAISE, Action.DROP}
"""Actions that happen once unless told otherwise."""


class Dropped(BaseException):
    """A message that is to be lost. Not an Exception, so that nothing answers for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failpoint:
    """Where, for whom and how often something happens. Empty fields match everything."""

    id: str
    point: str
    """A name, or a pattern with `*`."""
    action: Action
    seconds: float = 0.0
    """Of a delay."""
    service: str = ""
    host: str = ""
    request_id: str = ""
    instance: str = ""
    """A uuid."""
    count: int = 0
    """How often it may fire, over all processes; 0 is any number."""
    skip: int = 0
    """How often it is passed before that."""
    expires_at: float = 0.0
    """Epoch second; 0 is never."""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what to_json wrote."""
        values = json.loads(text)
        return cls(**{**values, "action": Action(values["action"])})

    def to_json(self) -> str:
        """Return it as a file's text."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One time that a failpoint fired, and in which process."""

    failpoint: str
    number: int
    at: float
    point: str
    action: Action
    service: str
    host: str
    pid: int
    worker: int
    request_id: str = ""
    instance: str = ""
    is_over: bool = False
    """Of a hold or a delay: the process has gone on."""


_armed: tuple[Failpoint, ...] = ()
_folder: Path | None = None
_lock = threading.Lock()
_taken: dict[str, int] = {}
"""The last number of each failpoint's firings that this process knows to be taken."""


def configure(state_dir: str | Path) -> None:
    """Say where failpoints are armed; called by each worker after its fork."""
    global _folder
    _folder = Path(state_dir) / FOLDER
    reload()


def reload() -> None:
    """Read what is armed now, and leave word that this process knows."""
    global _armed
    _taken.clear()
    if _folder is None or not _folder.is_dir():
        _armed = ()
        return
    with _lock:
        _armed = tuple(armed(_folder))
        seen = _folder / "seen"
        seen.mkdir(mode=0o700, exist_ok=True)
        (seen / str(os.getpid())).write_text(json.dumps([one.id for one in _armed]))
    for one in _armed:
        if one.action is Action.CUT and one.host == worker.current().host:
            partition.cut_while(partial(_is_wanted, _folder, one))


def _is_wanted(folder: Path, one: Failpoint) -> bool:
    is_over = one.expires_at and one.expires_at < time.time()
    return not is_over and (folder / f"{one.id}.armed").exists()


def armed(folder: Path) -> list[Failpoint]:
    """Return what is armed in a folder."""
    found = []
    for path in sorted(folder.glob("*.armed")):
        try:
            found.append(Failpoint.from_json(path.read_text()))
        except (OSError, ValueError):
            LOG.warning("%s is no failpoint", path)
    return found


def is_any_armed() -> bool:
    """Say whether anything is armed here: where even a point's name would cost too much."""
    return bool(_armed)


def is_holding() -> bool:
    """Say whether somebody holds something here: time does not count then."""
    now = time.time()
    return any(
        one.action is Action.HOLD and not (one.expires_at and one.expires_at < now)
        for one in _armed
    )


def held_instances() -> set[str] | None:
    """Return the instances that somebody holds; None when it is not known whose work is held."""
    if _folder is None:
        return set()
    held = set()
    for one in _armed:
        if one.action is not Action.HOLD or (one.expires_at and one.expires_at < time.time()):
            continue
        if one.point == EVERYWHERE:
            return None
        for path in _folder.glob(f"{one.id}.*.fired"):
            try:
                firing = json.loads(path.read_text())
            except (OSError, ValueError):
                return None  # it is being written, or disarmed
            if not firing["is_over"]:
                held.add(one.instance or firing["instance"])
    return None if "" in held else held


@contextmanager
def around(point: str, *, request_id: str = "", message: Any = None) -> Iterator[None]:
    """Pass `<point>.before`, and `<point>.after` when the block did not fail."""
    hit(f"{point}.before", request_id=request_id, message=message)
    yield
    hit(f"{point}.after", request_id=request_id, message=message)


def hit(point: str, *, request_id: str = "", message: Any = None) -> None:
    """Pass a point. request_id: where the thread's context is not the request's yet.

    message: what the thread handles, in which an instance's uuid is looked for. Raises Unavailable
    or Dropped where that is armed.
    """
    if not _armed:
        return
    for one in _armed:
        if fnmatch.fnmatchcase(point, one.point):
            firing = _firing(one, point, request_id, message)
            if firing is not None:
                _act(one, firing)


def _firing(one: Failpoint, point: str, request_id: str, message: Any) -> Firing | None:
    """Return the firing that this is, its file made; None when it does not fit or may not."""
    me, now = worker.current(), time.time()
    context = oslo_context.get_current()
    ids = {request_id} if request_id else {
        getattr(context, "request_id", ""), getattr(context, "global_request_id", "")
    }  # fmt: skip
    uuid = getattr(context, "resource_uuid", None) or ""
    if (
        (one.service and one.service != me.service)
        or (one.host and one.host != me.host)
        or (one.request_id and one.request_id not in ids)
        or (one.instance and one.instance != uuid and one.instance not in repr(message))
        or (one.expires_at and one.expires_at < now)
    ):
        return None
    firing = Firing(
        failpoint=one.id, number=0, at=now, point=point, action=one.action, service=me.service,
        host=me.host, pid=os.getpid(), worker=me.worker, request_id=str(next(iter(ids)) or ""),
        instance=uuid,
    )  # fmt: skip
    return _record(one, firing)


def _record(one: Failpoint, firing: Firing) -> Firing | None:
    """Take the next number of a failpoint's firings: atomic, whichever process asks."""
    folder = _folder
    if folder is None or not (folder / f"{one.id}.armed").exists():
        return None
    number = _taken.get(one.id, 0) + 1
    while one.count == 0 or number <= one.skip + one.count:
        _taken[one.id] = number
        path = folder / f"{one.id}.{number}.fired"
        numbered = replace(firing, number=number)
        try:
            with path.open("x") as file:
                json.dump(asdict(numbered), file)
        except FileExistsError:
            number += 1
            continue
        except OSError:
            return None
        return numbered if number > one.skip else None
    return None


def _act(one: Failpoint, firing: Firing) -> None:
    LOG.warning("failpoint %s at %s: %s", one.id, firing.point, one.action)
    match one.action:
        case Action.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case Action.STOP:
            os.kill(os.getpid(), signal.SIGSTOP)
        case Action.RAISE:
            raise Unavailable(f"failpoint {one.id} at {firing.point}")
        case Action.DROP:
            raise Dropped(firing.point)
        case Action.DELAY:
            time.sleep(one.seconds)
        case Action.HOLD:
            _wait(one, firing)
    _end(firing)


def _wait(one: Failpoint, firing: Firing) -> None:
    folder = _folder
    while (
        folder is not None
        and (folder / f"{one.id}.armed").exists()
        and not released(folder, firing).exists()
        and not (one.expires_at and one.expires_at < time.time())
    ):
        time.sleep(LOOK_S)


def _end(firing: Firing) -> None:
    if _folder is None:
        return
    path = _folder / f"{firing.failpoint}.{firing.number}.fired"
    if path.exists():
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(replace(firing, is_over=True))))
        fresh.replace(path)


def released(folder: Path, firing: Firing) -> Path:
    """Return the file that releases a hold when it is there."""
    return folder / f"{firing.failpoint}.{firing.number}.go"
