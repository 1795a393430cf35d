"""/v2.0/security-groups and /v2.0/security-group-rules.

A project's default group is made when somebody first looks for groups or makes a port.
"""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import security_groups as rows
from devstack_lite.db.engine import Database
from devstack_lite.db.port_groups import DEFAULT
from devstack_lite.exceptions import Conflict
from devstack_lite.names import default_group_id
from devstack_lite.objects.security import SecurityGroup, SecurityGroupRule
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.security_groups import SecurityGroupsAPI
from services.network import rule_checks, schemas, schemas_security, views_security
from services.network.access import is_true, owner_of, view_of
from services.network.listing import fields_of, listed
from services.network.tagging import with_tags

Json = dict[str, Any]


class SecurityGroupsController:
    """A project's groups."""

    def __init__(self, db: Database, conductor: SecurityGroupsAPI) -> None:
        self._db = db
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List groups.

        An administrator sees all but the default groups of projects that it does not name: a name
        is then found once, not once per project.
        """
        named = {*req.GET.getall("project_id"), *req.GET.getall("tenant_id")}
        own = str(req.context.project_id)
        wanted = named if named and req.context.is_admin else {own}
        for project_id in sorted(wanted):
            ensure_default(self._db, self._conductor, req, project_id)
        found = rows.list_groups(self._db, project_id=view_of(req.context))
        ids = set(req.GET.getall("id"))
        shown = [
            views_security.group(one)
            for one in found
            if one.project_id in wanted
            or one.id in ids
            or one.id != default_group_id(one.project_id)
        ]
        return listed(req, "security_groups", with_tags(self._db, shown))

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one group."""
        return {"security_group": fields_of(req, self._view(self._get(req, id)))}

    def _view(self, group: SecurityGroup) -> Json:
        return with_tags(self._db, [views_security.group(group)])[0]

    def _get(self, req: Request, group_id: str) -> SecurityGroup:
        ensure_default(self._db, self._conductor, req, str(req.context.project_id))
        return rows.get_group(self._db, group_id, project_id=view_of(req.context))

    @api(status=201, body=schemas.one("security_group", schemas_security.GROUP))
    def create(self, req: Request, body: Json) -> Json:
        """Make a group that lets everything out and nothing in."""
        wanted = body["security_group"]
        name = wanted.get("name", "")
        if name.lower() == DEFAULT:
            raise Conflict(
                "Default security group already exists.", kind="SecurityGroupDefaultAlreadyExists"
            )
        group = SecurityGroup(
            id=str(uuid.uuid4()),
            project_id=owner_of(req.context, wanted),
            name=name,
            description=wanted.get("description", ""),
            stateful=is_true(wanted.get("stateful", True)),
        )
        made = self._conductor.create_group(req.context, group=group)
        return {"security_group": views_security.group(made)}

    @api(body=schemas.one("security_group", schemas_security.GROUP_CHANGE))
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a group."""
        self._get(req, id)
        wanted = body["security_group"]
        values = {key: wanted[key] for key in ("name", "description") if key in wanted}
        if "stateful" in wanted:
            values["stateful"] = is_true(wanted["stateful"])
        changed = self._conductor.update_group(req.context, group_id=id, values=values)
        return {"security_group": self._view(changed)}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a group; a default one is an administrator's alone to remove."""
        found = self._get(req, id)
        if id == default_group_id(found.project_id) and not req.context.is_admin:
            raise Conflict(
                "Insufficient rights for removing default security group.",
                kind="SecurityGroupCannotRemoveDefault",
            )
        self._conductor.delete_group(req.context, group_id=id)


class SecurityGroupRulesController:
    """The rules of a project's groups."""

    def __init__(self, db: Database, conductor: SecurityGroupsAPI) -> None:
        self._db = db
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List rules."""
        ensure_default(self._db, self._conductor, req, str(req.context.project_id))
        found = rows.list_rules(self._db, project_id=view_of(req.context))
        return listed(req, "security_group_rules", [views_security.rule(one) for one in found])

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one rule."""
        found = rows.get_rule(self._db, id, project_id=view_of(req.context))
        return {"security_group_rule": fields_of(req, views_security.rule(found))}

    @api(
        status=201,
        body=schemas.one_or_many(
            "security_group_rule", schemas_security.RULE, "security_group_id", "direction"
        ),
    )
    def create(self, req: Request, body: Json) -> Json:
        """Make one rule or many, all or none."""
        many = body.get("security_group_rules")
        wanted = [self._rule(req, one) for one in many or [body["security_group_rule"]]]
        made = self._conductor.create_rules(req.context, rules=wanted)
        shown = [views_security.rule(one) for one in made]
        return {"security_group_rules": shown} if many else {"security_group_rule": shown[0]}

    def _rule(self, req: Request, one: Json) -> SecurityGroupRule:
        """Return the rule that a body asks for. Raises Invalid, NotFound."""
        project_id = owner_of(req.context, one)
        ensure_default(self._db, self._conductor, req, str(req.context.project_id))
        protocol = rule_checks.protocol_of(one.get("protocol"))
        first, last = rule_checks.ports_of(one)
        prefix = rule_checks.check_remote(one)
        for group_id in (one["security_group_id"], one.get("remote_group_id")):
            if group_id:
                rows.get_group(self._db, group_id, project_id=view_of(req.context))
        return SecurityGroupRule(
            id=str(uuid.uuid4()),
            security_group_id=one["security_group_id"],
            project_id=project_id,
            direction=one["direction"],
            ethertype=one.get("ethertype", "IPv4"),
            protocol=protocol,
            port_range_min=first,
            port_range_max=last,
            remote_ip_prefix=prefix,
            remote_group_id=one.get("remote_group_id"),
            description=one.get("description", ""),
        )

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a rule."""
        rows.get_rule(self._db, id, project_id=view_of(req.context))
        self._conductor.delete_rule(req.context, rule_id=id)


def ensure_default(
    db: Database, conductor: SecurityGroupsAPI, req: Request, project_id: str
) -> None:
    """Have a project's default group made unless it is there."""
    if not rows.seen_groups(db, [default_group_id(project_id)], project_id=None):
        conductor.ensure_default_group(req.context, project_id=project_id)
