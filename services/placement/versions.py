"""Which microversions placement speaks, and the document at / that says so without a token."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from devstack_lite.wsgi.faults import HttpError
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import send
from devstack_lite.wsgi.versions import ApiVersion, VersionRange

VERSIONS = VersionRange(
    service_type="placement", minimum=ApiVersion(1, 0), maximum=ApiVersion(1, 39)
)


class Versions:
    """GET / answers with the document."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer with the document, or 405."""
        req = Request(environ)
        if req.method not in {"GET", "HEAD"}:
            raise HttpError(405, "The method is not allowed for this resource.", {"Allow": "GET"})
        version = {
            "id": "v1.0",
            "max_version": str(VERSIONS.maximum),
            "min_version": str(VERSIONS.minimum),
            "status": "CURRENT",
            "links": [{"rel": "self", "href": ""}],
        }
        return send(start_response, Reply(body={"versions": [version]}))


def factory(_global_conf: Any, **_local: Any) -> Versions:
    """Paste app factory."""
    return Versions()
