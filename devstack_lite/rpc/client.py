"""The caller's side: a class per interface, a method per message, each declared once.

    class EchoAPI(RpcClient):
        TOPIC = "echo"

        @declare("call", timeout_s=5, is_idempotent=True)
        def say(self, context: RequestContext, *, word: str) -> str:
            \"\"\"Return word.\"\"\"
            return self.invoke(context, self.say, word=word)

The manager on the other side has a method of the same name and arguments; a test compares the two,
and the reference page is made from the declarations.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import oslo_messaging

from devstack_lite import failpoints, semantics
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import DevstackError, Unavailable
from devstack_lite.gathering import Gatherer
from devstack_lite.rpc import together
from devstack_lite.rpc.serializer import EXPIRES_AT, MessageSerializer

LOG = logging.getLogger(__name__)

RETRY_PAUSE_S = 0.2
EARLIER_S = 0.5
"""What an answer to the last moment's change may take; clocks of several machines may differ by."""

UNDELIVERED = (oslo_messaging.MessageUndeliverable, oslo_messaging.MessageDeliveryFailure)

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What is known of one RPC method before it is called."""

    kind: Literal["call", "cast", "fanout"]
    timeout_s: float
    is_idempotent: bool
    version: str
    done_when: type[DevstackError] | None = None
    """What the second of two says, if the first has done it and its answer was lost."""
    gathers: bool = False
    """Whether those of one moment go in one message."""

    @property
    def may_repeat(self) -> bool:
        """Whether a call without an answer may be sent once more."""
        return (self.is_idempotent or self.done_when is not None) and semantics.is_durable()


def declare(
    kind: Literal["call", "cast", "fanout"],
    *,
    is_idempotent: bool,
    timeout_s: float = 0.0,
    version: str = "1.0",
    done_when: type[DevstackError] | None = None,
    gathers: bool = False,
) -> Callable[[F], F]:
    """Declare an RPC method. timeout_s bounds a call; a cast has none.

    done_when: of one that answers nothing, what it raises when it was done already. It may be
    repeated, too, and a repetition that raises this is a success: a removal finds nothing.
    gathers: for what many ask at one moment: those that come while one is sent share the next
    message, see devstack_lite.gathering. Each is answered for itself.
    """
    if gathers and done_when is not None:
        raise ValueError("what gathers is repeated together, and answered as it was")
    if kind == "call" and timeout_s <= 0:
        raise ValueError("a call needs a timeout")

    def mark(function: F) -> F:
        function.rpc = Declaration(  # type: ignore[attr-defined]
            kind=kind, timeout_s=timeout_s, is_idempotent=is_idempotent, version=version,
            done_when=done_when, gathers=gathers,
        )  # fmt: skip
        return function

    return mark


class RpcClient:
    """Base of the interfaces: the topic, and how a declared method becomes a message."""

    TOPIC: str
    NAMESPACE: str | None = None
    VERSION = "1.0"

    def __init__(self, transport: Any, *, call_monitor_s: int = 3) -> None:
        self._client = oslo_messaging.get_rpc_client(
            transport,
            oslo_messaging.Target(topic=self.TOPIC, namespace=self.NAMESPACE, version=self.VERSION),
            serializer=MessageSerializer(),
            call_monitor_timeout=call_monitor_s,
            # A cast to a host without a queue is an error, not silence.
            transport_options=oslo_messaging.TransportOptions(at_least_once=True),
            retry=2,
        )
        self._gatherers: dict[tuple[str, str | None], Gatherer[together.Call, Any]] = {}

    def invoke(
        self,
        context: RequestContext,
        method: Callable[..., Any],
        *,
        rpc_server: str | None = None,
        **arguments: Any,
    ) -> Any:
        """Send the message that method declares; return the answer of a call.

        One that gathers waits for its turn before its time-out begins: half a second at most.
        Raises Unavailable (indefinite) when no answer came in time, or when the broker is away;
        whatever DevstackError the other side raised (definite) otherwise.
        """
        if method.rpc.gathers:  # type: ignore[attr-defined]
            return self._gatherer_of(method, rpc_server).submit((context, arguments))
        return self._send(context, method, rpc_server, arguments)

    def _gatherer_of(
        self, method: Callable[..., Any], rpc_server: str | None
    ) -> Gatherer[together.Call, Any]:
        def send(calls: Sequence[together.Call]) -> list[Any]:
            return self.invoke_together(method, calls, rpc_server=rpc_server)

        key = method.__name__, rpc_server
        found = self._gatherers.get(key)
        return found or self._gatherers.setdefault(key, Gatherer(send))

    def _send(
        self,
        context: RequestContext,
        method: Callable[..., Any],
        rpc_server: str | None,
        arguments: dict[str, Any],
    ) -> Any:
        declared: Declaration = method.rpc  # type: ignore[attr-defined]
        client = self._client
        if rpc_server is not None:
            client = client.prepare(server=rpc_server)
        name = method.__name__
        if declared.kind == "call":
            return self._call(client, context, name, arguments, declared)
        if declared.kind == "fanout":
            client = client.prepare(fanout=True)
        EXPIRES_AT.set(0.0)
        try:
            client.cast(context, name, **arguments)
        except UNDELIVERED as error:
            raise Unavailable(
                f"{name} could not be handed to {rpc_server or self.TOPIC}"
            ) from error
        return None

    def invoke_together(
        self,
        method: Callable[..., Any],
        calls: Sequence[together.Call],
        *,
        rpc_server: str | None = None,
    ) -> list[Any]:
        """Send several calls, or casts, of a method in one message, each in its own context.

        Returns for each what it answered, or the DevstackError that it raised; that is the same
        Unavailable for all of them when the message had no answer.
        """
        if len(calls) == 1:
            context, arguments = calls[0]
        else:
            context, arguments = calls[0][0], {together.ARGUMENT: together.to_message(calls)}
        try:
            found = self._send(context, method, rpc_server, arguments)
        except DevstackError as error:
            return [error] * len(calls)
        declared: Declaration = method.rpc  # type: ignore[attr-defined]
        if len(calls) == 1 or declared.kind != "call":
            return [found] * len(calls)
        return together.answers_from_message(found)

    def _call(
        self,
        client: Any,
        context: RequestContext,
        name: str,
        arguments: dict[str, Any],
        declared: Declaration,
    ) -> Any:
        """Call, and call again what may be called twice while its time lasts.

        A server that dies under a call is noticed within call_monitor_s seconds. What is given up
        here changes nothing there: each message says when it expires, EARLIER_S before that.
        """
        timeout_s = declared.timeout_s
        if failpoints.is_holding():
            timeout_s = max(timeout_s, failpoints.HELD_CALL_S)
        client = client.prepare(timeout=timeout_s)
        deadline = time.monotonic() + timeout_s
        EXPIRES_AT.set(time.time() + timeout_s - EARLIER_S if declared.may_repeat else 0.0)
        is_repeated = False
        while True:
            try:
                return client.call(context, name, **arguments)
            except DevstackError as error:
                if is_repeated and declared.done_when and isinstance(error, declared.done_when):
                    return None
                raise
            except (oslo_messaging.MessagingTimeout, *UNDELIVERED) as error:
                left_s = deadline - time.monotonic()
                if not declared.may_repeat or left_s < RETRY_PAUSE_S:
                    raise Unavailable(f"{self.TOPIC} did not answer {name}: {error}") from error
                LOG.warning("%s did not answer %s, asking again", self.TOPIC, name)
                is_repeated = True
                time.sleep(RETRY_PAUSE_S)


def declarations(interface: type[RpcClient]) -> dict[str, Declaration]:
    """Return the declared methods of an interface, by name."""
    return {name: member.rpc for name, member in vars(interface).items() if hasattr(member, "rpc")}
