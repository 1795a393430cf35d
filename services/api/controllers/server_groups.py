"""/os-server-groups."""

from __future__ import annotations

import uuid

from devstack_lite.db import server_groups
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import GroupPolicy, ServerGroup
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.paging import page_offset, page_size
from services.api.policy import authorize, require_member, visible_project
from services.api.quotas import ProjectQuotas
from services.api.schemas import queries
from services.api.schemas import server_groups as schemas
from services.api.schemas.parameters import MAX_INTEGER, whole
from services.conductor.rpcapi.server_groups import ServerGroupsAPI


class ServerGroupsController:
    """Groups of a project; an administrator sees all with all_projects."""

    def __init__(
        self, db: Database, conductor: ServerGroupsAPI, *, quota: ProjectQuotas, max_limit: int
    ) -> None:
        self._db = db
        self._conductor = conductor
        self._quota = quota
        self._max_limit = max_limit

    @api(query=queries.SERVER_GROUPS)
    def index(self, req: Request) -> Json:
        """List a project's groups."""
        authorize(req.context, "os_compute_api:os-server-groups:index")
        is_all = req.context.is_admin and "all_projects" in req.GET
        project = None if is_all else req.context.project_id
        found = server_groups.list_groups(self._db, project_id=project)
        start = page_offset(req)
        page = found[start : start + page_size(req, self._max_limit)]
        return {"server_groups": [_view(req, one) for one in page]}

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one."""
        authorize(req.context, "os_compute_api:os-server-groups:show")
        return {"server_group": _view(req, self._get(req, id))}

    @api(body=schemas.create)
    def create(self, req: Request, body: Json) -> Json:
        """Make one, without members: servers join it with a scheduler hint at their boot."""
        require_member(req.context, "os_compute_api:os-server-groups:create")
        wanted = body["server_group"]
        made = self._conductor.create_group(
            req.context,
            group=ServerGroup(
                id=str(uuid.uuid4()),
                name=wanted["name"].strip(),
                project_id=str(req.context.project_id),
                user_id=str(req.context.user_id),
                policy=wanted["policy"] if req.since(2, 64) else wanted["policies"][0],
                max_server_per_host=_most_per_host(wanted),
            ),
            limit=self._quota.of(req.context.project_id)["server_groups"],
        )
        return {"server_group": _view(req, made)}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove one; its members stay."""
        require_member(req.context, "os_compute_api:os-server-groups:delete")
        self._conductor.delete_group(req.context, group_id=self._get(req, id).id)

    def _get(self, req: Request, group_id: str) -> ServerGroup:
        project = visible_project(req.context)
        return server_groups.get_group(self._db, group_id, project_id=project)


def _most_per_host(wanted: Json) -> int:
    rules = wanted.get("rules") or {}
    if rules and wanted.get("policy") != GroupPolicy.ANTI_AFFINITY:
        raise Invalid(
            f"Only anti-affinity policy supports rules: {', '.join(rules)} is not for"
            f" {wanted.get('policy')}."
        )
    return min(whole(rules.get("max_server_per_host", 1)), MAX_INTEGER)


def _view(req: Request, group: ServerGroup) -> Json:
    shown: Json = {"id": group.id, "name": group.name, "members": list(group.members)}
    if req.since(2, 64):
        rules = {"max_server_per_host": group.max_server_per_host}
        is_apart = group.policy == GroupPolicy.ANTI_AFFINITY
        shown |= {"policy": group.policy, "rules": rules if is_apart else {}}
    else:
        shown |= {"policies": [group.policy], "metadata": {}}
    if req.since(2, 13):
        shown |= {"project_id": group.project_id, "user_id": group.user_id}
    return shown
