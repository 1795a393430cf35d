"""The HTTP server of a worker: cheroot, on a socket that was bound before the fork."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

from cheroot import errors, wsgi
from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.ssl import Adapter

from devstack_lite.exceptions import Conflict
from devstack_lite.failpoints import Dropped
from devstack_lite.wsgi import streams

LOG = logging.getLogger(__name__)

BACKLOG = 512
KEEP_ALIVE_S = 65
KEEP_ALIVE_CONNECTIONS = 500
MAX_HEADERS_BYTES = 64 * 1024
"""All header lines of a request, where its URL has a bound, too: eventlet's limit, as Nova's."""


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket for the workers to share. Raises Conflict when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # cheroot sets this on sockets it binds itself; without it a small answer waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Conflict(f"{host}:{port} cannot be bound: {error.strerror}") from error
    listener.listen(BACKLOG)
    return listener


class _Request(HTTPRequest):
    """A request whose URL may have so many characters as the server says."""

    def read_request_line(self) -> bool:
        """Read it; answer 414 and say False for a URL that is too long."""
        read: Callable[[], bool] = super().read_request_line
        is_read = read()
        limit = self.server.max_url_len
        if is_read and limit is not None and len(self.uri) > limit:
            self.simple_response("414 Request-URI Too Long", f"The limit is {limit} characters.")
            return False
        return is_read

    def read_request_headers(self) -> bool:
        """Read them; answer 400 and say False for a body of less than nothing."""
        read: Callable[[], bool] = super().read_request_headers
        is_read = read()
        if is_read and int(self.inheaders.get(b"Content-Length", 0)) < 0:
            self.simple_response("400 Bad Request", "Malformed Content-Length Header.")
            return False
        return is_read

    def send_headers(self) -> None:
        """Have the head go out with the beginning of the body."""
        writer = self.conn.wfile
        writer.is_holding = True
        try:
            super().send_headers()
        finally:
            writer.is_holding = False

    def respond(self) -> None:
        """Answer; a head without a body goes out at the end."""
        try:
            super().respond()
        finally:
            self.conn.wfile.flush()


class _Connection(HTTPConnection):
    RequestHandlerClass = _Request

    def __init__(self, server: Any, sock: socket.socket, _makefile: Any = None) -> None:
        super().__init__(server, sock, streams.make_file)


class _SharedSocketServer(wsgi.Server):
    """cheroot's server on a socket that is there already."""

    ConnectionClass = _Connection

    def __init__(
        self, listener: socket.socket, app: Any, threads: int, max_url_len: int | None
    ) -> None:
        super().__init__(
            listener.getsockname()[:2],
            app,
            numthreads=threads,
            request_queue_size=BACKLOG,
            timeout=KEEP_ALIVE_S,
            shutdown_timeout=5,
        )
        self.keep_alive_conn_limit = KEEP_ALIVE_CONNECTIONS
        self.max_url_len = max_url_len
        if max_url_len is not None:
            self.max_request_header_size = max_url_len + MAX_HEADERS_BYTES
        self._listener = listener

    def bind(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002 - cheroot's
        """Take the socket that is there."""
        self.socket = self._listener
        return self._listener

    def prepare(self) -> None:
        """Get ready to serve.

        All workers wake up for a connection, and one gets it: the others must not wait for the next
        one, as cheroot would for a second, while requests on their own connections wait for them.
        """
        super().prepare()
        self.socket.setblocking(False)

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        """Send cheroot's messages to the log."""
        LOG.log(level, "%s", msg, exc_info=traceback)


class HttpWorker:
    """Serves one WSGI application in a thread of the worker."""

    def __init__(
        self,
        listener: socket.socket,
        app: Any,
        *,
        threads: int,
        max_url_len: int | None = None,
        tls: Adapter | None = None,
    ) -> None:
        """max_url_len: characters of a URL beyond which it answers 414; tls: what secures it."""

        def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            try:
                answered: Iterable[bytes] = app(environ, start_response)
            except Dropped as dropped:
                # The one error upon which cheroot closes a connection without a word.
                raise errors.FatalSSLAlert from dropped
            return answered

        self._server = _SharedSocketServer(listener, answer, threads, max_url_len)
        self._server.ssl_adapter = tls
        self._thread = threading.Thread(target=self._server.serve, name="http", daemon=True)

    def start(self) -> None:
        """Begin to accept; returns when the server's threads are there."""
        self._server.prepare()
        self._thread.start()

    def stop(self) -> None:
        """Finish the requests in hand, for at most the server's shutdown_timeout."""
        self._server.stop()
        self._thread.join(timeout=5)
