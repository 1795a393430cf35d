"""Finds the processes of one cloud that a fault may hit, and never another's.

A launcher is what the supervisor recorded, by pid and start time; its workers are the members of
its session, by the number in their titles.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from devstack_lite import control, processes, reaper
from devstack_lite.cloud import Cloud, CloudError
from devstack_lite.reaper import Ref
from devstack_lite.roster import Roster

BROKER = "broker"
_WORKER = re.compile(r"^devstack-lite: (?:compute \S+|\w+) worker (\d+)$")
"""A daemon's own workers: what else its launcher serves has a word more, as api's metadata has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One process of the cloud; worker is None for a launcher, and for the broker's node."""

    process: str
    role: str
    worker: int | None
    ref: Ref

    def __str__(self) -> str:
        part = "launcher" if self.worker is None else f"worker {self.worker}"
        shown = self.process if self.role == BROKER else f"{self.process} {part}"
        return f"{shown} (pid {self.ref.pid})"


def roster_of(cloud: Cloud) -> Roster:
    """Return what the cloud's supervisor says. Raises CloudError when it is not up."""
    found = control.running(cloud)
    if found is None:
        raise CloudError(f"{cloud.name} is not up.")
    return found


def names_of(cloud: Cloud, role: str) -> list[str]:
    """Return the processes that a word means: compute is every host's, compute-host1 is one.

    Raises CloudError for another word.
    """
    table = processes.of(cloud)
    found = [one.name for one in table if role in {one.name, one.daemon}]
    if not found:
        known = ", ".join(dict.fromkeys(word for one in table for word in (one.daemon, one.name)))
        raise CloudError(f"{cloud.name} has no {role}; it has {known}.")
    return found


def launchers(cloud: Cloud, role: str) -> list[Target]:
    """Return the living launchers of a role."""
    names, entries = names_of(cloud, role), roster_of(cloud).daemons
    return [
        Target(process=name, role=_role_of(cloud, name), worker=None, ref=entries[name].ref)
        for name in names
        if name in entries and entries[name].ref.is_alive()
    ]


def workers(cloud: Cloud, role: str, number: int | None = None) -> list[Target]:
    """Return the living workers of a role, or those of one number, in the order of their titles."""
    names, entries = names_of(cloud, role), roster_of(cloud).daemons
    found = [
        Target(process=name, role=_role_of(cloud, name), worker=told, ref=ref)
        for name in names
        if name in entries
        for told, ref in _numbered(entries[name].ref)
        if number in {None, told}
    ]
    return sorted(found, key=lambda one: (one.process, one.worker or 0, one.ref.pid))


def broker(cloud: Cloud) -> Target:
    """Return the node of the cloud's own broker. Raises CloudError when it has none that runs."""
    if cloud.broker.kind != "local":
        raise CloudError(f"{cloud.name}'s broker is {cloud.broker.kind}: not a process of its own.")
    for ref in roster_of(cloud).broker[:1]:
        if ref.is_alive():
            return Target(process=BROKER, role=BROKER, worker=None, ref=ref)
    raise CloudError(f"{cloud.name}'s broker does not run now.")


def is_stopped(ref: Ref) -> bool:
    """Say whether a process is stopped by a signal."""
    try:
        text = Path(f"/proc/{ref.pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] == "T"


def _role_of(cloud: Cloud, name: str) -> str:
    return next(one.daemon for one in processes.of(cloud) if one.name == name)


def _numbered(leader: Ref) -> list[tuple[int, Ref]]:
    found = []
    for member in reaper.session_members(leader):
        told = _WORKER.match(_title(member.pid)) if member.pid != leader.pid else None
        if told is not None:
            found.append((int(told[1]), member))
    return found


def _title(pid: int) -> str:
    """Return what a process calls itself: setproctitle leaves zeros behind it."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return text.partition(b"\0")[0].decode(errors="replace").strip()
