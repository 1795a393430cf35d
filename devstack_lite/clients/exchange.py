"""One HTTP/1.1 request and its answer, on a connection that is open.

The standard library parses each answer's headers as those of an e-mail, which takes longer than all
else that a client does. Here they are a dictionary; only its connecting, and its errors, are used.
"""

from __future__ import annotations

import http.client
import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

LINE_BYTES = 64 * 1024
MOST_HEADERS = 200
"""Twice the standard library's bound."""
JOIN_BYTES = 64 * 1024
"""A body up to that goes out with its head; more takes longer to copy than to send."""

_TARGET = re.compile(r"[!-~]+")
_LINE = re.compile(r"[^\r\n\0]*")
_HAS_BODY = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer whose body was read; header names are in lower case."""

    status: int
    headers: dict[str, str]
    data: bytes
    is_last: bool
    """Whether the peer closes the connection now."""


def send(
    sock: socket.socket,
    method: str,
    target: str,
    *,
    host: str,
    headers: Mapping[str, str],
    body: bytes | None,
) -> None:
    """Send a request, its head and a small body in one piece.

    Raises ValueError for a target or a header that would end its line, OSError.
    """
    if not _TARGET.fullmatch(target):
        raise ValueError(f"not a request's target: {target!r}")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Accept-Encoding: identity"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None or method in _HAS_BODY:
        lines.append(f"Content-Length: {len(body or b'')}")
    for line in lines:
        if not _LINE.fullmatch(line):
            raise ValueError(f"not a header: {line!r}")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    if body and len(body) > JOIN_BYTES:
        sock.sendall(head)
        sock.sendall(body)
    else:
        sock.sendall(head + body if body else head)


def receive(stream: BinaryIO, method: str) -> Reply:
    """Read the answer to a request of that method.

    Raises http.client.HTTPException for what is none, RemoteDisconnected when there is none.
    """
    while True:
        version, status = _status(stream)
        headers = _headers(stream)
        if not http.client.CONTINUE <= status < http.client.OK:
            break
    wishes = headers.get("connection", "").lower()
    is_last = "close" in wishes or (version == "HTTP/1.0" and "keep-alive" not in wishes)
    if method == "HEAD" or status in {204, 304}:
        data = b""
    elif "chunked" in headers.get("transfer-encoding", "").lower():
        data = _chunks(stream)
    elif "content-length" in headers:
        data = _exactly(stream, _number(headers["content-length"], 10))
    else:
        data, is_last = stream.read(), True
    return Reply(status=status, headers=headers, data=data, is_last=is_last)


def _line(stream: BinaryIO) -> str:
    line = stream.readline(LINE_BYTES + 1)
    if len(line) > LINE_BYTES:
        raise http.client.LineTooLong("header line")
    if not line.endswith(b"\n"):
        raise http.client.IncompleteRead(line)
    return line.decode("latin-1").rstrip("\r\n")


def _status(stream: BinaryIO) -> tuple[str, int]:
    try:
        line = _line(stream)
    except http.client.IncompleteRead as error:
        if error.partial:
            raise
        raise http.client.RemoteDisconnected("the peer closed the connection") from error
    version, _, rest = line.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit()):
        raise http.client.BadStatusLine(line)
    return version, int(code)


def _headers(stream: BinaryIO) -> dict[str, str]:
    """Return the headers up to the empty line; of several of a name the first."""
    found: dict[str, str] = {}
    for _ in range(MOST_HEADERS):
        line = _line(stream)
        if not line:
            return found
        name, _, value = line.partition(":")
        found.setdefault(name.lower(), value.strip())
    raise http.client.HTTPException(f"got more than {MOST_HEADERS} headers")


def _number(text: str, base: int) -> int:
    try:
        number = int(text, base)
    except ValueError:
        number = -1
    if not 0 <= number <= sys.maxsize:
        raise http.client.HTTPException(f"not a length: {text!r}")
    return number


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise http.client.IncompleteRead(data, size - len(data))
    return data


def _chunks(stream: BinaryIO) -> bytes:
    parts = []
    while size := _number(_line(stream).partition(";")[0].strip(), 16):
        parts.append(_exactly(stream, size))
        _exactly(stream, 2)
    _headers(stream)  # the trailers, and the empty line
    return b"".join(parts)
