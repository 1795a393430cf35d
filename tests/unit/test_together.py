"""Several calls in one message: each with its context, its answer and its error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devstack_lite import failpoints
from devstack_lite.context import RequestContext, current_context
from devstack_lite.exceptions import Conflict, DevstackError, QuotaExceeded, Unavailable
from devstack_lite.rpc import server, together
from devstack_lite.rpc.serializer import decode, encode


class Shop:
    """Sells what is wanted, to whoever may have it."""

    def __init__(self) -> None:
        self.together: list[int] = []
        self.served: list[str] = []

    def sell(self, context: RequestContext, *, what: str) -> str:
        if what == "too much":
            raise QuotaExceeded("not that much", kind="shop")
        self.served.append(str(current_context().request_id))
        return f"{what} for {context.user_id}"


class Wholesale(Shop):
    """Sells many at once, all or none."""

    def sell_together(self, calls: list[together.Call]) -> list[str]:
        self.together.append(len(calls))
        if any(given["what"] == "too much" for _, given in calls):
            raise QuotaExceeded("not all of that")
        return [f"{given['what']} at once for {own.user_id}" for own, given in calls]


def calls_of(*wanted: str) -> list[together.Call]:
    return [
        (RequestContext(user_id=f"u{number}", request_id=f"req-{number}"), {"what": what})
        for number, what in enumerate(wanted)
    ]


def ask(shop: Shop, calls: list[together.Call], **times: float) -> list[Any]:
    """Send calls over what a message's content crosses; return the answers."""
    wire = json.loads(json.dumps(encode(together.to_message(calls))))
    received = together.from_message(RequestContext(**times), decode(wire))
    answers = together.answer(shop, "sell", "rpc.shop.sell", received, server.run)
    return together.answers_from_message(
        decode(json.loads(json.dumps(encode(together.answers_to_message(answers)))))
    )


def test_each_call_has_its_own_context_and_answer() -> None:
    shop = Shop()
    assert ask(shop, calls_of("tea", "jam")) == ["tea for u0", "jam for u1"]
    assert shop.served == ["req-0", "req-1"]


def test_an_error_is_one_calls_alone() -> None:
    """It comes back as what it was, with its text and what it is about."""
    tea, error, jam = ask(Shop(), calls_of("tea", "too much", "jam"))
    assert (tea, jam) == ("tea for u0", "jam for u2")
    assert isinstance(error, QuotaExceeded)
    assert (error.message, error.kind) == ("not that much", "shop")


def test_a_manager_may_do_all_at_once() -> None:
    shop = Wholesale()
    assert ask(shop, calls_of("tea", "jam")) == ["tea at once for u0", "jam at once for u1"]
    assert shop.together == [2]


def test_what_cannot_be_done_at_once_is_done_one_by_one() -> None:
    shop = Wholesale()
    tea, error = ask(shop, calls_of("tea", "too much"))
    assert tea == "tea for u0"
    assert isinstance(error, QuotaExceeded)
    assert shop.together == [2]


def test_an_unexpected_error_is_one_calls_alone() -> None:
    """What the others did is done, and they are told so."""

    class Clumsy(Shop):
        def sell(self, context: RequestContext, *, what: str) -> str:
            if what == "glass":
                raise KeyError(what)
            return super().sell(context, what=what)

    tea, error, jam = ask(Clumsy(), calls_of("tea", "glass", "jam"))
    assert (tea, jam) == ("tea for u0", "jam for u2")
    assert type(error) is DevstackError


def test_who_does_not_answer_is_not_asked_for_each() -> None:
    """A peer that is away is away for all of them."""

    class Remote(Shop):
        def sell_together(self, calls: list[together.Call]) -> list[str]:
            raise Unavailable("the warehouse does not answer")

    shop = Remote()
    answers = ask(shop, calls_of("tea", "jam"))
    assert [type(one) for one in answers] == [Unavailable, Unavailable]
    assert shop.served == []


def test_a_remote_error_is_told_on_as_what_it_is() -> None:
    """oslo.messaging raises a class of its own making where it came from another process."""
    remote = type("Unavailable_Remote", (Unavailable,), {})("away")
    [found] = together.answers_from_message(together.answers_to_message([remote]))
    assert type(found) is Unavailable


def test_nothing_is_done_for_who_has_given_up() -> None:
    shop = Shop()
    answers = ask(shop, calls_of("tea", "jam"), expires_at=1.0)
    assert [type(one) for one in answers] == [Unavailable, Unavailable]
    assert shop.served == []


def test_a_failpoint_fails_the_call_that_it_is_armed_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The others of its message are done."""

    def hit(point: str, *, message: Any) -> None:
        if message["what"] == "jam" and point.endswith(".before"):
            raise Unavailable("armed")

    monkeypatch.setattr(failpoints, "hit", hit)
    tea, error, milk = ask(Wholesale(), calls_of("tea", "jam", "milk"))
    assert (tea, milk) == ("tea at once for u0", "milk at once for u2")
    assert isinstance(error, Unavailable)


@pytest.mark.parametrize("cls", [Conflict, Unavailable, DevstackError])
def test_errors_cross_as_what_they_are(cls: type[DevstackError]) -> None:
    [found] = together.answers_from_message(together.answers_to_message([cls("why", kind="x")]))
    assert (type(found), found.message, found.kind) == (cls, "why", "x")
