"""Turns every exception of the pipeline below into the service's fault format."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

import webob.exc

from devstack_lite import failpoints, worker
from devstack_lite.exceptions import Invalid
from devstack_lite.wsgi import faults
from devstack_lite.wsgi.request import VERSION_HEADERS, Reply
from devstack_lite.wsgi.resource import send

LOG = logging.getLogger(__name__)

RETRY_AFTER_S = 1
DRAIN_BYTES = 64 * 1024


class FaultWrap:
    """The only place of the HTTP side that catches everything."""

    def __init__(self, app: Any, render: Callable[[int, str, Exception], Any]) -> None:
        self._app = app
        self._render = render

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request; to HEAD with the headers alone."""
        environ["devstack_lite.headers"] = _headers_of(environ)
        answer = self._ask(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return answer
        close = getattr(answer, "close", None)
        if close is not None:
            close()
        return []

    def _ask(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        point = f"http.{worker.current().service}"
        sent_id = environ.get("HTTP_X_OPENSTACK_REQUEST_ID", "")
        try:
            _check_text(environ)
            with failpoints.around(point, request_id=sent_id):
                return self._app(environ, start_response)  # type: ignore[no-any-return]
        except webob.exc.HTTPException as error:
            problem: Exception = faults.HttpError(error.status_int, str(error.detail or error))
        except Exception as error:  # noqa: BLE001 - the outermost filter answers for all of them
            problem = error
        return self._answer(problem, environ, start_response)

    def _answer(
        self, error: Exception, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        status = faults.status_of(error)
        _drain(environ)
        if status == 500:
            LOG.error(
                "%s %s failed", environ["REQUEST_METHOD"], environ.get("PATH_INFO"), exc_info=error
            )
        headers = {**environ.get(VERSION_HEADERS, {}), **(getattr(error, "headers", None) or {})}
        if status == 503:
            headers.setdefault("Retry-After", str(RETRY_AFTER_S))
        body = self._render(status, faults.text_of(error, status), error)
        kind = "text/plain; charset=UTF-8" if isinstance(body, bytes) else "application/json"
        reply = Reply(body=body, status=status, headers=headers, content_type=kind)
        return send(start_response, reply)


def _check_text(environ: dict[str, Any]) -> None:
    """Raise for a URL that is no text, or none that every database takes, whoever would read it."""
    if "\0" in environ.get("PATH_INFO", ""):
        raise faults.HttpError(404, "The resource could not be found.")
    try:
        query = unquote_to_bytes(environ.get("QUERY_STRING", "")).decode()
    except UnicodeDecodeError as error:
        raise Invalid("The query string is not valid UTF-8.") from error
    if "\0" in query:
        raise Invalid("The query string holds a NUL character.")


def _drain(environ: dict[str, Any]) -> None:
    """Read what is left of a refused request's body, a little at a time.

    The server would otherwise read all of it at once into memory before the next request.
    """
    if environ.get("CONTENT_LENGTH"):
        source = environ["wsgi.input"]
        while source.read(DRAIN_BYTES):
            pass


def _headers_of(environ: dict[str, Any]) -> dict[str, str]:
    return {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }


def factory(
    _global_conf: Any, speaks: str = "compute", **_local: Any
) -> Callable[[Any], FaultWrap]:
    """Paste filter factory; speaks: whose faults these are (compute, identity, network, …)."""
    return lambda app: FaultWrap(app, faults.FORMATS[speaks])
