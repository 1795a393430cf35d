"""/v3/groups, and who is in them."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import grants
from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.identity import Group, User
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.identity import IdentityAPI
from services.identity import schemas, views
from services.identity.attributes import values_of
from services.identity.callers import Callers
from services.identity.domains import domain_of_new, refuse_another_domain
from services.identity.listing import base_url, listed

Json = dict[str, Any]

_COLUMNS = ("name", "description")


class GroupsController:
    """Groups: an administrator's business, but for seeing which ones one is in."""

    def __init__(self, db: Database, callers: Callers, conductor: IdentityAPI) -> None:
        self._db = db
        self._callers = callers
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List groups."""
        self._callers.admin(req, "identity:list_groups")
        shown = [views.group(one, base_url(req)) for one in rows.list_all(self._db, Group)]
        return listed(req, "groups", shown)

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a group."""
        self._callers.admin(req, "identity:get_group")
        return {"group": views.group(rows.get(self._db, Group, id), base_url(req))}

    @api(status=201, body=schemas.GROUP)
    def create(self, req: Request, body: Json) -> Json:
        """Make a group, with nobody in it."""
        caller = self._callers.admin(req, "identity:create_group")
        wanted = body["group"]
        group = Group(
            id=uuid.uuid4().hex, domain_id=domain_of_new(self._db, wanted), **_values(wanted)
        )
        made = self._conductor.create_group(caller.context, group=group)
        return {"group": views.group(made, base_url(req))}

    @api(body=schemas.GROUP_CHANGE)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a group."""
        caller = self._callers.admin(req, "identity:update_group")
        wanted = body["group"]
        refuse_another_domain(rows.get(self._db, Group, id), wanted)
        changed = self._conductor.update_group(caller.context, group_id=id, values=_values(wanted))
        return {"group": views.group(changed, base_url(req))}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a group; its members lose the roles that it had."""
        caller = self._callers.admin(req, "identity:delete_group")
        self._conductor.delete_group(caller.context, group_id=id)

    def members(self, req: Request, group_id: str) -> Json:
        """List the users in a group."""
        self._callers.admin(req, "identity:list_users_in_group")
        rows.get(self._db, Group, group_id)
        found = grants.list_members(self._db, group_id)
        return listed(req, "users", [views.user(one, base_url(req)) for one in found])

    def groups_of(self, req: Request, user_id: str) -> Json:
        """List the groups that a user is in: an administrator any user's."""
        caller = self._callers.of(req)
        if user_id != caller.standing.user.id:
            caller.require_admin("identity:list_groups_for_user")
        rows.get(self._db, User, user_id)
        found = grants.list_groups_of(self._db, user_id)
        return listed(req, "groups", [views.group(one, base_url(req)) for one in found])

    @api(status=204)
    def add_member(self, req: Request, group_id: str, user_id: str) -> None:
        """Put a user into a group."""
        caller = self._callers.admin(req, "identity:add_user_to_group")
        self._conductor.add_member(caller.context, group_id=group_id, user_id=user_id)

    @api(status=204)
    def check_member(self, req: Request, group_id: str, user_id: str) -> None:
        """Say whether a user is in a group. Raises NotFound."""
        self._callers.admin(req, "identity:check_user_in_group")
        rows.get(self._db, User, user_id)
        rows.get(self._db, Group, group_id)
        if user_id not in {one.id for one in grants.list_members(self._db, group_id)}:
            raise grants.member_missing(group_id, user_id)

    @api(status=204)
    def remove_member(self, req: Request, group_id: str, user_id: str) -> None:
        """Take a user out of a group."""
        caller = self._callers.admin(req, "identity:remove_user_from_group")
        self._conductor.remove_member(caller.context, group_id=group_id, user_id=user_id)


def _values(wanted: Json) -> Json:
    return values_of(wanted, _COLUMNS, schemas.GROUP)
