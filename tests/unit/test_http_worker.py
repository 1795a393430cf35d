"""Workers that share a listening socket."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from devstack_lite.wsgi.server import HttpWorker, bind


def app(environ: dict[str, object], start_response: object) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "2")])  # type: ignore[operator]
    return [b"ok"]


@pytest.fixture
def worker() -> Iterator[HttpWorker]:
    listener = bind("127.0.0.1", 0)
    found = HttpWorker(listener, app, threads=2)
    found.start()
    yield found
    found.stop()
    listener.close()


def test_who_is_late_for_a_connection_does_not_wait_for_the_next(worker: HttpWorker) -> None:
    """Another worker has got it: nothing is there to accept, and that is all."""
    server = worker._server
    assert server.socket.gettimeout() == 0
    assert server._connections._from_server_socket(server.socket) is None


def test_a_connection_is_served_and_stays_open(worker: HttpWorker) -> None:
    """It waits for its requests as long as it may, whatever the listening socket does."""
    connection = http.client.HTTPConnection(*worker._server.socket.getsockname(), timeout=10)
    for _ in range(3):
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"ok"
    connection.close()
