"""Makes the RequestContext of a request from what the token said."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import Any

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Unauthorized
from devstack_lite.wsgi.middleware.authtoken import TOKEN
from devstack_lite.wsgi.request import CONTEXT, REQUEST_ID, VALIDATED

LOG = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class KeystoneContext:
    """Puts the context into the environ and makes it the thread's own, for the logs."""

    def __init__(self, app: Any, *, needs_project: bool) -> None:
        self._app = app
        self._needs_project = needs_project

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Do it for one request."""
        info = environ[TOKEN]
        if self._needs_project and info.project_id is None:
            raise Unauthorized("This request needs a token that is scoped to a project.")
        context = RequestContext(
            request_id=environ.get(REQUEST_ID),
            global_request_id=_global_id(environ),
            user_id=info.user_id,
            project_id=info.project_id,
            roles=list(info.roles),
            is_admin="admin" in info.roles,
            auth_token=info.token,
        )
        environ[CONTEXT] = context
        context.make_current()
        step = environ.get(VALIDATED)
        if step is not None and environ.get("HTTP_X_DEVSTACK_TRACE"):
            LOG.info("step %d: %s", step.step, step.detail)
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer


def _global_id(environ: dict[str, Any]) -> str | None:
    """Return the id of the request that this one serves, if the caller sent one."""
    sent = environ.get("HTTP_X_OPENSTACK_REQUEST_ID", "")
    return sent if _REQUEST_ID.fullmatch(sent) else None


def factory(
    _global_conf: Any, needs_project: str = "true", **_local: Any
) -> Callable[[Any], KeystoneContext]:
    """Paste filter factory; needs_project: whether an unscoped token is refused."""
    return lambda app: KeystoneContext(app, needs_project=needs_project == "true")
