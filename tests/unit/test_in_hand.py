"""What a worker has in hand: one attempt of an instance at a time, and no earlier one after it."""

from __future__ import annotations

import threading

import pytest

from services.compute.in_hand import InHand


@pytest.fixture
def in_hand() -> InHand:
    return InHand("me", lambda _reports: [], after_s=3600.0)


def test_an_attempt_is_taken_once(in_hand: InHand) -> None:
    assert in_hand.take("uuid", 2)
    assert not in_hand.take("uuid", 2)
    assert not in_hand.take("uuid", 1)
    assert in_hand.take("uuid", 3)


def test_an_earlier_one_is_not_taken_after_a_later_one_is_over(in_hand: InHand) -> None:
    """Its message was late: the instance has been dealt with."""
    assert in_hand.take("uuid", 3)
    in_hand.drop("uuid", 3)
    assert not in_hand.take("uuid", 2)
    assert in_hand.take("uuid", 3)
    assert in_hand.take("another", 1)


def test_two_attempts_take_turns(in_hand: InHand) -> None:
    """The later one begins when the earlier one is over; one that is overtaken waiting does not."""
    seen: list[tuple[int, bool]] = []

    def work(attempt: int) -> None:
        with in_hand.turn("uuid", attempt) as is_mine:
            seen.append((attempt, is_mine))

    in_hand.take("uuid", 1)
    with in_hand.turn("uuid", 1) as is_mine:
        assert is_mine
        in_hand.take("uuid", 2)
        in_hand.take("uuid", 3)
        others = [threading.Thread(target=work, args=(attempt,)) for attempt in (2, 3)]
        for one in others:
            one.start()
        others[0].join(0.05)
        assert seen == []
    for one in others:
        one.join(10)
    assert sorted(seen) == [(2, False), (3, True)]
    with in_hand.turn("another", 1) as is_mine:
        assert is_mine
