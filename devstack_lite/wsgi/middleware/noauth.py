"""Believes whoever asks, instead of asking identity: for trying the API on its own.

X-Auth-Token is `user:project`, or anything, with the ids in X-Auth-User and X-Auth-Project-Id;
nothing of it is needed. The user `admin` is an administrator. The other services still want a token
of identity's, so a server that is to be built needs a real one.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import Any

from devstack_lite.clients.identity import TokenInfo
from devstack_lite.wsgi.middleware.authtoken import TOKEN

ADMIN = "admin"
NEVER = datetime.datetime.max.replace(tzinfo=datetime.UTC)


class NoAuth:
    """Puts into the environ what authtoken would."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Do it for one request."""
        token = environ.get("HTTP_X_AUTH_TOKEN", "")
        user_id, _, project_id = token.partition(":")
        if not project_id:
            user_id = environ.get("HTTP_X_AUTH_USER", ADMIN)
            project_id = environ.get("HTTP_X_AUTH_PROJECT_ID", ADMIN)
        environ[TOKEN] = TokenInfo(
            token=token,
            user_id=user_id,
            user_name=user_id,
            project_id=project_id,
            project_name=project_id,
            roles=("admin", "member", "reader") if user_id == ADMIN else ("member", "reader"),
            expires_at=NEVER,
            validated_by=0,
        )
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer


def factory(_global_conf: Any, **_local: Any) -> Callable[[Any], NoAuth]:
    """Paste filter factory; keystonecontext comes after it."""
    return NoAuth
