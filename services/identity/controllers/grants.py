"""/v3/{projects,domains,system}/…/{users,groups}/…/roles: one holder's roles on one target."""

from __future__ import annotations

from typing import Any

from devstack_lite.db import grants
from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.identity import Assignment, Domain, Group, Project, Role, User
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.identity import IdentityAPI
from services.identity import views
from services.identity.callers import Callers
from services.identity.listing import base_url, listed

Json = dict[str, Any]

_KINDS: dict[str, Any] = {"project": Project, "domain": Domain}


class GrantsController:
    """Gives and takes roles on targets of one type, which is project, domain or system."""

    def __init__(
        self,
        db: Database,
        callers: Callers,
        conductor: IdentityAPI,
        target_type: str,
        kind: type[User | Group],
    ) -> None:
        self._kind: Any = kind
        self._db = db
        self._callers = callers
        self._conductor = conductor
        self._target_type = target_type

    def index(self, req: Request, holder_id: str, target_id: str = rows.SYSTEM_ID) -> Json:
        """List the roles that a user was given on a target."""
        self._callers.admin(req, "identity:list_grants")
        rows.get(self._db, self._kind, holder_id)
        if self._target_type in _KINDS:
            rows.get(self._db, _KINDS[self._target_type], target_id)
        held = {
            one.role_id
            for one in rows.list_assignments(self._db, user_id=holder_id, target_id=target_id)
        }
        found = [one for one in rows.list_all(self._db, Role) if one.id in held]
        return listed(req, "roles", [views.role(one, base_url(req)) for one in found])

    @api(status=204)
    def check(
        self, req: Request, holder_id: str, role_id: str, target_id: str = rows.SYSTEM_ID
    ) -> None:
        """Say whether a user was given a role on a target. Raises NotFound."""
        self._callers.admin(req, "identity:check_grant")
        asked = self._assignment(holder_id, role_id, target_id)
        held = rows.list_assignments(
            self._db, user_id=holder_id, role_id=role_id, target_id=target_id
        )
        if asked not in held:
            raise grants.assignment_missing(asked)

    @api(status=204)
    def create(
        self, req: Request, holder_id: str, role_id: str, target_id: str = rows.SYSTEM_ID
    ) -> None:
        """Give a user a role on a target."""
        caller = self._callers.admin(req, "identity:create_grant")
        self._conductor.grant_role(
            caller.context, assignment=self._assignment(holder_id, role_id, target_id)
        )

    @api(status=204)
    def delete(
        self, req: Request, holder_id: str, role_id: str, target_id: str = rows.SYSTEM_ID
    ) -> None:
        """Take a role on a target from a user."""
        caller = self._callers.admin(req, "identity:revoke_grant")
        self._conductor.revoke_role(
            caller.context, assignment=self._assignment(holder_id, role_id, target_id)
        )

    def _assignment(self, holder_id: str, role_id: str, target_id: str) -> Assignment:
        return Assignment(
            user_id=holder_id, target_id=target_id, target_type=self._target_type, role_id=role_id
        )
