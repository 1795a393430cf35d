"""Which versions the volume service speaks: the document without a token, and the range."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from devstack_lite.wsgi.faults import HttpError
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import send
from devstack_lite.wsgi.versions import ApiVersion, VersionRange

VERSIONS = VersionRange(service_type="volume", minimum=ApiVersion(3, 0), maximum=ApiVersion(3, 70))

_UPDATED = "2023-08-31T00:00:00Z"
_MEDIA_TYPE = "application/vnd.openstack.volume+json;version=3"


def version_document(url: str) -> dict[str, Any]:
    """Return the document of v3, the only version; url is v3's own, with a slash at its end."""
    return {
        "versions": [
            {
                "id": "v3.0",
                "status": "CURRENT",
                "version": str(VERSIONS.maximum),
                "min_version": str(VERSIONS.minimum),
                "updated": _UPDATED,
                "links": [{"rel": "self", "href": url}],
                "media-types": [{"base": "application/json", "type": _MEDIA_TYPE}],
            }
        ]
    }


class Versions:
    """GET / answers 300 with the document, as Cinder does."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer with the document, 404 or 405."""
        req = Request(environ)
        if req.path_info not in {"", "/"}:
            raise HttpError(404, "The resource could not be found.")
        if req.method not in {"GET", "HEAD"}:
            raise HttpError(405, "The method is not allowed for this resource.", {"Allow": "GET"})
        body = version_document(f"{req.application_url}/v3/")
        return send(start_response, Reply(body=body, status=300))


class VersionController:
    """GET /v3/."""

    def show(self, req: Request) -> dict[str, Any]:
        """Return the document."""
        return version_document(req.public_url("/"))


def factory(_global_conf: Any, **_local: Any) -> Versions:
    """Paste app factory."""
    return Versions()
