"""/v3/projects."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import identity as rows
from devstack_lite.db import project_tree
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.objects.identity import Domain, Project
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.identity import IdentityAPI
from services.identity import schemas, views
from services.identity.attributes import values_of
from services.identity.callers import Caller, Callers
from services.identity.domains import domain_of_new, refuse_another_domain
from services.identity.listing import base_url, is_set, listed
from services.identity.project_tags import FILTERS, check_tag, with_tags

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
        return listed(req, "projects", with_tags(req, shown), done=FILTERS)

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a project: an administrator any, others the one they work on."""
        caller = self._callers.of(req)
        if id != caller.token.scope.project_id:
            caller.require_admin("identity:get_project")
        found = rows.get(self._db, Project, id)
        shown = views.project(found, base_url(req))
        return {"project": {**shown, **self._relatives(req, caller, found)}}

    def _relatives(self, req: Request, caller: Caller, project: Project) -> Json:
        """Return what the query string asks to see of those above and below."""
        shown: Json = {}
        if is_set(req, "parents_as_list") or is_set(req, "parents_as_ids"):
            above = project_tree.list_parents(self._db, project)
            shown["parents"] = self._listed(req, caller, above)
            if is_set(req, "parents_as_ids"):
                shown["parents"] = {project.domain_id: None}
                for one in reversed(above):
                    shown["parents"] = {one.id: shown["parents"]}
        if is_set(req, "subtree_as_list") or is_set(req, "subtree_as_ids"):
            below = project_tree.list_subtree(self._db, project.id)
            shown["subtree"] = self._listed(req, caller, below)
            if is_set(req, "subtree_as_ids"):
                shown["subtree"] = _nested(project.id, below)
        return shown

    def _listed(self, req: Request, caller: Caller, found: list[Project]) -> Any:
        """Show those on which the caller has a role; an administrator sees all."""
        if not caller.is_admin:
            targets = rows.list_targets_of(self._db, Project, caller.token.user_id)
            own = {one.id for one in targets}
            found = [one for one in found if one.id in own]
        return [{"project": views.project(one, base_url(req))} for one in found]

    @api(status=201, body=schemas.PROJECT)
    def create(self, req: Request, body: Json) -> Json:
        """Make a project, right below its domain or below another project of it."""
        caller = self._callers.admin(req, "identity:create_project")
        wanted = body["project"]
        domain_id, parent_id = self._place(wanted)
        project = Project(
            id=uuid.uuid4().hex,
            domain_id=domain_id,
            parent_id=parent_id,
            tags=tuple(wanted.get("tags", ())),
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
        if wanted.get("parent_id") not in {None, found.parent_id or found.domain_id}:
            raise Invalid("The parent of a project cannot be changed.")
        values = values_of(wanted, (*_COLUMNS, "tags"), schemas.PROJECT)
        changed = self._conductor.update_project(caller.context, project_id=id, values=values)
        return {"project": views.project(changed, base_url(req))}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a project; what it owns in the other services stays, as with Keystone."""
        caller = self._callers.admin(req, "identity:delete_project")
        self._conductor.delete_project(caller.context, project_id=id)

    def _place(self, wanted: Json) -> tuple[str, str | None]:
        """Return the domain of a new project, and the project that it is to be below, if any.

        A domain may be named as the parent, too. Raises NotFound, Invalid.
        """
        parent_id = wanted.get("parent_id")
        if parent_id is None:
            return domain_of_new(self._db, wanted), None
        try:
            parent = rows.get(self._db, Project, parent_id)
        except NotFound:
            domain_id = rows.get(self._db, Domain, parent_id).id
            if wanted.get("domain_id", domain_id) != domain_id:
                raise Invalid("The parent of a project must be in its domain.") from None
            return domain_id, None
        return wanted.get("domain_id") or parent.domain_id, parent.id

    # -------------------------------------------------------------------------------- tags

    def tags(self, req: Request, id: str) -> Json:  # noqa: A002
        """List a project's tags."""
        return {"tags": list(self._seen(req, id, "identity:list_project_tags").tags)}

    @api(status=204)
    def check_tag(self, req: Request, id: str, tag: str) -> None:  # noqa: A002
        """Say whether a project has a tag. Raises NotFound."""
        if tag not in self._seen(req, id, "identity:get_project_tag").tags:
            raise _no_tag(tag)

    @api(body=schemas.PROJECT_TAGS)
    def set_tags(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Give a project these tags alone."""
        caller = self._callers.admin(req, "identity:update_project_tags")
        changed = self._conductor.change_project_tags(
            caller.context, project_id=id, added=body["tags"], removed=None
        )
        return {"tags": list(changed.tags)}

    @api(status=201)
    def add_tag(self, req: Request, id: str, tag: str) -> None:  # noqa: A002
        """Give a project one more tag; one that it has is a success."""
        caller = self._callers.admin(req, "identity:create_project_tag")
        self._conductor.change_project_tags(
            caller.context, project_id=id, added=[check_tag(tag)], removed=[]
        )

    @api(status=204)
    def delete_tag(self, req: Request, id: str, tag: str) -> None:  # noqa: A002
        """Take a tag from a project. Raises NotFound."""
        caller = self._callers.admin(req, "identity:delete_project_tag")
        if tag not in rows.get(self._db, Project, id).tags:
            raise _no_tag(tag)
        self._conductor.change_project_tags(caller.context, project_id=id, added=[], removed=[tag])

    @api(status=204)
    def delete_tags(self, req: Request, id: str) -> None:  # noqa: A002
        """Take all its tags from a project."""
        caller = self._callers.admin(req, "identity:delete_project_tags")
        self._conductor.change_project_tags(caller.context, project_id=id, added=[], removed=None)

    def _seen(self, req: Request, project_id: str, rule: str) -> Project:
        """Return a project: an administrator any, others the one they work on."""
        caller = self._callers.of(req)
        if project_id != caller.token.scope.project_id:
            caller.require_admin(rule)
        return rows.get(self._db, Project, project_id)


def _nested(project_id: str, below: list[Project]) -> Json | None:
    """Return the ids below a project as a tree; None below a leaf."""
    children = [one.id for one in below if one.parent_id == project_id]
    return {child: _nested(child, below) for child in children} or None


def _no_tag(tag: str) -> NotFound:
    return NotFound(f"Could not find project tag: {tag}.", kind="project_tag")
