"""What rpc.short_cuts replaces is there, in the libraries' versions that are installed."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import amqp
import kombu.transport
import pytest
from oslo_messaging._drivers import amqp as rpc_amqp
from oslo_messaging._drivers import common, impl_rabbit

from devstack_lite.rpc import short_cuts

WAIT_S = 5.0


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test installs is taken away again."""
    monkeypatch.setattr(impl_rabbit, "Connection", impl_rabbit.Connection)
    monkeypatch.setattr(impl_rabbit, "RabbitMessage", impl_rabbit.RabbitMessage)
    monkeypatch.setitem(kombu.transport.TRANSPORT_ALIASES, "amqp", "")


def test_the_driver_uses_them() -> None:
    short_cuts.install()
    assert kombu.transport.resolve_transport("amqp") is short_cuts.Transport
    source = inspect.getsource(impl_rabbit.RabbitDriver.__init__)
    assert "url, Connection)" in source
    assert impl_rabbit.Connection is short_cuts.DriverConnection
    assert "RabbitMessage(message)" in inspect.getsource(impl_rabbit.Consumer._callback)


@pytest.mark.parametrize(
    ("own", "theirs", "name"),
    [
        (short_cuts.SocketTransport, amqp.transport.TCPTransport, "_read"),
        (short_cuts.SocketTransport, amqp.transport.TCPTransport, "having_timeout"),
        (short_cuts.Channel, amqp.Channel, "_basic_publish"),
    ],
)
def test_what_is_replaced_has_the_same_arguments(own: type, theirs: type, name: str) -> None:
    expected = list(inspect.signature(getattr(theirs, name)).parameters)
    assert list(inspect.signature(getattr(own, name)).parameters) == expected


def test_messages_are_read_as_the_library_reads_them() -> None:
    """Also what only the library's own reader takes: numbers that are none."""
    library: Any = short_cuts.Message.__base__
    for content in ({"method": "m", "args": {"a": [1, None, "é"]}}, {"value": float("inf")}):
        raw = SimpleNamespace(payload=common.serialize_msg(content))
        raw.body = common.jsonutils.dumps(raw.payload)
        assert dict(short_cuts.Message(raw)) == dict(library(raw)) == content


@pytest.fixture
def ends() -> Any:
    """A transport on a socket, and the socket's other end."""
    here, there = socket.socketpair()
    transport = short_cuts.SocketTransport("127.0.0.1")
    transport.sock = here
    transport._setup_transport()
    here.settimeout(WAIT_S)
    with here, there:
        yield transport, there


def frame(payload: bytes) -> bytes:
    return b"\x01\x00\x01" + len(payload).to_bytes(4) + payload + b"\xce"


def test_frames_are_read_whatever_they_come_in(ends: Any) -> None:
    """Two and a half in one piece, the rest later; a time-out between loses nothing."""
    transport, there = ends
    wire = frame(b"one") + frame(b"two") + frame(b"three")
    there.sendall(wire[:-5])
    assert transport.read_frame() == (1, 1, b"one")
    with transport.having_timeout(0.01) as sock:
        # The next is here: nothing is waited for, and no bound is set.
        assert sock.gettimeout() == WAIT_S
        assert transport.read_frame() == (1, 1, b"two")
    transport.sock.settimeout(0.01)
    with pytest.raises(TimeoutError):
        transport.read_frame()
    there.sendall(wire[-5:])
    assert transport.read_frame() == (1, 1, b"three")


def test_a_bound_is_set_for_what_has_to_be_waited_for(ends: Any) -> None:
    """And it is as it was after the block; no wait at all is a time-out, too."""
    transport, _ = ends
    with pytest.raises(TimeoutError), transport.having_timeout(0):
        transport.read_frame()
    assert transport.sock.gettimeout() == WAIT_S


def test_half_a_frame_is_waited_for_within_the_bound(ends: Any) -> None:
    transport, there = ends
    there.sendall((frame(b"one") + frame(b"two"))[:-3])
    transport.read_frame()
    with pytest.raises(TimeoutError), transport.having_timeout(0.01):
        transport.read_frame()


def test_the_end_of_a_connection_is_an_error(ends: Any) -> None:
    transport, there = ends
    there.close()
    with pytest.raises(OSError, match="closed"):
        transport.read_frame()


class Broken:
    """A connection whose method fails so many times."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.done = 0

    def method(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        self.done += 1
        return "done"


class Library:
    """Looks after a connection: remembers what was wrong, and does it again."""

    def __init__(self) -> None:
        self.seen: list[Exception] = []

    def ensure(self, method: Callable[[], Any]) -> Any:
        for _ in range(3):
            try:
                return method()
            except OSError as error:
                self.seen.append(error)
        return None


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    found = Library()
    base = short_cuts.DriverConnection.__base__
    monkeypatch.setattr(base, "ensure", found.ensure)
    return found


def driver(*, is_connected: bool = True) -> short_cuts.DriverConnection:
    found = object.__new__(short_cuts.DriverConnection)
    found.channel = object()
    found.connection = SimpleNamespace(connected=is_connected)
    return found


def test_the_library_judges_what_was_wrong_with_a_connection(library: Library) -> None:
    """It gets the very error that the short cut met: who consumes has to be told to begin anew."""
    gone = OSError("gone")
    broken = Broken(gone)
    assert driver().ensure(broken.method) == "done"
    assert library.seen == [gone]
    assert broken.done == 1


def test_what_works_does_not_trouble_the_library(library: Library) -> None:
    assert driver().ensure(Broken().method) == "done"
    assert library.seen == []


def test_what_is_not_connected_is_the_librarys(library: Library) -> None:
    broken = Broken(OSError("gone"))
    assert driver(is_connected=False).ensure(broken.method) == "done"
    assert [str(error) for error in library.seen] == ["gone"]


@pytest.mark.parametrize(
    "error", [common.Timeout(), rpc_amqp.AMQPDestinationNotFound("no exchange")]
)
def test_an_answer_is_no_failure(error: Exception, library: Library) -> None:
    """What says how it went is raised as it is, and nothing is tried again."""
    broken = Broken(error)
    with pytest.raises(type(error)):
        driver().ensure(broken.method)
    assert (broken.done, library.seen) == (0, [])
