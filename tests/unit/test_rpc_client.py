"""What a caller does whose call nobody answered."""

from __future__ import annotations

from typing import Any, Self

import oslo_messaging
import pytest

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Conflict, NotFound, Unavailable
from devstack_lite.rpc import client as rpc_client
from devstack_lite.rpc.client import RpcClient, declare


class ThingsAPI(RpcClient):
    """Three kinds of calls."""

    TOPIC = "things"

    @declare("call", timeout_s=5, is_idempotent=True)
    def keep(self, context: RequestContext) -> str:
        """May be repeated."""
        return str(self.invoke(context, self.keep))

    @declare("call", timeout_s=5, is_idempotent=False, done_when=NotFound)
    def remove(self, context: RequestContext) -> None:
        """May be repeated, too: there is nothing left then."""
        self.invoke(context, self.remove)

    @declare("call", timeout_s=5, is_idempotent=False)
    def add(self, context: RequestContext) -> None:
        """May not."""
        self.invoke(context, self.add)


class Wire:
    """Answers as it is told; what is an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def prepare(self, **_options: Any) -> Self:
        return self

    def call(self, _context: RequestContext, _method: str, **arguments: Any) -> Any:
        self.arguments = arguments
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


LOST = oslo_messaging.MessagingTimeout("nobody answers")


@pytest.fixture
def things(monkeypatch: pytest.MonkeyPatch) -> ThingsAPI:
    monkeypatch.setattr(rpc_client, "RETRY_PAUSE_S", 0.0)
    return object.__new__(ThingsAPI)


def connect(things: ThingsAPI, *answers: Any) -> Wire:
    wire = Wire(*answers)
    things._client = wire
    return wire


def test_what_may_be_repeated_is_asked_until_it_is_answered(
    things: ThingsAPI, context: RequestContext
) -> None:
    connect(things, LOST, LOST, "kept")
    assert things.keep(context) == "kept"


def test_a_removal_that_finds_nothing_the_second_time_is_done(
    things: ThingsAPI, context: RequestContext
) -> None:
    """The first has done it, and its answer was lost; whatever else it says is an answer."""
    wire = connect(things, LOST, NotFound("gone"))
    things.remove(context)
    assert wire.answers == []
    connect(things, LOST, Conflict("in use"))
    with pytest.raises(Conflict):
        things.remove(context)


def test_a_removal_of_what_was_never_there_says_so(
    things: ThingsAPI, context: RequestContext
) -> None:
    connect(things, NotFound("gone"))
    with pytest.raises(NotFound):
        things.remove(context)


def test_what_may_not_be_repeated_is_asked_once(things: ThingsAPI, context: RequestContext) -> None:
    wire = connect(things, LOST, "another answer")
    with pytest.raises(Unavailable):
        things.add(context)
    assert wire.answers == ["another answer"]


def test_several_calls_are_one_message(things: ThingsAPI) -> None:
    """Each has its result or its error; one alone is sent as it always was."""
    wire = Wire([{"result": "kept"}, {"error": ["Conflict", "no", "thing"]}], "kept")
    things._client = wire
    calls = [(RequestContext(user_id=user), {"name": user}) for user in ("a", "b")]
    kept, error = things.invoke_together(things.keep, calls)
    assert kept == "kept"
    assert isinstance(error, Conflict)
    sent = wire.arguments["together"]
    assert [one["arguments"] for one in sent] == [{"name": "a"}, {"name": "b"}]
    assert [one["context"]["user_id"] for one in sent] == ["a", "b"]
    assert things.invoke_together(things.keep, calls[:1]) == ["kept"]
    assert wire.arguments == {"name": "a"}


def test_without_an_answer_each_of_several_calls_is_unavailable(things: ThingsAPI) -> None:
    things._client = Wire(LOST)
    calls = [(RequestContext(), {}), (RequestContext(), {})]
    found = things.invoke_together(things.add, calls)
    assert [type(one) for one in found] == [Unavailable, Unavailable]


class ManyAPI(ThingsAPI):
    """What many ask at one moment."""

    @declare("call", timeout_s=5, is_idempotent=True, gathers=True)
    def count(self, context: RequestContext, *, what: str) -> int:
        """May be asked together."""
        return int(self.invoke(context, self.count, what=what))


def test_what_gathers_is_sent_alone_by_who_is_alone() -> None:
    """As it always was; its error is raised."""
    many = object.__new__(ManyAPI)
    many._gatherers = {}
    many._client = Wire(3, Conflict("no"))
    assert many.count(RequestContext(), what="a") == 3
    assert many._client.arguments == {"what": "a"}
    with pytest.raises(Conflict):
        many.count(RequestContext(), what="b")


def test_what_is_over_when_it_is_refused_does_not_gather() -> None:
    with pytest.raises(ValueError, match="gathers"):
        declare("call", timeout_s=5, is_idempotent=True, gathers=True, done_when=NotFound)
