"""What the supervisor says of itself and its daemons: `<state>/supervisor.json`.

Written by the supervisor alone, in one step, at each change. `up` shows from it what is waited for,
`status` who runs, and `down` whom to end when the supervisor itself is gone.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from devstack_lite.cloud import write_private
from devstack_lite.reaper import Ref

FILE_NAME = "supervisor.json"


class Phase(StrEnum):
    """How far the supervisor is."""

    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"
    STOPPING = "stopping"
    STOPPED = "stopped"


class DaemonState(StrEnum):
    """How one daemon's launcher is."""

    RUNNING = "running"
    RESTARTING = "restarting"
    HELD = "held"
    """Ended, and not to be started again before its hold is taken away."""
    STOPPED = "stopped"


@dataclass(slots=True, kw_only=True)
class Entry:
    """One daemon: its launcher as it is now, and how the last one ended."""

    pid: int
    start_ticks: int
    started_at: float
    """Epoch seconds."""
    state: DaemonState = DaemonState.RUNNING
    restarts: int = 0
    last_exit: str | None = None

    @property
    def ref(self) -> Ref:
        """The launcher's process."""
        return Ref(self.pid, self.start_ticks)


@dataclass(slots=True, kw_only=True)
class Roster:
    """The supervisor, the broker's processes and the daemons."""

    pid: int
    start_ticks: int
    started_at: float
    phase: Phase = Phase.STARTING
    waiting_for: str = ""
    error: str | None = None
    """Why the phase is FAILED: one sentence, and the last lines of a log behind it."""
    broker: list[Ref] = field(default_factory=list)
    broker_restarts: int = 0
    daemons: dict[str, Entry] = field(default_factory=dict)

    @property
    def ref(self) -> Ref:
        """The supervisor's process."""
        return Ref(self.pid, self.start_ticks)

    def is_alive(self) -> bool:
        """Say whether the supervisor that wrote this still runs."""
        return self.ref.is_alive()

    def write(self, state_dir: Path) -> None:
        """Replace the file."""
        write_private(state_dir / FILE_NAME, json.dumps(dataclasses.asdict(self), indent=1) + "\n")


def read(state_dir: Path) -> Roster | None:
    """Return what the last supervisor wrote, or None when there never was one."""
    try:
        record: dict[str, Any] = json.loads((state_dir / FILE_NAME).read_text())
    except (FileNotFoundError, ValueError):
        return None
    daemons = {
        name: Entry(**entry | {"state": DaemonState(entry["state"])})
        for name, entry in record["daemons"].items()
    }
    return Roster(
        **record
        | {
            "phase": Phase(record["phase"]),
            "broker": [Ref(**one) for one in record["broker"]],
            "daemons": daemons,
        }
    )
