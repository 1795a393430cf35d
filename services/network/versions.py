"""Version documents at / and /v2.0."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from devstack_lite.wsgi.faults import HttpError
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import send


class VersionsApp:
    """Says that v2.0 is here, to anybody."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        req = Request(environ)
        if req.path_info.strip("/"):
            raise HttpError(404, "The resource could not be found.")
        links = [{"rel": "self", "href": f"{req.host_url}/v2.0/"}]
        version = {"id": "v2.0", "status": "CURRENT", "links": links}
        return send(start_response, Reply(body={"versions": [version]}))


def factory(_global_conf: Any, **_local: Any) -> VersionsApp:
    """Paste application factory."""
    return VersionsApp()
