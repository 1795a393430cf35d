"""What the image service answers without a token: which versions it speaks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from devstack_lite.wsgi.faults import HttpError
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import send

CURRENT_MINOR = 16


def version_document(url: str) -> dict[str, Any]:
    """Return the versions, the current one first; url is the service's root."""
    link = {"rel": "self", "href": f"{url}/v2/"}
    return {
        "versions": [
            {
                "id": f"v2.{minor}",
                "status": "CURRENT" if minor == CURRENT_MINOR else "SUPPORTED",
                "links": [link],
            }
            for minor in range(CURRENT_MINOR, -1, -1)
        ]
    }


class Versions:
    """GET / answers 300, GET /versions 200, as Glance does."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer with the document, 404 or 405."""
        req = Request(environ)
        path = req.path_info.rstrip("/")
        if path not in {"", "/versions"}:
            raise HttpError(404, "The resource could not be found.")
        if req.method not in {"GET", "HEAD"}:
            raise HttpError(405, "The method is not allowed for this resource.", {"Allow": "GET"})
        status = 200 if path else 300
        return send(
            start_response, Reply(body=version_document(req.application_url), status=status)
        )


def factory(_global_conf: Any, **_local: Any) -> Versions:
    """Paste app factory."""
    return Versions()
