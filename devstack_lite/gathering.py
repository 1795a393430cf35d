"""What comes at one moment goes in one message: whoever comes while one is sent shares the next.

No thread of its own: who comes alone sends at once, in its own thread, and what gathers meanwhile
is sent by the first of those who wait. Who had company a moment ago waits for more, for less time
than a message takes on a busy machine. So a cloud without load answers as fast as it can, and the
more there is to do, the less each costs.

While a failpoint is armed nothing is shared: whoever is held or killed there shall be it alone.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from devstack_lite import failpoints
from devstack_lite.exceptions import Unavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Key = TypeVar("Key")

AT_ONCE = 200
"""Items of one message: as many servers as one request of `python -m benchmarks.boot` asks for."""

PATIENCE_S = 0.5
"""How long somebody waits for others' message before sending one beside it: a multiple of what one
takes on a busy machine, and little beside the seconds after which a call is given up."""

LINGER_S = 0.02
"""How long to wait for company; boots by 10 clients at once cost 10 % less with it, 50 ms do no
more (`python -m benchmarks.boot`)."""

RECENT_S = 0.2
"""For how long company lets expect more: about what a boot takes where there are many."""


class _Place(Generic[Item, Answer]):
    """One who waits, for the turn or for the answer."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.called = threading.Event()
        self.answers: list[Answer | Exception] = []
        """Its answer, once it is there."""


class Gatherer(Generic[Item, Answer]):
    """Sends items, many at a time; each caller waits for its own answer."""

    def __init__(
        self,
        send: Callable[[Sequence[Item]], Sequence[Answer | Exception]],
        *,
        linger_s: float = LINGER_S,
    ) -> None:
        """send: returns for each item its answer, or the error for its caller alone to see."""
        self._send = send
        self._linger_s = linger_s
        self._waiting: deque[_Place[Item, Answer]] = deque()
        self._lock = threading.Lock()
        self._sending = 0
        self._company_until = 0.0
        """On the monotonic clock."""

    def submit(self, item: Item) -> Answer:
        """Send item with whatever else waits; return its answer, or raise its error."""
        if failpoints.is_any_armed():
            return _answered(self._send([item])[0])
        place: _Place[Item, Answer] = _Place(item)
        with self._lock:
            leads = self._sending == 0
            if leads:
                self._sending = 1
            else:
                self._waiting.append(place)
        if not leads:
            self._await_turn(place)
        if not place.answers:
            self._send_with(place)
        return _answered(place.answers[0])

    def _await_turn(self, place: _Place[Item, Answer]) -> None:
        """Wait until its answer is there, or it is to send what waits."""
        if place.called.wait(PATIENCE_S):
            return
        with self._lock:
            is_left = place in self._waiting
            if is_left:
                self._waiting.remove(place)
                self._sending += 1
        if not is_left:
            place.called.wait()

    def _send_with(self, leader: _Place[Item, Answer]) -> None:
        """Send what waits with the leader's own; then hand the turn on."""
        if self._linger_s and time.monotonic() < self._company_until:
            time.sleep(self._linger_s)
        with self._lock:
            places = [leader]
            while self._waiting and len(places) < AT_ONCE:
                places.append(self._waiting.popleft())
        answers: Sequence[Answer | Exception] = []
        try:
            answers = self._send([place.item for place in places])
        except Exception as error:  # noqa: BLE001 - each caller's to handle
            answers = [error] * len(places)
        finally:
            self._hand_on(places, answers)

    def _hand_on(
        self, places: Sequence[_Place[Item, Answer]], answers: Sequence[Answer | Exception]
    ) -> None:
        """Give the turn to who waits, and to each sender the answer; whatever became of it."""
        with self._lock:
            if self._waiting or len(places) > 1:
                self._company_until = time.monotonic() + RECENT_S
            self._sending -= 1
            following = None
            if self._waiting and self._sending == 0:
                self._sending = 1
                following = self._waiting.popleft()
        if following is not None:
            following.called.set()
        if len(answers) != len(places):
            answers = [Unavailable("what it was sent with failed")] * len(places)
        for place, answer in zip(places, answers, strict=True):
            place.answers.append(answer)
            place.called.set()


def _answered(answer: Answer | Exception) -> Answer:
    if isinstance(answer, Exception):
        raise answer
    return answer


class SharedQuestion(Generic[Key, Answer]):
    """A question about something, which those who come while it is asked ask once, after that.

    Nobody gets an answer to what was asked before they came: this is no cache.
    """

    def __init__(self, ask: Callable[[Key], Answer]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asked: dict[Key, tuple[Gatherer[Key, tuple[Answer, int]], int]] = {}
        """About what somebody asks now, and how many do."""

    def about(self, key: Key) -> tuple[Answer, int]:
        """Return the answer, and how many others share it. Raises what asking raises."""
        with self._lock:
            gatherer, count = self._asked.get(key) or (Gatherer(self._ask_once, linger_s=0.0), 0)
            self._asked[key] = gatherer, count + 1
        try:
            return gatherer.submit(key)
        finally:
            with self._lock:
                gatherer, count = self._asked[key]
                self._asked[key] = gatherer, count - 1
                if count == 1:
                    del self._asked[key]

    def _ask_once(self, keys: Sequence[Key]) -> list[tuple[Answer, int] | Exception]:
        return [(self._ask(keys[0]), len(keys) - 1)] * len(keys)
