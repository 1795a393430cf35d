"""/v3/domains, /v3/services, /v3/endpoints and /v3/regions: what no request changes."""

from __future__ import annotations

from typing import Any

from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.identity import Domain
from devstack_lite.wsgi.request import Request
from services.identity import views
from services.identity.callers import Callers
from services.identity.catalog import Catalog
from services.identity.listing import base_url, listed

Json = dict[str, Any]


class FactsController:
    """The one domain is in the database; the catalog is in the configuration."""

    def __init__(self, db: Database, callers: Callers, catalog: Catalog) -> None:
        self._db = db
        self._callers = callers
        self._catalog = catalog

    def domains(self, req: Request) -> Json:
        """List domains."""
        self._callers.admin(req, "identity:list_domains")
        shown = [views.domain(one, base_url(req)) for one in rows.list_all(self._db, Domain)]
        return listed(req, "domains", shown)

    def domain(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a domain: an administrator any, others their own."""
        caller = self._callers.of(req)
        if id != caller.standing.user.domain_id:
            caller.require_admin("identity:get_domain")
        return {"domain": views.domain(rows.get(self._db, Domain, id), base_url(req))}

    def services(self, req: Request) -> Json:
        """List services."""
        self._callers.admin(req, "identity:list_services")
        return listed(req, "services", self._catalog.services())

    def service(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show a service."""
        self._callers.admin(req, "identity:get_service")
        return {"service": _one(self._catalog.services(), "service", id)}

    def endpoints(self, req: Request) -> Json:
        """List endpoints."""
        self._callers.admin(req, "identity:list_endpoints")
        return listed(req, "endpoints", self._catalog.endpoints())

    def endpoint(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show an endpoint."""
        self._callers.admin(req, "identity:get_endpoint")
        return {"endpoint": _one(self._catalog.endpoints(), "endpoint", id)}

    def regions(self, req: Request) -> Json:
        """List regions."""
        self._callers.of(req)
        return listed(req, "regions", self._catalog.regions())

    def region(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show a region."""
        self._callers.of(req)
        return {"region": _one(self._catalog.regions(), "region", id)}


def _one(found: list[Json], noun: str, wanted: str) -> Json:
    for one in found:
        if one["id"] == wanted:
            return one
    raise NotFound(f"Could not find {noun}: {wanted}.", kind=noun)
