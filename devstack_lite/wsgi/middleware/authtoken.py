"""Asks identity whether the request's token is valid; steps 3, 13, 15 and 17 of a boot.

Who called is put into the environ under the names that keystonemiddleware uses. A token is not
remembered unless token_cache_s says so; a step that was answered from memory says that it was.
Requests that come with one token at one moment share the question, which is asked when all of them
are there: a token that was revoked before any of them came is refused. Their steps say so, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from oslo_config import cfg

from devstack_lite import failpoints
from devstack_lite.clients.identity import IdentityClient, TokenInfo
from devstack_lite.exceptions import Unauthorized
from devstack_lite.gathering import SharedQuestion
from devstack_lite.steps import TRACE_HEADER, StepRecord, point_of, to_header
from devstack_lite.wsgi.request import ISSUED, REQUEST_ID, VALIDATED, global_id_of

TOKEN = "devstack_lite.token_info"  # noqa: S105 - the name of a key, not a secret


@dataclass(frozen=True, slots=True)
class _Asked:
    """What identity is asked; by the token alone two are the same."""

    token: str
    global_id: str | None = field(compare=False, kw_only=True)
    """The request in whose name it is."""
    wanted_for: str = field(compare=False, kw_only=True)


class AuthToken:
    """401 without a valid token; a record of the question for the boot's trace."""

    def __init__(
        self, app: Any, identity: IdentityClient, *, step: int, cache_s: int, www_authenticate: str
    ) -> None:
        self._app = app
        self._identity = identity
        self._step = step
        self._cache_s = cache_s
        self._cache: dict[str, tuple[float, TokenInfo]] = {}
        self._www_authenticate = www_authenticate
        self._question: SharedQuestion[_Asked, TokenInfo] = SharedQuestion(self._ask)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Do it for one request."""
        token = environ.get("HTTP_X_AUTH_TOKEN") or environ.get("HTTP_X_STORAGE_TOKEN")
        if not token:
            raise _refused(
                "The request you have made requires authentication.", self._www_authenticate
            )
        info = self.validate(environ, token)
        environ[TOKEN] = info
        if not environ.get("HTTP_X_DEVSTACK_TRACE"):
            answer: Iterable[bytes] = self._app(environ, start_response)
            return answer
        trace = (TRACE_HEADER, to_header(validated=environ[VALIDATED]))

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, [*headers, trace], exc_info)

        traced: Iterable[bytes] = self._app(environ, start)
        return traced

    def validate(self, environ: dict[str, Any], token: str) -> TokenInfo:
        """Return what identity says of token, and leave the records of the question in environ.

        Raises Unauthorized (definite), Unavailable when identity does not answer.
        """
        request_id = global_id_of(environ) or environ.get(REQUEST_ID, "")
        with failpoints.around(point_of(self._step), request_id=request_id):
            return self._validate(environ, token)

    def _validate(self, environ: dict[str, Any], token: str) -> TokenInfo:
        start, began = time.time(), time.monotonic()
        info = self._remembered(token)
        detail = f"identity worker {info.validated_by} answered earlier (cached)" if info else ""
        if info is None:
            asked = _Asked(
                token,
                global_id=global_id_of(environ) or environ.get(REQUEST_ID),
                wanted_for=environ.get("HTTP_X_DEVSTACK_TRACE") or "1",
            )
            try:
                info, others = self._question.about(asked)
            except Unauthorized as error:
                raise _refused(error.message, self._www_authenticate) from error
            detail = f"asked identity, pid {info.validated_by}"
            if others:
                detail += f", with {others} other{'s' if others > 1 else ''}"
            if self._cache_s:
                self._cache[token] = (time.monotonic() + self._cache_s, info)
        environ[ISSUED] = info.issued
        environ[VALIDATED] = StepRecord.here(
            self._step, start, time.monotonic() - began, detail=detail
        )
        return info

    def _ask(self, asked: _Asked) -> TokenInfo:
        return self._identity.validate(
            asked.token, global_id=asked.global_id, wanted_for=asked.wanted_for
        )

    def _remembered(self, token: str) -> TokenInfo | None:
        if not self._cache_s:
            return None
        until, info = self._cache.get(token, (0.0, None))
        if until > time.monotonic():
            return info
        if len(self._cache) > 1000:
            self._cache.clear()
        return None


def _refused(message: str, www_authenticate: str) -> Unauthorized:
    error = Unauthorized(message)
    error.headers = {"WWW-Authenticate": www_authenticate}  # type: ignore[attr-defined]
    return error


def factory(_global_conf: Any, step: str = "0", **_local: Any) -> Callable[[Any], AuthToken]:
    """Paste filter factory; step: the boot step that a validation is in this service."""
    conf = cfg.CONF

    def build(app: Any) -> AuthToken:
        return AuthToken(
            app,
            IdentityClient(conf.endpoints.identity, timeout_s=conf.authtoken.timeout_s),
            step=int(step),
            cache_s=conf.authtoken.token_cache_s,
            www_authenticate=f'Keystone uri="{conf.endpoints.identity}"',
        )

    return build
