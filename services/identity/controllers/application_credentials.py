"""/v3/users/{user}/application_credentials."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from devstack_lite.db import delegations as rows
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Forbidden, Invalid, NotFound
from devstack_lite.objects.delegation import ApplicationCredential
from devstack_lite.objects.identity import Role
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.delegations import DelegationsAPI
from services.identity import delegation_schemas as schemas
from services.identity import delegation_views as views
from services.identity.callers import Caller, Callers
from services.identity.delegating import end_of, known_roles, refuse_delegated, roles_named
from services.identity.listing import base_url, listed
from services.identity.passwords import Passwords

Json = dict[str, Any]

_WHAT = "additional application credentials"
SECRET_BYTES = 64


class ApplicationCredentialsController:
    """Made by their users alone, for the project that they work on; administrators may look."""

    def __init__(
        self, db: Database, callers: Callers, passwords: Passwords, conductor: DelegationsAPI
    ) -> None:
        self._db = db
        self._callers = callers
        self._passwords = passwords
        self._conductor = conductor

    def index(self, req: Request, user_id: str) -> Json:
        """List a user's."""
        self._allowed(req, user_id, "identity:list_application_credentials")
        found = rows.list_where(self._db, ApplicationCredential, user_id=user_id)
        shown = [self._view(req, one) for one in found]
        return listed(req, "application_credentials", shown)

    def show(self, req: Request, user_id: str, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one."""
        self._allowed(req, user_id, "identity:get_application_credential")
        return {"application_credential": self._view(req, self._one(user_id, id))}

    @api(status=201, body=schemas.APPLICATION_CREDENTIAL)
    def create(self, req: Request, user_id: str, body: Json) -> Json:
        """Make one, with the token's roles when none are named; its secret is shown only here."""
        caller = self._callers.of(req)
        if user_id != caller.standing.user.id:
            raise Forbidden(
                "You are not authorized to perform the requested action:"
                " identity:create_application_credential."
            )
        refuse_delegated(caller, _WHAT)
        wanted = body["application_credential"]
        secret = wanted.get("secret") or secrets.token_urlsafe(SECRET_BYTES)
        made = ApplicationCredential(
            id=uuid.uuid4().hex,
            name=wanted["name"],
            description=wanted.get("description"),
            user_id=user_id,
            project_id=_project_of(caller),
            secret_hash=self._passwords.hash(secret),
            role_ids=tuple(role.id for role in self._roles(caller, wanted)),
            expires_at=end_of(wanted.get("expires_at")),
            unrestricted=bool(wanted.get("unrestricted")),
        )
        made = self._conductor.create_application_credential(caller.context, made=made)
        return {"application_credential": {**self._view(req, made), "secret": secret}}

    @api(status=204)
    def delete(self, req: Request, user_id: str, id: str) -> None:  # noqa: A002
        """Remove one, and so end its tokens."""
        caller = self._allowed(req, user_id, "identity:delete_application_credential")
        refuse_delegated(caller, _WHAT)
        self._one(user_id, id)
        self._conductor.delete_application_credential(caller.context, made_id=id)

    def access_rules(self, req: Request, user_id: str) -> Json:
        """List what a user's are limited to: none is, as rules are refused."""
        self._allowed(req, user_id, "identity:list_access_rules")
        return listed(req, "access_rules", [])

    def _allowed(self, req: Request, user_id: str, rule: str) -> Caller:
        caller = self._callers.of(req)
        if user_id != caller.standing.user.id:
            caller.require_admin(rule)
        return caller

    def _one(self, user_id: str, made_id: str) -> ApplicationCredential:
        found = rows.get(self._db, ApplicationCredential, made_id)
        if found.user_id != user_id:
            raise NotFound(f"Could not find application credential: {made_id}.")
        return found

    def _roles(self, caller: Caller, wanted: Json) -> list[Role]:
        """Return the roles that it gets. Raises Invalid for one that the caller does not have."""
        held = {role.id for role in caller.standing.roles}
        if not wanted.get("roles"):
            return list(caller.standing.roles)
        found = roles_named(known_roles(self._db).values(), wanted["roles"])
        for role in found:
            if role.id not in held:
                raise Invalid(
                    "Invalid application credential: Could not find role assignment with role:"
                    f" {role.id}, user or group: {caller.standing.user.id}, project, domain, or"
                    f" system: {caller.token.scope.project_id}."
                )
        return found

    def _view(self, req: Request, one: ApplicationCredential) -> Json:
        known = known_roles(self._db)
        roles = [known[role_id] for role_id in one.role_ids if role_id in known]
        return views.application_credential(one, roles, base_url(req))


def _project_of(caller: Caller) -> str:
    project_id = caller.token.scope.project_id
    if project_id is None:
        raise Invalid("An application credential is for a project: the token must be, too.")
    return project_id
