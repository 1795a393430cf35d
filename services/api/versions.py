"""Version documents at / and /v2.1, and the range of microversions that is offered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from devstack_lite.wsgi.faults import HttpError
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import send
from devstack_lite.wsgi.versions import ApiVersion, VersionRange

_MEDIA_TYPE = "application/vnd.openstack.compute+json"
VERSIONS = VersionRange(
    service_type="compute",
    minimum=ApiVersion(2, 1),
    maximum=ApiVersion(2, 104),
    legacy_headers=("X-OpenStack-Nova-API-Version",),
    media_types=frozenset({"", "text/plain", "application/json", _MEDIA_TYPE}),
)

_MEDIA = [{"base": "application/json", "type": f"{_MEDIA_TYPE};version=2.1"}]


def version_document(base_url: str, path: str, *, is_detailed: bool) -> dict[str, Any]:
    """Return what says that v2.1 is here; path is `v2.1` or the older name `v2`."""
    document: dict[str, Any] = {
        "id": "v2.1" if path == "v2.1" else "v2.0",
        "status": "CURRENT" if path == "v2.1" else "SUPPORTED",
        "version": str(VERSIONS.maximum) if path == "v2.1" else "",
        "min_version": str(VERSIONS.minimum) if path == "v2.1" else "",
        "updated": "2013-07-23T11:33:21Z" if path == "v2.1" else "2011-01-21T11:33:21Z",
        "links": [{"rel": "self", "href": f"{base_url}/{path}/"}],
    }
    if is_detailed:
        document["media-types"] = _MEDIA
        document["links"].append(
            {
                "rel": "describedby",
                "type": "text/html",
                "href": "https://docs.openstack.org/api-ref/compute/",
            }
        )
    return document


class VersionsApp:
    """Answers / with all versions, and /v2 and /v2.1 with their own document, to anybody."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        req = Request(environ)
        path = req.path.strip("/")
        if path in {"v2", "v2.1"}:
            document = version_document(req.host_url, path, is_detailed=True)
            return send(start_response, Reply(body={"version": document}))
        if path:
            raise HttpError(404, "The resource could not be found.")
        documents = [
            version_document(req.host_url, name, is_detailed=False) for name in ("v2", "v2.1")
        ]
        return send(start_response, Reply(body={"versions": documents}))


def factory(_global_conf: Any, **_local: Any) -> VersionsApp:
    """Paste application factory."""
    return VersionsApp()
