"""/os-security-groups and /os-security-group-rules, up to 2.35: passed on to network."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from devstack_lite.clients.network_proxy import NetworkProxy
from devstack_lite.exceptions import Conflict, Forbidden, Invalid
from devstack_lite.objects.registry import Json
from devstack_lite.objects.security import SecurityGroup
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.ingress_rules import to_network
from services.api.paging import page_offset, page_size
from services.api.policy import authorize
from services.api.schemas import network_proxies as schemas
from services.api.schemas import queries
from services.api.views import security_groups as views

RULE = "os_compute_api:os-security-groups"
UNTIL = "2.35"
_GROUPS, _RULES = "security-groups", "security-group-rules"


class SecurityGroupsController:
    """Groups with what they let in; what they let out the compute API never knew."""

    def __init__(self, network: NetworkProxy, *, max_limit: int) -> None:
        self._network = network
        self._max_limit = max_limit

    @api(until=UNTIL, query=queries.SECURITY_GROUPS)
    def index(self, req: Request) -> Json:
        """List the project's groups; all projects' when an administrator says all_tenants."""
        authorize(req.context, f"{RULE}:get")
        is_all = req.context.is_admin and "all_tenants" in req.GET
        groups = self._list(req) if is_all else self._list(req, str(req.context.project_id))
        start = page_offset(req)
        page = groups[start : start + page_size(req, self._max_limit)]
        names = {one.id: one.name for one in groups}
        shown = [views.group(one, names) for one in page]
        return {"security_groups": sorted(shown, key=lambda one: (one["tenant_id"], one["name"]))}

    @api(until=UNTIL)
    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one group."""
        authorize(req.context, f"{RULE}:show")
        return {"security_group": self._view(req, self._get(req, id))}

    @api(until=UNTIL, body=schemas.GROUP)
    def create(self, req: Request, body: Json) -> Json:
        """Make a group."""
        authorize(req.context, f"{RULE}:create")
        values = _values(body)
        try:
            made = self._network.create(req.context, _GROUPS, values)
        except Conflict as error:
            raise _over_quota(error) from error
        return {"security_group": self._view(req, views.of_network(made))}

    @api(until=UNTIL, body=schemas.GROUP)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Give a group another name and description."""
        authorize(req.context, f"{RULE}:update")
        found = self._get(req, id)
        try:
            changed = self._network.update(req.context, _GROUPS, found.id, _values(body))
        except Conflict as error:
            raise Invalid(error.message) from error
        return {"security_group": self._view(req, views.of_network(changed))}

    @api(until=UNTIL, status=202)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a group in which no server is."""
        authorize(req.context, f"{RULE}:delete")
        try:
            self._network.delete(req.context, _GROUPS, _uuid(id))
        except Conflict as error:
            raise Invalid(error.message) from error

    @api(until=UNTIL, body=schemas.RULE)
    def create_rule(self, req: Request, body: Json) -> Json:
        """Have a group let something in."""
        authorize(req.context, f"{RULE}:rule:create")
        asked = body["security_group_rule"]
        group = self._get(req, asked["parent_group_id"])
        names = {group.id: group.name}
        if asked.get("group_id"):
            source = self._get(req, asked["group_id"])
            names[source.id] = source.name
        wanted = to_network(asked)
        try:
            made = self._network.create(req.context, _RULES, wanted)
        except Conflict as error:
            if error.kind != "OverQuota":
                raise Invalid(f"This rule already exists in group {group.id}") from error
            raise _over_quota(error) from error
        return {"security_group_rule": views.rule(views.rule_of_network(made), group, names)}

    @api(until=UNTIL, status=202)
    def delete_rule(self, req: Request, id: str) -> None:  # noqa: A002
        """Have a group let something in no more."""
        authorize(req.context, f"{RULE}:rule:delete")
        self._network.delete(req.context, _RULES, _uuid(id))

    def _get(self, req: Request, group_id: str) -> SecurityGroup:
        """Return a group. Raises Invalid for what is no id, NotFound."""
        return views.of_network(self._network.show(req.context, _GROUPS, _uuid(group_id)))

    def _list(self, req: Request, project_id: str | None = None) -> list[SecurityGroup]:
        query = {"project_id": project_id} if project_id else {}
        found = self._network.list_all(req.context, _GROUPS, **query)
        return [views.of_network(one) for one in found]

    def _view(self, req: Request, group: SecurityGroup) -> Json:
        return views.group(group, self._names(req, [group]))

    def _names(self, req: Request, groups: Sequence[SecurityGroup]) -> dict[str, str]:
        """Return the names of the groups that these groups' rules speak of, by id."""
        names = {one.id: one.name for one in groups}
        spoken_of = {rule.remote_group_id for one in groups for rule in one.rules} - {None}
        if not spoken_of <= names.keys():
            project_id = groups[0].project_id
            names |= {one.id: one.name for one in self._list(req, project_id)}
        return names


def _values(body: Json) -> Json:
    return {name: body["security_group"][name] for name in ("name", "description")}


def _over_quota(error: Conflict) -> Forbidden | Invalid:
    """Return what Nova makes of a conflict: there are too many, or it cannot be."""
    return (Forbidden if error.kind == "OverQuota" else Invalid)(error.message)


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise Invalid("Security group id should be uuid") from error
