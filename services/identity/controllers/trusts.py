"""/v3/OS-TRUST/trusts."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import delegations as rows
from devstack_lite.db import identity, standings
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Forbidden, NotFound
from devstack_lite.objects.delegation import Trust
from devstack_lite.objects.identity import Project, Role, User
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.delegations import DelegationsAPI
from services.identity import delegation_schemas as schemas
from services.identity import delegation_views as views
from services.identity.callers import Caller, Callers
from services.identity.delegating import end_of, known_roles, refuse_delegated, roles_named
from services.identity.listing import base_url, listed

Json = dict[str, Any]

_NOT_ALLOWED = "You are not authorized to perform the requested action: "


class TrustsController:
    """Made by the trustor; both sides may look, the trustor and administrators may end it."""

    def __init__(self, db: Database, callers: Callers, conductor: DelegationsAPI) -> None:
        self._db = db
        self._callers = callers
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List trusts: an administrator any, others those that they are a side of and ask for."""
        caller = self._callers.of(req)
        wanted = {name: req.GET.get(name) for name in ("trustor_user_id", "trustee_user_id")}
        if caller.standing.user.id not in wanted.values():
            caller.require_admin("identity:list_trusts")
        found = rows.list_where(self._db, Trust, **wanted)
        shown = [self._view(req, one) for one in found if rows.is_usable(one)]
        return listed(req, "trusts", shown)

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a trust to its two sides and administrators."""
        return {"trust": self._view(req, self._one(self._callers.of(req), id))}

    @api(status=201, body=schemas.TRUST)
    def create(self, req: Request, body: Json) -> Json:
        """Lend roles on a project, all of which the trustor has there."""
        caller = self._callers.of(req)
        wanted = body["trust"]
        if wanted["trustor_user_id"] != caller.standing.user.id:
            raise Forbidden(f"{_NOT_ALLOWED}The authenticated user should match the trustor.")
        refuse_delegated(caller, "trusts")
        identity.get(self._db, User, wanted["trustee_user_id"])
        trust = Trust(
            id=uuid.uuid4().hex,
            trustor_user_id=wanted["trustor_user_id"],
            trustee_user_id=wanted["trustee_user_id"],
            project_id=wanted.get("project_id"),
            role_ids=tuple(role.id for role in self._lent(wanted)),
            impersonation=wanted["impersonation"],
            expires_at=end_of(wanted.get("expires_at")),
            remaining_uses=wanted.get("remaining_uses"),
        )
        made = self._conductor.create_trust(caller.context, trust=trust)
        return {"trust": self._view(req, made)}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """End a trust and the tokens got by it."""
        caller = self._callers.of(req)
        trust = self._one(caller, id)
        if caller.standing.user.id != trust.trustor_user_id:
            caller.require_admin("identity:delete_trust")
        refuse_delegated(caller, "trusts")
        self._conductor.delete_trust(caller.context, trust_id=id)

    def roles(self, req: Request, id: str) -> Json:  # noqa: A002
        """List what roles are lent."""
        shown = [
            views.role_of_trust(role, base_url(req))
            for role in self._roles_of(self._one(self._callers.of(req), id))
        ]
        return listed(req, "roles", shown)

    def role(self, req: Request, id: str, role_id: str) -> Json:  # noqa: A002
        """Show a role that is lent. Raises NotFound for one that is not."""
        for role in self._roles_of(self._one(self._callers.of(req), id)):
            if role.id == role_id:
                return {"role": views.role_of_trust(role, base_url(req))}
        raise NotFound(f"Could not find role: {role_id}.", kind="role")

    def _one(self, caller: Caller, trust_id: str) -> Trust:
        """Return a trust that the caller may see. Raises NotFound, Forbidden."""
        trust = rows.get(self._db, Trust, trust_id)
        if not rows.is_usable(trust):
            raise NotFound(f"Could not find trust: {trust_id}.", kind="trust")
        if caller.standing.user.id not in {trust.trustor_user_id, trust.trustee_user_id}:
            caller.require_admin("identity:get_trust")
        return trust

    def _lent(self, wanted: Json) -> list[Role]:
        """Return the roles to be lent. Raises Forbidden without any, NotFound for one not held."""
        known = known_roles(self._db)
        found = roles_named(known.values(), wanted.get("roles") or [])
        if wanted.get("project_id") is None:
            if found:
                raise Forbidden(f"{_NOT_ALLOWED}Roles are lent on a project.")
            return []
        if not found:
            raise Forbidden(f"{_NOT_ALLOWED}At least one role should be specified.")
        project = identity.get(self._db, Project, wanted["project_id"])
        standing = standings.get_standing(
            self._db, user_id=wanted["trustor_user_id"], target_id=project.id
        )
        held = {role.id for role in standing.roles}
        for role in found:
            if role.id not in held:
                raise NotFound(f"Could not find role: {role.id}.", kind="role")
        return found

    def _roles_of(self, trust: Trust) -> list[Role]:
        known = known_roles(self._db)
        return [known[role_id] for role_id in trust.role_ids if role_id in known]

    def _view(self, req: Request, trust: Trust) -> Json:
        return views.trust(trust, self._roles_of(trust), base_url(req))
