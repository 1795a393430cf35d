"""HTTP with connections that stay open: one per thread and peer, closed with the thread.

A boot makes seven such requests, and a tenth of a millisecond counts.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from devstack_lite import failpoints, semantics
from devstack_lite.clients import exchange
from devstack_lite.exceptions import Unavailable

RETRY_FOR_S = 6.0
RETRY_PAUSE_S = 0.1

_ENDED = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a peer answered."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.data)


class _Headers(dict[str, str]):
    """Header names as HTTP has them: upper and lower case are the same."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class HttpPeer:
    """A service at a base URL, such as http://127.0.0.1:9292/v2."""

    def __init__(self, base_url: str, *, timeout_s: float = 30.0) -> None:
        parts = urlsplit(base_url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._is_tls = parts.scheme == "https"
        self._authority = parts.netloc.rpartition("@")[2]
        self._path = parts.path.rstrip("/")
        self._timeout_s = timeout_s
        self._local = threading.local()

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        octets: bytes | None = None,
        is_repeatable: bool = True,
    ) -> Answer:
        """Return the answer, whatever its status.

        body is sent as JSON, octets as they are (and as octets, unless headers name a type); at
        most one of them.
        is_repeatable: the request may be sent again when the peer dies under it, for RETRY_FOR_S
        seconds; in that time a worker is respawned. Raises Unavailable (indefinite) when no answer
        comes.
        """
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        sent = dict(headers or {})
        if data is not None:
            sent["Content-Type"] = "application/json"
        elif octets is not None:
            data = octets
            sent.setdefault("Content-Type", "application/octet-stream")
        deadline = time.monotonic() + RETRY_FOR_S
        while True:
            is_fresh = getattr(self._local, "connection", None) is None
            try:
                return self._exchange(method, path, data, sent)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                # A server may close an idle connection at any time: that is no failure.
                is_idle_end = not is_fresh and isinstance(error, _ENDED)
                is_over = isinstance(error, TimeoutError) or time.monotonic() > deadline
                may_repeat = is_repeatable and semantics.is_durable()
                if not is_idle_end and (is_over or not may_repeat):
                    raise self._gone(error) from error
                if is_fresh:
                    time.sleep(RETRY_PAUSE_S)

    def _exchange(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        connection, stream = self._connection()
        if failpoints.is_holding():
            connection.sock.settimeout(failpoints.HELD_CALL_S)
        try:
            exchange.send(
                connection.sock,
                method,
                self._path + path,
                host=self._authority,
                headers=headers,
                body=data,
            )
            reply = exchange.receive(stream, method)
        except BaseException:
            # What is left on it would be taken for the next request's answer.
            self.close()
            raise
        if reply.is_last:
            self.close()
        return Answer(status=reply.status, headers=_Headers(reply.headers), data=reply.data)

    def close(self) -> None:
        """Close this thread's connection."""
        there = getattr(self._local, "connection", None)
        if there is not None:
            connection, stream = there
            self._local.connection = None
            stream.close()
            connection.close()

    def _connection(self) -> tuple[http.client.HTTPConnection, BinaryIO]:
        """Return this thread's connection, and what it is read from."""
        there: tuple[http.client.HTTPConnection, BinaryIO] | None
        there = getattr(self._local, "connection", None)
        if there is None:
            kind = http.client.HTTPSConnection if self._is_tls else http.client.HTTPConnection
            connection = kind(self._host, self._port, timeout=self._timeout_s)
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            there = connection, connection.sock.makefile("rb")
            self._local.connection = there
        return there

    def _gone(self, error: Exception) -> Unavailable:
        reason = str(error) or type(error).__name__
        return Unavailable(f"http://{self._host}:{self._port} did not answer: {reason}")
