"""What comes while a message is sent shares the next one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from devstack_lite import failpoints, gathering
from devstack_lite.exceptions import Unavailable
from devstack_lite.gathering import Gatherer, SharedQuestion

WAIT_S = 10.0


class Post:
    """Sends what it is let to; tells what goes together."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []
        self.under_way = threading.Semaphore(0)
        self.may_go = threading.Semaphore(0)

    def send(self, items: Sequence[str]) -> list[str | Exception]:
        self.sent.append(list(items))
        self.under_way.release()
        assert self.may_go.acquire(timeout=WAIT_S)
        if "burn" in items:
            raise OSError("all of it is lost")
        return [ValueError(one) if one.startswith("bad") else one.upper() for one in items]


class Crowd:
    """Submits from threads of their own."""

    def __init__(self, gatherer: Gatherer[str, str]) -> None:
        self._gatherer = gatherer
        self._pool = ThreadPoolExecutor(8)

    def submit(self, item: str) -> Future[str]:
        return self._pool.submit(self._gatherer.submit, item)


def begun(gatherer: Gatherer[str, str], post: Post, *items: str) -> list[Future[str]]:
    """Submit items; return when the first is under way and the others wait, in that order."""
    crowd = Crowd(gatherer)
    asked = [crowd.submit(items[0])]
    assert post.under_way.acquire(timeout=WAIT_S)
    for count, item in enumerate(items[1:], 1):
        asked.append(crowd.submit(item))
        until_waiting(gatherer, count)
    return asked


def until_waiting(gatherer: Gatherer[Any, Any], count: int) -> None:
    """Return when so many wait for their turn."""
    for _ in range(1000):
        if len(gatherer._waiting) == count:
            return
        threading.Event().wait(0.01)
    pytest.fail(f"{len(gatherer._waiting)} wait, not {count}")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sends beside another."""
    monkeypatch.setattr(gathering, "PATIENCE_S", WAIT_S)


@pytest.mark.usefixtures("patient")
def test_what_comes_meanwhile_goes_together() -> None:
    """The first goes alone and at once, the others in one message; each has its own answer."""
    post = Post()
    gatherer: Gatherer[str, str] = Gatherer(post.send)
    first, *rest = begun(gatherer, post, "a", "b", "bad c", "d")
    post.may_go.release(2)
    assert first.result(WAIT_S) == "A"
    assert rest[0].result(WAIT_S) == "B"
    with pytest.raises(ValueError, match="bad c"):
        rest[1].result(WAIT_S)
    assert rest[2].result(WAIT_S) == "D"
    assert post.sent[0] == ["a"]
    assert sorted(post.sent[1]) == ["b", "bad c", "d"]


@pytest.mark.usefixtures("patient")
def test_what_fails_as_a_whole_fails_for_each_and_the_next_goes_on() -> None:
    """Who waited when a message was lost is sent after it."""
    post = Post()
    gatherer: Gatherer[str, str] = Gatherer(post.send)
    first, second = begun(gatherer, post, "burn", "b")
    post.may_go.release(2)
    with pytest.raises(OSError, match="all of it"):
        first.result(WAIT_S)
    assert second.result(WAIT_S) == "B"
    assert post.sent == [["burn"], ["b"]]


class Strike(BaseException):
    """Not to be caught by whoever catches all errors."""


@pytest.mark.usefixtures("patient")
def test_nobody_waits_for_ever_for_who_died_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its companions are told, and the next one's turn comes."""
    monkeypatch.setattr(gathering, "LINGER_S", 0.0)
    post = Post()

    def send(items: Sequence[str]) -> list[str | Exception]:
        if "b" in items:
            raise Strike
        return post.send(items)

    gatherer: Gatherer[str, str] = Gatherer(send, linger_s=0.0)
    first, *rest = begun(gatherer, post, "a", "b", "c")
    post.may_go.release(2)
    assert first.result(WAIT_S) == "A"
    assert {type(one.exception(WAIT_S)) for one in rest} == {Strike, Unavailable}
    assert Crowd(gatherer).submit("d").result(WAIT_S) == "D"


def test_nobody_waits_for_a_message_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is out of patience sends beside it, with whoever else waits."""
    monkeypatch.setattr(gathering, "PATIENCE_S", 0.01)
    post = Post()
    gatherer: Gatherer[str, str] = Gatherer(post.send)
    crowd = Crowd(gatherer)
    hanging = crowd.submit("a")
    assert post.under_way.acquire(timeout=WAIT_S)
    beside = crowd.submit("b")
    assert post.under_way.acquire(timeout=WAIT_S)
    assert post.sent == [["a"], ["b"]]
    assert not hanging.done()
    post.may_go.release(2)
    assert {hanging.result(WAIT_S), beside.result(WAIT_S)} == {"A", "B"}


@pytest.mark.usefixtures("patient")
def test_nothing_is_shared_while_a_failpoint_is_armed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is held there holds up nobody else."""
    monkeypatch.setattr(failpoints, "is_any_armed", lambda: True)
    post = Post()
    gatherer: Gatherer[str, str] = Gatherer(post.send)
    crowd = Crowd(gatherer)
    asked = [crowd.submit(one) for one in ("a", "bad b")]
    for _ in asked:
        assert post.under_way.acquire(timeout=WAIT_S)
    post.may_go.release(2)
    assert asked[0].result(WAIT_S) == "A"
    with pytest.raises(ValueError, match="bad b"):
        asked[1].result(WAIT_S)
    assert sorted(post.sent) == [["a"], ["bad b"]]


def test_many_threads_get_their_own_answers() -> None:
    """Whatever went together, nobody gets another's answer, and none is sent twice."""
    sent: list[str] = []

    def send(items: Sequence[str]) -> list[str | Exception]:
        sent.extend(items)
        return [one.upper() for one in items]

    gatherer: Gatherer[str, str] = Gatherer(send)
    words = [f"word {number}" for number in range(400)]
    with ThreadPoolExecutor(16) as pool:
        assert [word.upper() for word in words] == list(pool.map(gatherer.submit, words))
    assert sorted(sent) == sorted(words)


class Oracle:
    """Answers a question with how often it was asked before, when it is let to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.under_way = threading.Semaphore(0)
        self.may_answer = threading.Semaphore(0)

    def ask(self, about: str) -> int:
        self.asked.append(about)
        number = len(self.asked)
        self.under_way.release()
        assert self.may_answer.acquire(timeout=WAIT_S)
        if about == "doom":
            raise PermissionError(about)
        return number


@pytest.mark.usefixtures("patient")
def test_nobody_gets_an_answer_to_what_was_asked_before() -> None:
    """Those who come while a question is asked share the next one; another is asked beside it."""
    oracle = Oracle()
    question: SharedQuestion[str, int] = SharedQuestion(oracle.ask)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(question.about, "token")
        assert oracle.under_way.acquire(timeout=WAIT_S)
        later = [pool.submit(question.about, "token") for _ in range(3)]
        until_waiting(question._asked["token"][0], 3)
        other = pool.submit(question.about, "doom")
        assert oracle.under_way.acquire(timeout=WAIT_S)
        oracle.may_answer.release(3)
        assert first.result(WAIT_S) == (1, 0)
        assert [one.result(WAIT_S) for one in later] == [(3, 2)] * 3
        with pytest.raises(PermissionError, match="doom"):
            other.result(WAIT_S)
    assert oracle.asked == ["token", "doom", "token"]
    assert question._asked == {}
