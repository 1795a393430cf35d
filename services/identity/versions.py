"""Version documents at / and /v3."""

from __future__ import annotations

from typing import Any

from devstack_lite.wsgi.request import Reply, Request

Json = dict[str, Any]


def _v3(req: Request) -> Json:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{req.host_url}/v3/"}],
        "media-types": [
            {
                "base": "application/json",
                "type": "application/vnd.openstack.identity-v3+json",
            }
        ],
    }


class VersionsController:
    """Says that v3 is here, to anybody."""

    def index(self, req: Request) -> Reply:
        """List the versions; 300, as Keystone answers."""
        return Reply(body={"versions": {"values": [_v3(req)]}}, status=300)

    def show(self, req: Request) -> Json:
        """Show v3."""
        return {"version": _v3(req)}
