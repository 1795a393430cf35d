"""A connection as the server's files: what is read of it, and what goes out together."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from devstack_lite.wsgi.server import HttpWorker, bind
from devstack_lite.wsgi.streams import LINE_BYTES, RECEIVE_BYTES, SocketReader, SocketWriter

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    one, other = socket.socketpair()
    one.settimeout(10)
    other.settimeout(10)
    with one, other:
        yield one, other


def test_lines_and_what_follows_them(pair: Pair) -> None:
    """A line ends at its newline, at the size asked for, or at the end; nothing is lost between."""
    peer, sock = pair
    reader = SocketReader(sock)
    peer.sendall(b"GET /")
    peer.sendall(b" HTTP/1.1\r\nHost: a\r\n\r\nbody and")
    assert reader.readline() == b"GET / HTTP/1.1\r\n"
    assert reader.readline(4) == b"Host"
    assert reader.readline(5) == b": a\r\n"
    assert reader.readline(2) == b"\r\n"
    assert reader.has_data()
    peer.sendall(b" more\n")
    peer.sendall(b"the end")
    assert reader.read(13) == b"body and more"
    assert reader.readline() == b"\n"
    peer.close()
    assert reader.readline(100) == b"the end"
    assert reader.readline() == b""
    assert reader.read(5) == b""


def test_a_body_larger_than_a_packet(pair: Pair) -> None:
    """So many bytes as are asked for, whatever they come in; fewer only at the end."""
    peer, sock = pair
    reader = SocketReader(sock)
    body = bytes(range(256)) * 4096
    sender = threading.Thread(target=lambda: (peer.sendall(body + b"next\n" + body), peer.close()))
    sender.start()
    assert reader.read(10) == body[:10]
    assert reader.read(len(body) - 10) == body[10:]
    assert reader.readline() == b"next\n"
    assert reader.read(2 * len(body)) == body
    sender.join()
    assert not reader.has_data()


def test_a_peer_that_says_nothing(pair: Pair) -> None:
    """The socket's time-out ends a wait for a line, and what had come is still there."""
    peer, sock = pair
    reader = SocketReader(sock)
    sock.settimeout(0.01)
    peer.sendall(b"GET")
    with pytest.raises(TimeoutError):
        reader.readline()
    peer.sendall(b" /\n")
    assert reader.readline() == b"GET /\n"


def test_what_is_held_goes_out_with_what_follows(pair: Pair) -> None:
    """In one packet with a small body, before a large one, and at a flush."""
    sock, peer = pair
    writer = SocketWriter(sock)

    def hold(data: bytes) -> None:
        writer.is_holding = True
        writer.write(data)
        writer.is_holding = False

    hold(b"head ")
    peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.recv(100)
    writer.write(b"body")
    assert peer.recv(100) == b"head body"
    hold(b"head")
    writer.flush()
    writer.flush()
    assert peer.recv(100) == b"head"
    peer.settimeout(10)
    large = b"x" * (64 * RECEIVE_BYTES)
    hold(b"head")
    sender = threading.Thread(target=writer.write, args=(large,))
    sender.start()
    assert SocketReader(peer).read(4 + len(large)) == b"head" + large
    sender.join()


def answer(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """Answer with the body, in parts of unknown length when the path says so."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    parts = {"/parts": [b"one", b"two"], "/none": []}.get(environ["PATH_INFO"], [body])
    length = [("Content-Length", str(len(body)))] if parts == [body] else []
    status = "204 No Content" if not parts else "200 OK"
    start_response(status, length)
    yield from parts


def test_answers_over_a_kept_connection() -> None:
    """Requests that come together, bodies, parts and no body at all: each answer is complete."""
    listener = bind("127.0.0.1", 0)
    worker = HttpWorker(listener, answer, threads=2)
    worker.start()
    try:
        with socket.create_connection(listener.getsockname(), timeout=10) as sock:
            sock.sendall(
                b"POST /1 HTTP/1.1\r\nContent-Length: 5\r\n\r\nfirst"
                b"GET /none HTTP/1.1\r\n\r\n"
                b"GET /parts HTTP/1.1\r\n\r\n"
                b"POST /2 HTTP/1.1\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlast"
            )
            said = SocketReader(sock).read(1 << 20)
    finally:
        worker.stop()
    heads_and_bodies = [one.split(b"\r\n\r\n", 1) for one in said.split(b"HTTP/1.1 ")[1:]]
    assert [head.split(b"\r\n")[0] for head, _ in heads_and_bodies] == [
        b"200 OK", b"204 No Content", b"200 OK", b"200 OK",
    ]  # fmt: skip
    assert [body for _, body in heads_and_bodies] == [
        b"first", b"", b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n", b"last",
    ]  # fmt: skip


def test_nothing_is_read_twice(pair: Pair) -> None:
    """A body of less than nothing would take back what was read already."""
    peer, sock = pair
    reader = SocketReader(sock)
    peer.sendall(b"GET / HTTP/1.1\r\n")
    reader.readline()
    with pytest.raises(ValueError, match="-16 bytes"):
        reader.read(-16)


def test_a_line_without_end_has_one(pair: Pair) -> None:
    """Whoever sets no bound gets no more than LINE_BYTES, and cannot be kept searching for ever."""
    peer, sock = pair
    reader = SocketReader(sock)
    sender = threading.Thread(target=peer.sendall, args=(b"f" * (LINE_BYTES + RECEIVE_BYTES + 1),))
    sender.start()
    with pytest.raises(ValueError, match="a line of more than"):
        reader.readline()
    sender.join()


def test_a_length_below_zero_is_refused() -> None:
    """Once: the connection is closed then."""
    listener = bind("127.0.0.1", 0)
    worker = HttpWorker(listener, lambda *_: pytest.fail("it was served"), threads=1)
    worker.start()
    try:
        with socket.create_connection(listener.getsockname(), timeout=10) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -42\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(4096), b""))
    finally:
        worker.stop()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
