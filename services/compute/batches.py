"""Many small reports in one call: whoever reports while a call is under way shares the next one.

No timer delays anybody: the first report is sent at once, and what gathers meanwhile goes together.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from devstack_lite.exceptions import DevstackError

LOG = logging.getLogger(__name__)

Item = TypeVar("Item")
Answer = TypeVar("Answer")

BATCH_LIMIT = 200


class Batcher(Generic[Item, Answer]):
    """Sends items in batches from one thread; each caller waits for its own answer."""

    def __init__(
        self, name: str, send: Callable[[Sequence[Item]], Sequence[Answer]], *, senders: int = 1
    ) -> None:
        self._send = send
        self._waiting: list[tuple[Item, Future[Answer]]] = []
        self._changed = threading.Condition()
        for number in range(senders):
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True).start()

    def submit(self, item: Item) -> Answer:
        """Send item with whatever else waits; return its answer, or raise what the send raised."""
        future: Future[Answer] = Future()
        with self._changed:
            self._waiting.append((item, future))
            self._changed.notify()
        return future.result()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                batch = self._waiting[:BATCH_LIMIT]
                del self._waiting[:BATCH_LIMIT]
            try:
                answers = self._send([item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 - handed to whoever waits for the answer
                for _, future in batch:
                    future.set_exception(error)
            else:
                for (_, future), answer in zip(batch, answers, strict=True):
                    future.set_result(answer)


class ProgressBoard(Generic[Item]):
    """Shows where each build is, once it has been there for longer than after_s seconds.

    A state that nobody could see is never sent.
    """

    def __init__(self, send: Callable[[Sequence[Item]], None], *, after_s: float) -> None:
        self._send = send
        self._after_s = after_s
        self._states: dict[str, tuple[float, Item]] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        threading.Thread(target=self._run, name="progress", daemon=True).start()

    def show(self, key: str, item: Item) -> None:
        """Note where the build key is now."""
        with self._lock:
            self._states[key] = (time.monotonic() + self._after_s, item)
        self._wake.set()

    def forget(self, key: str) -> None:
        """Note that the build key is over."""
        with self._lock:
            self._states.pop(key, None)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            with self._lock:
                if not self._states:
                    self._wake.clear()
                    continue
                now = time.monotonic()
                due = {key: item for key, (when, item) in self._states.items() if when <= now}
                for key in due:
                    del self._states[key]
                pause_s = min((when - now for when, _ in self._states.values()), default=0.0)
            if due:
                try:
                    self._send(list(due.values()))
                except DevstackError as error:
                    LOG.warning("progress not shown: %s", error)
            elif pause_s > 0:
                time.sleep(pause_s)
