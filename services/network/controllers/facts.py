"""What the network API says of itself: resources, extensions, quotas, zones, default groups."""

from __future__ import annotations

from typing import Any

from devstack_lite.db.engine import Database
from devstack_lite.db.identity import list_all
from devstack_lite.db.networks import count_of
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.identity import Project
from devstack_lite.wsgi.request import Request
from services.network import views
from services.network.listing import fields_of, listed

Json = dict[str, Any]

EXTENSIONS = {
    "availability_zone": "Availability Zone",
    "binding": "Port Binding",
    "external-net": "Neutron external network",
    "net-mtu": "Network MTU",
    "pagination": "Pagination support",
    "port-security": "Port Security",
    "project-id": "project_id field enabled",
    "quota_details": "Quota details management support",
    "quotas": "Quota management support",
    "sorting": "Sorting support",
    "standard-attr-description": "standard-attr-description",
    "standard-attr-timestamp": "Resource timestamps",
}

UNLIMITED = -1

RESOURCES = ("network", "subnet", "port")

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

    def __init__(self, db: Database) -> None:
        self._db = db

    def resources(self, req: Request) -> Json:
        """List what can be created."""
        return {
            "resources": [
                {
                    "name": name,
                    "collection": f"{name}s",
                    "links": [{"rel": "self", "href": req.public_url(f"/{name}s")}],
                }
                for name in RESOURCES
            ]
        }

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
        _check_quota_of(req, id)
        return {"quota": dict.fromkeys(QUOTAS, UNLIMITED)}

    def quota_default(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show what a project's quota is without changes: the same."""
        return self.quota(req, id)

    def quota_details(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show a project's quota, and how much of it is used."""
        _check_quota_of(req, id)
        used = {"security_group": 1, "security_group_rule": 4, **count_of(self._db, id)}
        return {
            "quota": {
                name: {"limit": UNLIMITED, "used": used.get(name, 0), "reserved": 0}
                for name in QUOTAS
            }
        }

    def availability_zones(self, req: Request) -> Json:
        """List the one zone."""
        zone = {"name": "nova", "resource": "network", "state": "available"}
        return {"availability_zones": [zone]}

    def agents(self, req: Request) -> Json:
        """List agents: none are needed."""
        return {"agents": []}

    def security_groups(self, req: Request) -> Json:
        """List the caller's default group; for an administrator who names projects, theirs."""
        return listed(req, "security_groups", [views.default_group(one) for one in _of(req)])

    def security_group(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show a default group: the caller's; an administrator sees any project's."""
        for project_id in self._visible(req):
            if id == views.default_group_id(project_id):
                return {"security_group": fields_of(req, views.default_group(project_id))}
        raise NotFound(f"Security group {id} does not exist", kind="securityGroup")

    def security_group_rules(self, req: Request) -> Json:
        """List the rules of the groups that the caller sees."""
        rules = [
            rule
            for project_id in self._visible(req)
            for rule in views.default_group(project_id)["security_group_rules"]
        ]
        return listed(req, "security_group_rules", rules)

    def security_group_rule(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show one rule of the groups that the caller sees."""
        for project_id in self._visible(req):
            for rule in views.default_group(project_id)["security_group_rules"]:
                if rule["id"] == id:
                    return {"security_group_rule": fields_of(req, rule)}
        raise NotFound(f"Security group rule {id} does not exist", kind="securityGroupRule")

    def _visible(self, req: Request) -> list[str]:
        """Return the ids of the projects whose groups the caller sees, its own first."""
        own = str(req.context.project_id)
        if not req.context.is_admin:
            return [own]
        return list(dict.fromkeys([own, *(one.id for one in list_all(self._db, Project))]))


def _of(req: Request) -> list[str]:
    """Return the ids of the projects whose groups a list holds.

    An administrator who names none means its own: a name is then found once, not once per project.
    """
    named = [*req.GET.getall("project_id"), *req.GET.getall("tenant_id")]
    own = str(req.context.project_id)
    return list(dict.fromkeys(named)) if named and req.context.is_admin else [own]


def _check_quota_of(req: Request, project_id: str) -> None:
    if not req.context.is_admin and project_id != req.context.project_id:
        raise NotFound(f"Quota for tenant {project_id} could not be found.", kind="tenantQuota")
