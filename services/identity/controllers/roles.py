"""/v3/roles, and who has which role where."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.identity import Assignment, Domain, Project, Role, User
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.identity import IdentityAPI
from services.identity import schemas, views
from services.identity.callers import Callers
from services.identity.listing import base_url, is_set, listed

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
        wanted = {name: body["role"][name] for name in _COLUMNS if name in body["role"]}
        role = Role(id=uuid.uuid4().hex, **wanted)
        made = self._conductor.create_role(caller.context, role=role)
        return {"role": views.role(made, base_url(req))}

    @api(body=schemas.ROLE_CHANGE)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a role; the built-in ones stay as they are."""
        caller = self._callers.admin(req, "identity:update_role")
        values = {name: body["role"][name] for name in _COLUMNS if name in body["role"]}
        changed = self._conductor.update_role(caller.context, role_id=id, values=values)
        return {"role": views.role(changed, base_url(req))}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a role from everybody and altogether; the built-in ones stay."""
        caller = self._callers.admin(req, "identity:delete_role")
        self._conductor.delete_role(caller.context, role_id=id)

    def inferences(self, req: Request) -> Json:
        """List which role implies which."""
        self._callers.admin(req, "identity:list_role_inference_rules")
        known = {one.name: one for one in rows.list_all(self._db, Role)}
        shown = [
            {"prior_role": _named(known[prior]), "implies": [_named(known[implied])]}
            for prior, implied in rows.IMPLIED.items()
            if prior in known and implied in known
        ]
        return {"role_inferences": shown, "links": {"self": req.url}}

    def assignments(self, req: Request) -> Json:
        """List who has which role where: by names when asked, with implied ones when asked."""
        self._callers.admin(req, "identity:list_role_assignments")
        target_id = req.GET.get("scope.project.id") or req.GET.get("scope.domain.id")
        if "scope.system" in req.GET:
            target_id = rows.SYSTEM_ID
        found = rows.list_assignments(self._db, user_id=req.GET.get("user.id"), target_id=target_id)
        known = {one.id: one for one in rows.list_all(self._db, Role)}
        if is_set(req, "effective"):
            found = _effective(found, known)
        role_id = req.GET.get("role.id")
        found = [one for one in found if role_id in {None, one.role_id}]
        # There are no groups, so nobody has a role by being in one.
        if "group.id" in req.GET:
            found = []
        names = self._names(known) if is_set(req, "include_names") else None
        return listed(req, "role_assignments", [_assignment(req, one, names) for one in found])

    def _names(self, known: dict[str, Role]) -> dict[str, Json]:
        """Return what is said of each thing by its name, by id."""
        kinds: tuple[Any, ...] = (User, Project)
        found: dict[str, Json] = {role_id: _named(role) for role_id, role in known.items()}
        for kind in kinds:
            for one in rows.list_all(self._db, kind):
                found[one.id] = {**_named(one), "domain": views.DEFAULT_DOMAIN}
        return found | {one.id: _named(one) for one in rows.list_all(self._db, Domain)}


def _named(one: Any) -> Json:
    return {"id": one.id, "name": one.name}


def _effective(found: list[Assignment], known: dict[str, Role]) -> list[Assignment]:
    """Return the assignments with those that their roles imply, each once."""
    by_name = {role.name: role.id for role in known.values()}
    effective: dict[Assignment, None] = {}
    for one in found:
        for name in rows.with_implied([known[one.role_id].name]):
            if name in by_name:
                more = Assignment(
                    user_id=one.user_id,
                    target_id=one.target_id,
                    target_type=one.target_type,
                    role_id=by_name[name],
                )
                effective[more] = None
    return list(effective)


def _assignment(req: Request, one: Assignment, names: dict[str, Json] | None) -> Json:
    def named(thing_id: str) -> Json:
        return (names or {}).get(thing_id, {"id": thing_id})

    scope: Json = {one.target_type: named(one.target_id)}
    path = f"/{one.target_type}s/{one.target_id}"
    if one.target_type == "system":
        scope, path = {"system": {"all": True}}, "/system"
    link = f"{base_url(req)}{path}/users/{one.user_id}/roles/{one.role_id}"
    return {
        "user": named(one.user_id),
        "role": named(one.role_id),
        "scope": scope,
        "links": {"assignment": link},
    }
