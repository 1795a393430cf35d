"""Refuses a body that is larger than it may be, before anything reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from oslo_config import cfg
from oslo_middleware.sizelimit import LimitingReader
from webob.exc import HTTPRequestEntityTooLarge

from devstack_lite.wsgi.faults import HttpError

PART_BYTES = 16 * 1024


class SizeLimit:
    """413 for a body beyond maximum bytes, whether it says its length or not."""

    def __init__(self, app: Any, maximum: int) -> None:
        self._app = app
        self._maximum = maximum

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Do it for one request."""
        length = environ.get("CONTENT_LENGTH")
        if length:
            if int(length) > self._maximum:
                raise HttpError(413, "Request is too large.")
        elif environ.get("HTTP_TRANSFER_ENCODING"):
            return self._bounded(environ, start_response)
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer

    def _bounded(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request whose length nobody says.

        As much again is read and thrown away before the refusal: a connection that is closed with
        unread bytes is reset, and a client that still writes never reads why.
        """
        source = environ["wsgi.input"]
        environ["wsgi.input"] = LimitingReader(source, self._maximum)
        try:
            answer: Iterable[bytes] = self._app(environ, start_response)
        except HTTPRequestEntityTooLarge:
            left = self._maximum
            while left > 0 and (part := source.read(min(left, PART_BYTES))):
                left -= len(part)
            raise
        return answer


def factory(_global_conf: Any, **_local: Any) -> Callable[[Any], SizeLimit]:
    """Paste filter factory; the limit is max_request_body_size of the configuration."""
    return lambda app: SizeLimit(app, cfg.CONF.max_request_body_size)
