"""The receiver's side: endpoints behind a queue, with a bounded pool of threads.

oslo.messaging acknowledges a message before it runs it, so a message is only a hint: what it asks
for must stand in a row that somebody sweeps.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import oslo_messaging

from devstack_lite import failpoints
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Deadlock, DevstackError, Unavailable
from devstack_lite.rpc import together
from devstack_lite.rpc.call_monitor import MonitoredServer
from devstack_lite.rpc.control import Control
from devstack_lite.rpc.serializer import MessageSerializer

LOG = logging.getLogger(__name__)

LISTENER_S = 0.3
DEADLOCKS = 5
"""How often one message may lose against others before its sender is told."""


class InFlight:
    """Counts what is in hand, so that a worker knows when it may leave."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_exc: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Wait until nothing is in hand; False when timeout_s seconds were not enough."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, timeout_s)


class _Guarded:
    """An endpoint as the dispatcher sees it: the log's context set, expected errors expected."""

    def __init__(self, topic: str, endpoint: Any, in_flight: InFlight) -> None:
        self._topic = topic
        self._endpoint = endpoint
        self._in_flight = in_flight
        self.target = getattr(endpoint, "target", oslo_messaging.Target(version="1.0"))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name.endswith(together.SUFFIX):
            raise AttributeError(name)
        method = getattr(self._endpoint, name)
        point = f"rpc.{self._topic}.{name}"

        @functools.wraps(method)
        def guarded(context: RequestContext, **arguments: Any) -> Any:
            with self._in_flight:
                context.make_current()
                started = time.monotonic()
                try:
                    if together.ARGUMENT in arguments:
                        calls = together.from_message(context, arguments[together.ARGUMENT])
                        return together.answers_to_message(
                            together.answer(self._endpoint, name, point, calls, run)
                        )
                    with failpoints.around(point, message=arguments):
                        if context.is_expired:
                            raise Unavailable(f"{name} came too late: nobody waits for it")
                        return run(method, context, arguments)
                except DevstackError as error:
                    LOG.debug("%s refused: %s", name, error)
                    raise oslo_messaging.ExpectedException from error
                finally:
                    LOG.debug("%s took %.1f ms", name, (time.monotonic() - started) * 1000)

        guarded.exposed = True  # type: ignore[attr-defined]
        setattr(self, name, guarded)
        return guarded


def run(method: Callable[..., Any], context: RequestContext, arguments: dict[str, Any]) -> Any:
    """Run a method, again when the database had it give way: as if it were delivered twice."""
    for _ in range(DEADLOCKS):
        try:
            return method(context, **arguments)
        except Deadlock as error:
            LOG.info("again: %s", error)
    return method(context, **arguments)


class RpcServer:
    """One queue's consumer in one worker."""

    def __init__(
        self,
        transport: Any,
        *,
        topic: str,
        server: str,
        endpoints: Sequence[Any],
        threads: int,
        in_flight: InFlight | None = None,
    ) -> None:
        """in_flight: shared with work that an endpoint goes on with after it returned."""
        self.in_flight = in_flight or InFlight()
        self._threads = threads
        self._server = oslo_messaging.get_rpc_server(
            transport,
            oslo_messaging.Target(topic=topic, server=server),
            [_Guarded(topic, endpoint, self.in_flight) for endpoint in (*endpoints, Control())],
            executor="threading",
            serializer=MessageSerializer(),
            access_policy=oslo_messaging.ExplicitRPCAccessPolicy,
            server_cls=MonitoredServer,
        )

    def start(self) -> None:
        """Begin to consume; returns when the queue is there."""
        self._server.start(override_pool_size=self._threads)

    def stop(self, timeout_s: float) -> None:
        """Take no more messages and finish those in hand, for at most timeout_s seconds."""
        # The library's listener looks only every few seconds whether it shall end. What it takes
        # until then is lost with the process, as with any death: it is asked for again.
        stopper = threading.Thread(target=self._server.stop, daemon=True)
        stopper.start()
        stopper.join(LISTENER_S)
        if not self.in_flight.wait(timeout_s):
            LOG.warning("left with work in hand after %.0f s", timeout_s)
