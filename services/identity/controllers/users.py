"""/v3/users."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.identity import Project, User
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.identity import IdentityAPI
from services.identity import schemas, views
from services.identity.attributes import values_of
from services.identity.callers import Callers
from services.identity.domains import domain_of_new, refuse_another_domain
from services.identity.listing import base_url, listed
from services.identity.passwords import Passwords
from services.identity.tokens import TokenMaker

Json = dict[str, Any]

_COLUMNS = ("name", "enabled", "email", "description", "default_project_id")


class UsersController:
    """Users: an administrator's business, but for seeing oneself and changing one's password."""

    def __init__(
        self,
        db: Database,
        maker: TokenMaker,
        callers: Callers,
        passwords: Passwords,
        conductor: IdentityAPI,
    ) -> None:
        self._db = db
        self._maker = maker
        self._callers = callers
        self._passwords = passwords
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List users."""
        self._callers.admin(req, "identity:list_users")
        shown = [views.user(one, base_url(req)) for one in rows.list_all(self._db, User)]
        return listed(req, "users", shown)

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a user: an administrator any, others themselves."""
        caller = self._callers.of(req)
        if id != caller.token.user_id:
            caller.require_admin("identity:get_user")
        return {"user": views.user(rows.get(self._db, User, id), base_url(req))}

    @api(status=201, body=schemas.USER)
    def create(self, req: Request, body: Json) -> Json:
        """Make a user; without a password, one who cannot log in."""
        caller = self._callers.admin(req, "identity:create_user")
        wanted = body["user"]
        user = User(
            id=uuid.uuid4().hex,
            domain_id=domain_of_new(self._db, wanted),
            **self._values(wanted),
        )
        made = self._conductor.create_user(caller.context, user=user)
        return {"user": views.user(made, base_url(req))}

    @api(body=schemas.USER_CHANGE)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a user. A new password, or being disabled, ends the user's tokens."""
        caller = self._callers.admin(req, "identity:update_user")
        wanted = body["user"]
        refuse_another_domain(rows.get(self._db, User, id), wanted)
        changed = self._conductor.update_user(
            caller.context, user_id=id, values=self._values(wanted)
        )
        return {"user": views.user(changed, base_url(req))}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a user."""
        caller = self._callers.admin(req, "identity:delete_user")
        self._conductor.delete_user(caller.context, user_id=id)

    def projects(self, req: Request, id: str) -> Json:  # noqa: A002
        """List the projects on which a user has a role: an administrator any user's."""
        caller = self._callers.of(req)
        if id != caller.token.user_id:
            caller.require_admin("identity:list_user_projects")
        rows.get(self._db, User, id)
        found = rows.list_targets_of(self._db, Project, id)
        return listed(req, "projects", [views.project(one, base_url(req)) for one in found])

    @api(status=204, body=schemas.OWN_PASSWORD)
    def change_password(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Change a password by knowing the old one, which is all that is asked for."""
        wanted = body["user"]
        asked = {"id": id, "password": wanted["original_password"]}
        user = self._maker.check_password(asked)
        values = {"password_hash": self._passwords.hash(wanted["password"])}
        self._conductor.update_user(self._callers.context_of(req), user_id=user.id, values=values)

    def _values(self, wanted: Json) -> Json:
        """Return the columns that a request names."""
        values = values_of(wanted, _COLUMNS, schemas.USER)
        if "password" in wanted:
            password = wanted["password"]
            values["password_hash"] = None if password is None else self._passwords.hash(password)
        return values
