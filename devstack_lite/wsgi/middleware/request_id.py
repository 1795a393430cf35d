"""Gives each request an id and says it in the answer; notes when the request came in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from devstack_lite.context import RequestContext, new_request_id
from devstack_lite.wsgi.request import REQUEST_ID, STARTED, global_id_of


class RequestId:
    """x-openstack-request-id on every answer; the names in headers besides it."""

    def __init__(self, app: Any, headers: tuple[str, ...]) -> None:
        self._app = app
        self._headers = ("x-openstack-request-id", *headers)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Do it for one request."""
        environ[STARTED] = time.time()
        request_id = environ[REQUEST_ID] = new_request_id()
        # Until the token says who asks, and where no token is asked for: the log's ids at least.
        RequestContext(
            request_id=request_id, global_request_id=global_id_of(environ)
        ).make_current()

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            headers = [*headers, *((name, request_id) for name in self._headers)]
            return start_response(status, headers, exc_info)

        answer: Iterable[bytes] = self._app(environ, start)
        return answer


def factory(_global_conf: Any, headers: str = "", **_local: Any) -> Callable[[Any], RequestId]:
    """Paste filter factory; headers: more names to say the id by, separated by blanks."""
    return lambda app: RequestId(app, tuple(headers.split()))
