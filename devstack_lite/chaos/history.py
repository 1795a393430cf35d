"""The record of a run: one JSON object per line, in the order in which things happened.

Each has `at`, seconds since the run began, and `type`; the rest depends on the type:

    header    what was asked for: seed, settings, the plan's digest, the cloud
    fault     number, kind, role, process, worker, seconds, pid: null when nobody was there
    back      fault: somebody has the place of whom that fault ended
    resumed   fault: a pause is over
    request   number, action, server, name: a client begins to ask
    answer    number, status, outcome, request_id, server_id, detail
    finished  number, status: what was accepted is over, seen by a client
    cell      of a matrix: role, kind, action, fault, first and count of its requests' numbers
    settled   is_settled, waiting_for, in_transit, under_way: whether the load is over, who is not
              up, which servers something is done to, which operations are open
    final     servers: what is there at the end; actions: the request ids that each server knows
    check     exit_code, report: what `devstack-lite check` says
    cleaned   left: servers that could not be deleted afterwards
    verdict   what the judge made of it

Outcomes of a request: accepted (2xx); refused (any other answer: nothing has changed); indefinite
(no answer: perhaps); skipped (never sent: there was no such server).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from devstack_lite.cloud import make_private_folder

FILE_NAME = "history.jsonl"

Event = dict[str, Any]


class Outcome(StrEnum):
    """What a client knows of its request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    INDEFINITE = "indefinite"
    SKIPPED = "skipped"


class History:
    """Keeps the events, and writes each to the file at once; thread-safe."""

    def __init__(self, folder: Path | None = None) -> None:
        """Begin now; without a folder nothing is written."""
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._file: TextIO | None = None
        self.folder = folder
        if folder is not None:
            make_private_folder(folder)
            self._file = (folder / FILE_NAME).open("w", buffering=1)

    def now(self) -> float:
        """Return the seconds since the beginning."""
        return time.monotonic() - self._began

    def add(self, kind: str, /, at: float | None = None, **fields: Any) -> Event:
        """Note an event that happens now, or that happened at a time."""
        with self._lock:
            event = {"at": round(self.now() if at is None else at, 4), "type": kind, **fields}
            self._events.append(event)
            if self._file is not None:
                self._file.write(json.dumps(event) + "\n")
            return event

    def events(self) -> Sequence[Event]:
        """Return what was noted so far."""
        with self._lock:
            return tuple(self._events)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read(path: Path) -> list[Event]:
    """Return the events of a file, or of the folder that holds it.

    A last line that was cut off is left out: its writer was killed.
    """
    path = path / FILE_NAME if path.is_dir() else path
    lines = path.read_text().splitlines()
    events = []
    for index, line in enumerate(lines):
        try:
            events.append(json.loads(line))
        except ValueError:
            if index < len(lines) - 1:
                raise
    return events


def of_type(events: Sequence[Event], kind: str) -> list[Event]:
    """Return the events of one type."""
    return [event for event in events if event["type"] == kind]
