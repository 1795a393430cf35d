"""Starts and stops a whole cloud from outside: what `up`, `down` and `restart` do.

Talks to the supervisor through its file and signals alone, so that it also ends a cloud whose
supervisor is gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL, SIGTERM

from devstack_lite import holds, ports, processes, reaper, roster
from devstack_lite.broker import compose, probe
from devstack_lite.cloud import Cloud, CloudError, make_private_folder
from devstack_lite.roster import Roster

STOP_TIMEOUT_S = 60.0
"""Four stages of daemons and the broker, of 13 s each at the very worst."""
IN_FRONT_S = 2.0
"""What a daemon in front may take to end: one that a debugger has stopped never does."""


@contextlib.contextmanager
def only_one(state_dir: Path, name: str) -> Iterator[None]:
    """Keep every other up, down and restart of the cloud out. Raises CloudError when one is in."""
    make_private_folder(state_dir)
    with (state_dir / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CloudError(f"Another up, down or restart of {name} is under way.") from error
        yield


def running(cloud: Cloud) -> Roster | None:
    """Return what the cloud's supervisor says, if it lives."""
    found = roster.read(cloud.state_dir)
    return found if found is not None and found.is_alive() else None


def start_supervisor(cloud: Cloud) -> subprocess.Popen[bytes]:
    """Start the cloud's supervisor in a session of its own; return at once."""
    (cloud.state_dir / roster.FILE_NAME).unlink(missing_ok=True)
    forget_entry_points(cloud)
    with (cloud.log_dir / "supervisor.out").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "devstack_lite.supervisor", "--state", cloud.state_dir],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cloud.state_dir,
            env=environment(cloud),
            start_new_session=True,
        )


def environment(cloud: Cloud) -> dict[str, str]:
    """Return what the cloud's processes have around them.

    What a cloud writes lies in its state folder: stevedore's cache of entry points, too.
    """
    return {**os.environ, "XDG_CACHE_HOME": str(_cache_dir(cloud))}


def forget_entry_points(cloud: Cloud) -> None:
    """Have daemons that start next look for extensions anew.

    stevedore tells caches apart by modification times rounded to two minutes: a package that was
    upgraded sooner than that would still count as the old one.
    """
    shutil.rmtree(_cache_dir(cloud) / "python-entrypoints", ignore_errors=True)


def _cache_dir(cloud: Cloud) -> Path:
    return cloud.state_dir / "cache"


def stop(cloud: Cloud) -> bool:
    """End everything of the cloud that runs, gracefully, then certainly; say whether anything ran.

    Raises CloudError that names what is left, if anything is.
    """
    found = roster.read(cloud.state_dir)
    if found is None or not living(found):
        return False
    found.ref.send(SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while found.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    found.ref.send(SIGKILL)
    # What a supervisor that was killed left behind; after a good end there is nothing.
    found = roster.read(cloud.state_dir) or found
    end_remains(cloud, found)
    if cloud.broker.kind == "external":
        with contextlib.suppress(Exception):
            probe.delete_queues(cloud.broker, processes.queues(cloud))
    left = []
    if living(found):
        left.append(f"processes {', '.join(map(str, living(found)))} still run")
    if listening(cloud):
        left.append(f"ports {', '.join(map(str, listening(cloud)))} are still listened at")
    if left:
        raise CloudError(f"{cloud.name} is not down: {' and '.join(left)}.")
    return True


def end_remains(cloud: Cloud, found: Roster) -> None:
    """End recorded processes whose supervisor is gone, by pid, start time and session.

    Whoever serves in a daemon's place, in front of somebody, never was the supervisor's.
    """
    in_front = [holds.holder_of(cloud.state_dir, one.name) for one in processes.of(cloud)]
    reaper.end_sessions([one for one in in_front if one is not None], IN_FRONT_S)
    leaders = [entry.ref for entry in found.daemons.values()]
    if any(reaper.session_members(leader) for leader in leaders):
        reaper.end_sessions(leaders, 5.0)
    reaper.end_sessions(found.broker, 5.0)
    if cloud.broker.kind == "docker":
        compose.remove(cloud.broker, cloud.name, 10.0)


def living(found: Roster) -> list[int]:
    """Return the pids of the recorded processes and of their sessions that run."""
    leaders = [found.ref, *found.broker, *(entry.ref for entry in found.daemons.values())]
    return sorted({member.pid for one in leaders for member in reaper.session_members(one)})


def listening(cloud: Cloud) -> list[int]:
    """Return the cloud's own ports at which anything listens."""
    broker = cloud.broker
    own = [*cloud.ports.values()]
    if broker.kind != "external":
        own += [port for port in (broker.port, broker.dist_port, broker.epmd_port) if port]
    return ports.listening(own, cloud.listen)


def wipe_logs(state_dir: Path, name: str) -> bool:
    """Remove the folder of a cloud that did not start, which holds its logs; say if it was there.

    A folder with anything else in it stays. Raises CloudError.
    """
    if not (state_dir / "logs").is_dir():
        return False
    with only_one(state_dir, name):
        if {path.name for path in state_dir.iterdir()} != {"logs", "lock"}:
            return False
        shutil.rmtree(state_dir)
    return True


def wipe(cloud: Cloud) -> None:
    """Remove the state folder of a cloud that is down."""
    shutil.rmtree(cloud.state_dir)


def forget(state_dir: Path) -> None:
    """Remove all of a cloud that never came up, but for its logs."""
    for path in state_dir.iterdir() if state_dir.is_dir() else ():
        if path.is_dir() and path.name != "logs":
            shutil.rmtree(path)
        elif not path.is_dir():
            path.unlink()
    with contextlib.suppress(OSError):
        state_dir.rmdir()
