"""Several calls of one method in one message: each with its caller's context, and its own answer.

What a message costs does not grow with what it brings. Whoever has several calls of one method to
make at one moment sends them with RpcClient.invoke_together(). A manager that can do better than
one after another has a method `<name>_together` beside `<name>`, which gets all the calls and
answers each; when it raises, they are done one by one, so that each has its own error. Unavailable
is the same for all: a peer that does not answer is not asked for each.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from devstack_lite import failpoints
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import BY_NAME, Deadlock, DevstackError, Unavailable

LOG = logging.getLogger(__name__)

ARGUMENT = "together"
"""The one argument of a message that holds several calls."""

SUFFIX = "_together"

LATE = "it came too late: nobody waits for it"

Call: TypeAlias = tuple[RequestContext, dict[str, Any]]
"""The context of a call, and its arguments by name."""

Run: TypeAlias = Callable[[Callable[..., Any], RequestContext, dict[str, Any]], Any]


def to_message(calls: Sequence[Call]) -> list[dict[str, Any]]:
    """Return calls as a message's argument."""
    return [{"context": own.to_message(), "arguments": arguments} for own, arguments in calls]


def from_message(context: RequestContext, message: Sequence[dict[str, Any]]) -> list[Call]:
    """Return the calls of a message that came with context: they were sent, and end, with it."""
    times = {"sent_at": context.sent_at, "expires_at": context.expires_at}
    return [
        (RequestContext.from_message({**call["context"], **times}), call["arguments"])
        for call in message
    ]


def answers_to_message(answers: Sequence[Any]) -> list[dict[str, Any]]:
    """Return results, and errors among them, as what a message's sender is answered."""
    return [
        {"error": [_name_of(one), one.message, one.kind]}
        if isinstance(one, DevstackError)
        else {"result": one}
        for one in answers
    ]


def answers_from_message(message: Sequence[dict[str, Any]]) -> list[Any]:
    """Return each call's result, or the error that it raised."""
    return [one["result"] if "error" not in one else _error_of(*one["error"]) for one in message]


def _name_of(error: DevstackError) -> str:
    """Return the nearest class that callers know: oslo.messaging makes others of remote ones."""
    names = (cls.__name__ for cls in type(error).__mro__)
    return next((name for name in names if name in BY_NAME), DevstackError.__name__)


def _error_of(name: str, text: str, kind: str) -> DevstackError:
    return BY_NAME.get(name, DevstackError)(text, kind=kind)


def answer(endpoint: Any, name: str, point: str, calls: Sequence[Call], run: Run) -> list[Any]:
    """Have an endpoint do calls of its method name; return a result, or an error, for each.

    Each passes the failpoint before it and after it; one that fails there fails alone.
    """
    answers: dict[int, Any] = {}
    for number, call in enumerate(calls):
        _pass(f"{point}.before", call, answers, number)
    left = [number for number in range(len(calls)) if number not in answers]
    answers.update(zip(left, _do(endpoint, name, [calls[n] for n in left], run), strict=True))
    for number in left:
        if not isinstance(answers[number], DevstackError):
            _pass(f"{point}.after", calls[number], answers, number)
    return [answers[number] for number in range(len(calls))]


def _pass(point: str, call: Call, answers: dict[int, Any], number: int) -> None:
    context, arguments = call
    context.make_current()
    try:
        failpoints.hit(point, message=arguments)
        if context.is_expired:
            raise Unavailable(LATE)
    except DevstackError as error:
        answers[number] = error


def _do(endpoint: Any, name: str, calls: Sequence[Call], run: Run) -> list[Any]:
    together = getattr(endpoint, name + SUFFIX, None)
    if together is not None and len(calls) > 1:
        try:
            return list(together(calls))
        except Unavailable as error:
            if not isinstance(error, Deadlock):
                # To ask each in turn whoever does not answer takes as many times as long.
                return [error] * len(calls)
        except Exception as error:  # noqa: BLE001 - whose it is shows when each is done alone
            LOG.debug("%d calls of %s one by one: %s", len(calls), name, error)
    return [_do_one(getattr(endpoint, name), call, run) for call in calls]


def _do_one(method: Callable[..., Any], call: Call, run: Run) -> Any:
    context, arguments = call
    context.make_current()
    if context.is_expired:
        return Unavailable(LATE)
    try:
        return run(method, context, arguments)
    except Deadlock as error:
        return Unavailable(error.message)
    except DevstackError as error:
        return error
    except Exception as error:
        LOG.exception("a call failed that shared a message")
        return DevstackError(f"{type(error).__name__}: {error}")
