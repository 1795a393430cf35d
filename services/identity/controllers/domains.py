"""/v3/domains."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.identity import Domain
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.identity import IdentityAPI
from services.identity import schemas, views
from services.identity.attributes import values_of
from services.identity.callers import Callers
from services.identity.listing import base_url, listed

Json = dict[str, Any]

_COLUMNS = ("name", "enabled", "description")


class DomainsController:
    """Domains: an administrator's business, but for seeing one's own."""

    def __init__(self, db: Database, callers: Callers, conductor: IdentityAPI) -> None:
        self._db = db
        self._callers = callers
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List domains."""
        self._callers.admin(req, "identity:list_domains")
        shown = [views.domain(one, base_url(req)) for one in rows.list_all(self._db, Domain)]
        return listed(req, "domains", shown)

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a domain: an administrator any, others their own."""
        caller = self._callers.of(req)
        if id != caller.standing.user.domain_id:
            caller.require_admin("identity:get_domain")
        return {"domain": views.domain(rows.get(self._db, Domain, id), base_url(req))}

    @api(status=201, body=schemas.DOMAIN)
    def create(self, req: Request, body: Json) -> Json:
        """Make a domain, empty."""
        caller = self._callers.admin(req, "identity:create_domain")
        domain = Domain(id=uuid.uuid4().hex, **_values(body["domain"]))
        made = self._conductor.create_domain(caller.context, domain=domain)
        return {"domain": views.domain(made, base_url(req))}

    @api(body=schemas.DOMAIN_CHANGE)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a domain. Being disabled ends the tokens of its users and for its projects."""
        caller = self._callers.admin(req, "identity:update_domain")
        changed = self._conductor.update_domain(
            caller.context, domain_id=id, values=_values(body["domain"])
        )
        return {"domain": views.domain(changed, base_url(req))}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a domain that is disabled, with its users, groups and projects."""
        caller = self._callers.admin(req, "identity:delete_domain")
        self._conductor.delete_domain(caller.context, domain_id=id)


def _values(wanted: Json) -> Json:
    return values_of(wanted, _COLUMNS, schemas.DOMAIN)
