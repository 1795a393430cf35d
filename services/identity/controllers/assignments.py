"""/v3/role_assignments: who has which role where."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from devstack_lite.db import grants, standings
from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.identity import Assignment, Domain, Group, Project, Role, User
from devstack_lite.wsgi.request import Request
from services.identity.callers import Callers
from services.identity.listing import base_url, is_set, listed

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An assignment, and by which group and which role that was assigned it comes, if by any."""

    own: Assignment
    group_id: str | None = None
    prior_id: str | None = None


class AssignmentsController:
    """An administrator's question; nothing is changed here."""

    def __init__(self, db: Database, callers: Callers) -> None:
        self._db = db
        self._callers = callers

    def index(self, req: Request) -> Json:
        """List assignments: by names when asked; what they come to for each user when asked."""
        self._callers.admin(req, "identity:list_role_assignments")
        is_effective = is_set(req, "effective")
        if is_effective and "group.id" in req.GET:
            raise Invalid(
                "Combining effective and group filter will always result in an empty list."
            )
        if "user.id" in req.GET and "group.id" in req.GET:
            raise Invalid("Specify a user or group, not both")
        groups = {one.id: one for one in rows.list_all(self._db, Group)}
        found = [Held(own=one) for one in self._in_scope(req)]
        if is_effective:
            known = {one.id: one for one in rows.list_all(self._db, Role)}
            found = list(self._effective(found, groups, known))
        else:
            found = [
                dataclasses.replace(one, group_id=one.own.user_id)
                if one.own.user_id in groups else one
                for one in found
            ]  # fmt: skip
        found = [one for one in found if _is_wanted(req, one, is_effective)]
        names = self._names(groups) if is_set(req, "include_names") else {}
        shown = [_view(base_url(req), one, names, is_effective) for one in found]
        return listed(req, "role_assignments", shown)

    def _in_scope(self, req: Request) -> list[Assignment]:
        if "scope.OS-INHERIT:inherited_to" in req.GET:
            # Projects have no projects below them to inherit.
            return []
        target_id = req.GET.get("scope.project.id") or req.GET.get("scope.domain.id")
        if "scope.system" in req.GET:
            target_id = rows.SYSTEM_ID
        return rows.list_assignments(self._db, target_id=target_id)

    def _effective(
        self, found: list[Held], groups: Mapping[str, Group], known: dict[str, Role]
    ) -> Iterator[Held]:
        """Yield what each user has by assignments, by groups and by implied roles, each once."""
        rules = rows.list_rules(self._db)
        members = {
            group_id: grants.list_members(self._db, group_id)
            for group_id in {one.own.user_id for one in found} & set(groups)
        }
        seen: set[Assignment] = set()
        for one in found:
            group_id = one.own.user_id if one.own.user_id in groups else None
            users = [user.id for user in members[group_id]] if group_id else [one.own.user_id]
            prior_id = one.own.role_id
            for role in standings.with_implied([prior_id], known, rules):
                for user_id in users:
                    own = dataclasses.replace(one.own, user_id=user_id, role_id=role.id)
                    if own not in seen:
                        seen.add(own)
                        by = prior_id if role.id != prior_id else None
                        yield Held(own=own, group_id=group_id, prior_id=by)

    def _names(self, groups: Mapping[str, Group]) -> dict[str, Json]:
        """Return what is said of each thing by its name, by id."""
        domains = {one.id: _named(one) for one in rows.list_all(self._db, Domain)}
        found = domains | {one.id: _named(one) for one in rows.list_all(self._db, Role)}
        homed: list[Any] = [*rows.list_all(self._db, User), *rows.list_all(self._db, Project)]
        for one in (*homed, *groups.values()):
            found[one.id] = {**_named(one), "domain": domains[one.domain_id]}
        return found


def _named(one: Any) -> Json:
    return {"id": one.id, "name": one.name}


def _is_wanted(req: Request, one: Held, is_effective: bool) -> bool:
    wanted_group = req.GET.get("group.id")
    if req.GET.get("role.id") not in {None, one.own.role_id}:
        return False
    if wanted_group is not None:
        return bool(one.group_id == wanted_group)
    wanted_user = req.GET.get("user.id")
    if wanted_user is None:
        return True
    return bool(one.own.user_id == wanted_user) and (is_effective or one.group_id is None)


def _view(base: str, one: Held, names: Mapping[str, Json], is_effective: bool) -> Json:
    def named(thing_id: str) -> Json:
        return names.get(thing_id, {"id": thing_id})

    own = one.own
    scope: Json = {own.target_type: named(own.target_id)}
    path = f"/{own.target_type}s/{own.target_id}"
    if own.target_type == "system":
        scope, path = {"system": {"all": True}}, "/system"
    holder = "user" if is_effective or one.group_id is None else "group"
    given_to = f"groups/{one.group_id}" if one.group_id else f"users/{own.user_id}"
    given = one.prior_id or own.role_id
    links = {"assignment": f"{base}{path}/{given_to}/roles/{given}"}
    if is_effective and one.group_id is not None:
        links["membership"] = f"{base}/groups/{one.group_id}/users/{own.user_id}"
    if one.prior_id is not None:
        links["prior_role"] = f"{base}/prior_role/{one.prior_id}/implies/{own.role_id}"
    return {
        holder: named(own.user_id),
        "role": named(own.role_id),
        "scope": scope,
        "links": links,
    }
