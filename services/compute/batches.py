"""Many small reports in one call: whoever reports while a call is under way shares the next one.

No timer delays anybody: the first report is sent at once, and what gathers meanwhile goes together.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

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
