"""What this worker has in hand: taken once, reported while it lasts, forgotten at its end.

Whatever lasts longer than after_s seconds is reported, and again every REPORT_EVERY_S: that is how
the reconciler knows it from what died. All of it goes in one call. What is over sooner costs none.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from devstack_lite.exceptions import DevstackError
from devstack_lite.objects.compute import Progress
from devstack_lite.states import TaskState

LOG = logging.getLogger(__name__)

REPORT_EVERY_S = 2.0
REMEMBERED = 1024
"""Of how many the latest attempt is known when it is over: a message is late by seconds at most."""


@dataclass(slots=True)
class _Entry:
    attempt: int
    task_state: TaskState | None
    due: float


class InHand:
    """The worker's operations by instance; thread-safe."""

    def __init__(
        self, owner: str, report: Callable[[Sequence[Progress]], list[str]], *, after_s: float
    ) -> None:
        self.owner = owner
        self._report = report
        self._after_s = after_s
        self._entries: dict[str, _Entry] = {}
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._at_it: set[str] = set()
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="in-hand", daemon=True).start()

    def take(self, uuid: str, attempt: int) -> bool:
        """Take an attempt in hand; False when this worker has it, or had a later one, already."""
        with self._changed:
            there = self._entries.get(uuid)
            if there is not None and there.attempt >= attempt:
                return False
            if self._newest.get(uuid, attempt) > attempt:
                return False
            self._newest[uuid] = attempt
            self._newest.move_to_end(uuid)
            while len(self._newest) > REMEMBERED:
                self._newest.popitem(last=False)
            self._entries[uuid] = _Entry(attempt, None, time.monotonic() + self._after_s)
            self._changed.notify_all()
            return True

    @contextlib.contextmanager
    def turn(self, uuid: str, attempt: int) -> Iterator[bool]:
        """Wait until no earlier attempt is at it here; give whether none is later by then.

        An attempt that was fenced does not know it: two at once could end as neither asked.
        """
        with self._changed:
            while uuid in self._at_it:
                self._changed.wait()
            self._at_it.add(uuid)
            is_newest = self._newest.get(uuid, attempt) == attempt
        try:
            yield is_newest
        finally:
            with self._changed:
                self._at_it.discard(uuid)
                self._changed.notify_all()

    def show(self, uuid: str, attempt: int, task_state: TaskState) -> None:
        """Note where a build is now; a person sees it if it stays there."""
        with self._changed:
            entry = self._entries.get(uuid)
            if entry is not None and entry.attempt == attempt:
                entry.task_state = task_state
                entry.due = time.monotonic() + self._after_s
                self._changed.notify_all()

    def drop(self, uuid: str, attempt: int) -> None:
        """Forget an attempt that is over."""
        with self._changed:
            entry = self._entries.get(uuid)
            if entry is not None and entry.attempt == attempt:
                del self._entries[uuid]

    def _run(self) -> None:
        while True:
            reports = self._wait_for_due()
            try:
                lost = self._report(reports)
            except DevstackError as error:
                LOG.warning("progress not reported: %s", error)
                continue
            for uuid in lost:
                LOG.info("no longer ours", extra={"instance_uuid": uuid})

    def _wait_for_due(self) -> list[Progress]:
        """Wait until something must be reported; return it, and note when it is due again."""
        with self._changed:
            while True:
                now = time.monotonic()
                due = [(uuid, one) for uuid, one in self._entries.items() if one.due <= now]
                if due:
                    break
                soonest = min((one.due for one in self._entries.values()), default=None)
                self._changed.wait(None if soonest is None else soonest - now)
            for _, entry in due:
                entry.due = now + REPORT_EVERY_S
            return [
                Progress(
                    instance_uuid=uuid,
                    attempt=entry.attempt,
                    owner=self.owner,
                    task_state=entry.task_state,
                )
                for uuid, entry in due
            ]
