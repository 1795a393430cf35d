"""/v3/roles."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.identity import Role
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.identity import IdentityAPI
from services.identity import schemas, views
from services.identity.attributes import values_of
from services.identity.callers import Callers
from services.identity.listing import base_url, listed

Json = dict[str, Any]

_COLUMNS = ("name", "description")


class RolesController:
    """Roles: an administrator's business."""

    def __init__(self, db: Database, callers: Callers, conductor: IdentityAPI) -> None:
        self._db = db
        self._callers = callers
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List roles."""
        self._callers.admin(req, "identity:list_roles")
        shown = [views.role(one, base_url(req)) for one in rows.list_all(self._db, Role)]
        return listed(req, "roles", shown)

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a role."""
        self._callers.admin(req, "identity:get_role")
        return {"role": views.role(rows.get(self._db, Role, id), base_url(req))}

    @api(status=201, body=schemas.ROLE)
    def create(self, req: Request, body: Json) -> Json:
        """Make a role."""
        caller = self._callers.admin(req, "identity:create_role")
        wanted = values_of(body["role"], _COLUMNS, schemas.ROLE)
        role = Role(id=uuid.uuid4().hex, **wanted)
        made = self._conductor.create_role(caller.context, role=role)
        return {"role": views.role(made, base_url(req))}

    @api(body=schemas.ROLE_CHANGE)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a role; the built-in ones stay as they are."""
        caller = self._callers.admin(req, "identity:update_role")
        values = values_of(body["role"], _COLUMNS, schemas.ROLE)
        changed = self._conductor.update_role(caller.context, role_id=id, values=values)
        return {"role": views.role(changed, base_url(req))}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a role from everybody and altogether; the built-in ones stay."""
        caller = self._callers.admin(req, "identity:delete_role")
        self._conductor.delete_role(caller.context, role_id=id)
