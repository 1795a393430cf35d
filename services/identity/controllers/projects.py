"""/v3/projects."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.identity import Project
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.identity import IdentityAPI
from services.identity import schemas, views
from services.identity.attributes import values_of
from services.identity.callers import Callers
from services.identity.domains import domain_of_new, refuse_another_domain
from services.identity.listing import base_url, listed

Json = dict[str, Any]

_COLUMNS = ("name", "enabled", "description")


class ProjectsController:
    """Projects: an administrator's business, but for seeing the one that a token is for."""

    def __init__(self, db: Database, callers: Callers, conductor: IdentityAPI) -> None:
        self._db = db
        self._callers = callers
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List projects."""
        self._callers.admin(req, "identity:list_projects")
        shown = [views.project(one, base_url(req)) for one in rows.list_all(self._db, Project)]
        return listed(req, "projects", shown)

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a project: an administrator any, others the one they work on."""
        caller = self._callers.of(req)
        if id != caller.token.scope.project_id:
            caller.require_admin("identity:get_project")
        return {"project": views.project(rows.get(self._db, Project, id), base_url(req))}

    @api(status=201, body=schemas.PROJECT)
    def create(self, req: Request, body: Json) -> Json:
        """Make a project, right below its domain."""
        caller = self._callers.admin(req, "identity:create_project")
        wanted = body["project"]
        domain_id = domain_of_new(self._db, wanted)
        if wanted.get("parent_id") not in {None, domain_id}:
            raise Invalid("Projects below projects are not offered: the parent must be the domain.")
        project = Project(
            id=uuid.uuid4().hex,
            domain_id=domain_id,
            **values_of(wanted, _COLUMNS, schemas.PROJECT),
        )
        made = self._conductor.create_project(caller.context, project=project)
        return {"project": views.project(made, base_url(req))}

    @api(body=schemas.PROJECT_CHANGE)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a project. Being disabled ends the tokens for it."""
        caller = self._callers.admin(req, "identity:update_project")
        wanted = body["project"]
        found = rows.get(self._db, Project, id)
        refuse_another_domain(found, wanted)
        if wanted.get("parent_id") not in {None, found.domain_id}:
            raise Invalid("The parent of a project cannot be changed.")
        values = values_of(wanted, _COLUMNS, schemas.PROJECT)
        changed = self._conductor.update_project(caller.context, project_id=id, values=values)
        return {"project": views.project(changed, base_url(req))}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a project; what it owns in the other services stays, as with Keystone."""
        caller = self._callers.admin(req, "identity:delete_project")
        self._conductor.delete_project(caller.context, project_id=id)
