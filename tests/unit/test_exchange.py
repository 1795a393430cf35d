"""HTTP/1.1 as our own clients speak it."""

from __future__ import annotations

import http.client
import io
import socket

import pytest

from devstack_lite.clients import exchange
from devstack_lite.clients.exchange import Reply


def received(text: str, method: str = "GET") -> Reply:
    return exchange.receive(io.BytesIO(text.replace("\n", "\r\n").encode("latin-1")), method)


def test_an_answer_of_a_known_length() -> None:
    """What follows it on the connection is left there."""
    stream = io.BytesIO(
        b"HTTP/1.1 200 OK\r\nX-Subject-Token:  t\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 404"
    )
    assert exchange.receive(stream, "GET") == Reply(
        status=200,
        headers={"x-subject-token": "t", "content-length": "2"},
        data=b"{}",
        is_last=False,
    )
    assert stream.read() == b"HTTP/1.1 404"


@pytest.mark.parametrize(
    ("text", "data", "is_last"),
    [
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3;x=y\nabc\n2\nde\n0\nT: 1\n\n", b"abcde",
         False),
        ("HTTP/1.1 200 OK\n\nto the end", b"to the end", True),
        ("HTTP/1.1 200 OK\nConnection: close\nContent-Length: 1\n\nx", b"x", True),
        ("HTTP/1.0 200 OK\nContent-Length: 1\n\nx", b"x", True),
        ("HTTP/1.0 200 OK\nConnection: Keep-Alive\nContent-Length: 1\n\nx", b"x", False),
        ("HTTP/1.1 204 No Content\n\n", b"", False),
        ("HTTP/1.1 103 Early Hints\n\nHTTP/1.1 200 OK\nContent-Length: 1\n\nx", b"x", False),
        ("HTTP/1.1 100 Continue\n\nHTTP/1.1 201 Created\nContent-Length: 0\n\n", b"", False),
    ],
)  # fmt: skip
def test_where_an_answer_ends(text: str, data: bytes, is_last: bool) -> None:
    reply = received(text)
    assert (reply.data, reply.is_last) == (data, is_last)


def test_an_answer_to_head_has_no_body() -> None:
    assert received("HTTP/1.1 200 OK\nContent-Length: 99\n\n", "HEAD").data == b""


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", http.client.RemoteDisconnected),
        ("HTTP/1.1 200 OK\nContent-Le", http.client.IncompleteRead),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3", http.client.IncompleteRead),
        ("HTTP/1.1 \u00b22\u00b2 OK\n\n", http.client.BadStatusLine),
        ("HTTP/1.1 200 OK\nContent-Length: 99999999999999999999\n\n", http.client.HTTPException),
        ("SSH-2.0-OpenSSH\n\n", http.client.BadStatusLine),
        ("HTTP/1.1 abc\n\n", http.client.BadStatusLine),
        ("HTTP/1.1 200 OK\nContent-Length: 5\n\nabc", http.client.IncompleteRead),
        ("HTTP/1.1 200 OK\nContent-Length: -5\n\nabc", http.client.HTTPException),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nzz\nabc", http.client.HTTPException),
        ("HTTP/1.1 200 OK\n" + "a: b\n" * 300 + "\n", http.client.HTTPException),
        ("HTTP/1.1 200 OK\na: " + "b" * 70_000 + "\n\n", http.client.LineTooLong),
    ],
)
def test_what_is_no_answer(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        received(text)


def test_a_request_goes_out_in_one_piece() -> None:
    here, there = socket.socketpair()
    with here, there:
        exchange.send(
            here, "POST", "/v3/auth/tokens?x=1", host="h:1", headers={"A": "b"}, body=b"{}"
        )
        assert there.recv(1000) == (
            b"POST /v3/auth/tokens?x=1 HTTP/1.1\r\nHost: h:1\r\nAccept-Encoding: identity\r\n"
            b"A: b\r\nContent-Length: 2\r\n\r\n{}"
        )
        exchange.send(here, "GET", "/", host="h", headers={}, body=None)
        assert there.recv(1000) == b"GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: identity\r\n\r\n"


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/a b", {}),
        ("/a\r\nX: y", {}),
        ("", {}),
        ("/", {"X-Auth-Token": "t\r\nX-Roles: admin"}),
        ("/", {"X\n": "y"}),
    ],
)
def test_nothing_is_smuggled_into_a_request(target: str, headers: dict[str, str]) -> None:
    here, there = socket.socketpair()
    with here, there:
        with pytest.raises(ValueError, match="not a"):
            exchange.send(here, "GET", target, host="h", headers=headers, body=None)
        there.setblocking(False)
        with pytest.raises(BlockingIOError):
            there.recv(1)
