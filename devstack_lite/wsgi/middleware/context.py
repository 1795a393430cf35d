"""Makes the RequestContext of a request from what the token said."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Unauthorized
from devstack_lite.steps import log_extra
from devstack_lite.wsgi.middleware.authtoken import TOKEN
from devstack_lite.wsgi.request import CONTEXT, REQUEST_ID, VALIDATED, global_id_of

LOG = logging.getLogger(__name__)


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
            global_request_id=global_id_of(environ),
            user_id=info.user_id,
            project_id=info.project_id,
            roles=list(info.roles),
            is_admin="admin" in info.roles,
            auth_token=info.token,
        )
        environ[CONTEXT] = context
        context.make_current()
        step, wanted = environ.get(VALIDATED), environ.get("HTTP_X_DEVSTACK_TRACE")
        if step is not None and wanted:
            LOG.info("step %d: %s", step.step, step.detail, extra=log_extra(wanted))
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer


def factory(
    _global_conf: Any, needs_project: str = "true", **_local: Any
) -> Callable[[Any], KeystoneContext]:
    """Paste filter factory; needs_project: whether an unscoped token is refused."""
    return lambda app: KeystoneContext(app, needs_project=needs_project == "true")
