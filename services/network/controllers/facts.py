"""What the network API says of itself: extensions, quotas, zones, agents, default groups."""

from __future__ import annotations

from typing import Any

from devstack_lite.exceptions import NotFound
from devstack_lite.wsgi.request import Request
from services.network import views
from services.network.listing import listed

Json = dict[str, Any]

EXTENSIONS = {
    "binding": "Port Binding",
    "external-net": "Neutron external network",
    "network_availability_zone": "Network Availability Zone",
    "pagination": "Pagination support",
    "project-id": "project_id field enabled",
    "quotas": "Quota management support",
    "sorting": "Sorting support",
    "standard-attr-description": "standard-attr-description",
    "standard-attr-timestamp": "Resource timestamps",
    "port-security": "Port Security",
    "net-mtu": "Network MTU",
}

QUOTAS = ("network", "subnet", "port", "security_group", "security_group_rule", "router",
          "floatingip")  # fmt: skip


def _extension(alias: str) -> Json:
    return {
        "alias": alias,
        "name": EXTENSIONS[alias],
        "description": EXTENSIONS[alias],
        "updated": "2026-01-01T00:00:00-00:00",
        "links": [],
    }


class FactsController:
    """Read only."""

    def extensions(self, req: Request) -> Json:
        """List the extensions that work."""
        return {"extensions": [_extension(alias) for alias in EXTENSIONS]}

    def extension(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one extension."""
        if id not in EXTENSIONS:
            raise NotFound(f"Extension with alias {id} does not exist", kind="extension")
        return {"extension": _extension(id)}

    def quota(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show a project's quota: nothing is limited."""
        return {"quota": dict.fromkeys(QUOTAS, -1)}

    def availability_zones(self, req: Request) -> Json:
        """List the one zone."""
        zone = {"name": "nova", "resource": "network", "state": "available"}
        return {"availability_zones": [zone]}

    def agents(self, req: Request) -> Json:
        """List agents: none are needed."""
        return {"agents": []}

    def security_groups(self, req: Request) -> Json:
        """List the caller's default group."""
        group = views.default_group(str(req.context.project_id))
        return listed(req, "security_groups", [group])

    def security_group(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show the caller's default group."""
        group = views.default_group(str(req.context.project_id))
        if id != group["id"]:
            raise NotFound(f"Security group {id} does not exist", kind="securityGroup")
        return {"security_group": group}

    def security_group_rules(self, req: Request) -> Json:
        """List the rules of the caller's default group."""
        group = views.default_group(str(req.context.project_id))
        return listed(req, "security_group_rules", group["security_group_rules"])
