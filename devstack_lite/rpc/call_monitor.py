"""Tells callers that their calls are still worked on, all of them from one thread.

A call that takes long is told from one whose server died by what oslo.messaging names the call
monitor: a sign of life to the caller every half of the time that it waits for one. The library has
a thread of its own do that for each call, started and ended with it, which takes longer than most
calls do.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from oslo_messaging.rpc.server import RPCServer

LOG = logging.getLogger(__name__)

LOOK_S = 0.5
"""How late a sign of life may come; callers wait for it for some seconds."""


@dataclass(slots=True)
class _Call:
    incoming: Any
    every_s: float
    due: float
    """On the monotonic clock."""


class CallMonitor:
    """The calls in hand whose callers wait for signs of life."""

    def __init__(self) -> None:
        self._calls: dict[int, _Call] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, incoming: Any, timeout_s: int) -> Iterator[None]:
        """Send signs of life during the block; timeout_s: how long the caller waits for one."""
        every_s = timeout_s / 2
        call = _Call(incoming, every_s, time.monotonic() + every_s)
        with self._lock:
            self._calls[id(call)] = call
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="calls", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._calls.pop(id(call), None)

    def send_due(self) -> None:
        """Send what is due now. A call whose caller cannot be reached is watched no longer."""
        now = time.monotonic()
        with self._lock:
            due = [(key, call) for key, call in self._calls.items() if call.due <= now]
        for key, call in due:
            call.due = now + call.every_s
            try:
                call.incoming.heartbeat()
            except Exception as error:  # noqa: BLE001 - the caller notices its absence
                LOG.debug("no sign of life could be sent: %s", error)
                with self._lock:
                    self._calls.pop(key, None)

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_S)
            self.send_due()


class MonitoredServer(RPCServer):  # type: ignore[misc]
    """oslo.messaging's server, whose calls one monitor watches."""

    def __init__(self, transport: Any, target: Any, dispatcher: Any, executor: Any = None) -> None:
        super().__init__(transport, target, Watched(dispatcher, CallMonitor()), executor)


class Watched:
    """The library's dispatcher, without its thread per call."""

    def __init__(self, dispatcher: Any, monitor: CallMonitor) -> None:
        self._dispatcher = dispatcher
        self._monitor = monitor

    def dispatch(self, incoming: Any) -> Any:
        """Have the library's dispatcher run a message; return its result, or raise its error."""
        timeout_s = int(incoming.client_timeout or 0)
        if timeout_s < 1:
            return self._dispatcher.dispatch(incoming)
        incoming.client_timeout = None  # by which the library knows whether to watch
        with self._monitor.watching(incoming, timeout_s):
            return self._dispatcher.dispatch(incoming)
