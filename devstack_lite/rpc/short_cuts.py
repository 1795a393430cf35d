"""oslo.messaging's way to the broker, shortened where nothing is wrong with the connection.

kombu and py-amqp are made for brokers of many kinds and for connections that break. What that takes
where nothing breaks is much of what an RPC call costs (`python -m benchmarks.rpc`): a class made
and thrown away around each publish, three system calls for each part of each frame, and socket
options set and set back around each message. Whatever goes wrong is the libraries' to handle, as
before: what a short cut raises is raised again in their hands.

install() is for transport.py alone; the versions that this fits are those of requirements.lock, and
a contract test tells when another one has moved what is replaced here.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import amqp.connection
import amqp.spec
import amqp.transport
import kombu.serialization
import kombu.transport
import orjson
from amqp.exceptions import RecoverableConnectionError
from kombu.transport import pyamqp
from kombu.utils import json as kombu_json
from oslo_messaging import exceptions
from oslo_messaging._drivers import amqp as rpc_amqp
from oslo_messaging._drivers import common, impl_rabbit

VERSION, CONTENT, ENVELOPE_VERSION = "oslo.version", "oslo.message", "2.0"
"""What a message is wrapped in."""

RECEIVE_BYTES = 64 * 1024
FRAME_HEAD_BYTES = 7

ANSWERS = (rpc_amqp.AMQPDestinationNotFound, exceptions.MessageUndeliverable, common.Timeout)
"""What a use of a connection raises that is no failure of the connection."""


class SocketTransport(amqp.transport.TCPTransport):  # type: ignore[misc]
    """py-amqp's socket, read in large pieces, whose time-out is set only to wait for something."""

    def _read(self, n: int, initial: bool = False, _errnos: object = ()) -> bytes:
        """Return n bytes. Raises TimeoutError; what has come by then is kept."""
        kept: bytes = self._read_buffer  # type: ignore[has-type]
        while len(kept) < n:
            try:
                part = self._quick_recv(RECEIVE_BYTES)
            except (BlockingIOError, InterruptedError) as error:
                if initial and not kept:
                    raise TimeoutError from error
                continue
            if not part:
                raise OSError("Server unexpectedly closed connection")
            kept = self._read_buffer = kept + part
        self._read_buffer = kept[n:]
        return kept[:n]

    def _has_frame(self) -> bool:
        """Say whether a whole frame is here: its head, which ends with its size, it, and an end."""
        kept: bytes = self._read_buffer
        if len(kept) < FRAME_HEAD_BYTES:
            return False
        return len(kept) > FRAME_HEAD_BYTES + int.from_bytes(kept[3:FRAME_HEAD_BYTES])

    @contextmanager
    def having_timeout(self, timeout: float | None) -> Iterator[socket.socket]:
        """Set the socket's time-out for the block, unless the next frame is here already."""
        sock: socket.socket = self.sock
        before = sock.gettimeout()
        if timeout is None or timeout == before or self._has_frame():
            yield sock
            return
        sock.settimeout(timeout)
        try:
            yield sock
        finally:
            if self.sock is not None:
                sock.settimeout(before)


class Channel(pyamqp.Channel):  # type: ignore[misc]
    """Publishes without a look at the socket first: the receipt that it then waits for comes there.

    Each message has to be waited for. Receipts name no message to py-amqp: one that was left would
    be taken for the next one's, and so would the news that a message found no queue.
    """

    def _basic_publish(
        self,
        msg: Any,
        exchange: str = "",
        routing_key: str = "",
        mandatory: bool = False,
        immediate: bool = False,
        timeout: float | None = None,
        confirm_timeout: float | None = None,
        argsig: str = "Bssbb",
    ) -> Any:
        """Send a message. Raises RecoverableConnectionError."""
        if not self.connection:
            raise RecoverableConnectionError("basic_publish: connection closed")
        try:
            with self.connection.transport.having_timeout(timeout):
                return self.send_method(
                    amqp.spec.Basic.Publish,
                    argsig,
                    (0, exchange, routing_key, mandatory, immediate),
                    msg,
                )
        except TimeoutError as error:
            raise RecoverableConnectionError("basic_publish: timed out") from error


class Connection(pyamqp.Connection):  # type: ignore[misc]
    """py-amqp's connection, with the above; with TLS its own transport."""

    Channel = Channel

    def Transport(  # noqa: N802 - py-amqp's name
        self, host: str, connect_timeout: float | None, ssl: Any = False, *args: Any, **wanted: Any
    ) -> Any:
        """Return what reads from and writes to the broker's socket."""
        if ssl:
            return super().Transport(host, connect_timeout, ssl, *args, **wanted)
        names = ("read_timeout", "write_timeout", "socket_settings")
        wanted |= dict(zip(names, args, strict=False))
        return SocketTransport(host, connect_timeout=connect_timeout, **wanted)


class Transport(pyamqp.Transport):  # type: ignore[misc]
    """kombu's transport for RabbitMQ, with that connection."""

    Connection = Connection


class DriverConnection(impl_rabbit.Connection):  # type: ignore[misc]
    """oslo.messaging's connection: tries first, and has the library reconnect when that fails."""

    _timed: tuple[socket.socket, float | None] | None = None
    """The socket whose time-out is known, and the time-out."""

    def ensure(self, method: Callable[[], Any], *args: Any, **wanted: Any) -> Any:
        """Return what method does on a connection that works, whatever it takes to have one."""
        failed: list[Exception] = []

        def again() -> Any:
            """Fail as the first try did, for the library to judge; then do it."""
            if failed:
                raise failed.pop()
            return method()

        if self.channel is not None and self.connection.connected:
            try:
                return method()
            except ANSWERS:
                raise
            except Exception as error:  # noqa: BLE001 - raised again in the library's hands
                failed.append(error)
        return super().ensure(again, *args, **wanted)

    def set_transport_socket_timeout(self, timeout: float | None = None) -> None:
        """Bound what the socket waits for, by so many seconds and by the heartbeats' time-out."""
        sock = getattr(getattr(self.channel, "connection", None), "sock", None)
        bound = self.heartbeat_timeout_threshold or None
        if timeout is not None and (bound is None or timeout < bound):
            bound = timeout
        if self._timed is not None and self._timed[0] is sock and self._timed[1] == bound:
            return
        super().set_transport_socket_timeout(timeout)
        self._timed = None if sock is None else (sock, bound)


class Message(impl_rabbit.RabbitMessage):  # type: ignore[misc]
    """oslo.messaging's message, read by a faster reader of JSON; what that refuses, by its own.

    Whole numbers of more than 64 bits become floating-point numbers that way: no message has any.
    """

    def __init__(self, raw_message: Any) -> None:
        try:
            envelope = orjson.loads(raw_message.body)
            is_known = envelope[VERSION] == ENVELOPE_VERSION
            content = orjson.loads(envelope[CONTENT]) if is_known else None
        except (ValueError, TypeError, KeyError):
            content = None
        if not isinstance(content, dict):
            super().__init__(raw_message)
            return
        dict.__init__(self, content)
        self._raw_message = raw_message


def install() -> None:
    """Have oslo.messaging's rabbit driver use these from now on."""
    # The envelope holds strings alone; what is in it is the library's to write.
    kombu.serialization.register(
        "json", orjson.dumps, kombu_json.loads, content_type="application/json",
        content_encoding="utf-8",
    )  # fmt: skip
    kombu.transport.TRANSPORT_ALIASES["amqp"] = f"{__name__}:Transport"
    impl_rabbit.Connection = DriverConnection
    impl_rabbit.RabbitMessage = Message
