"""/os-server-groups."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import server_groups
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import ServerGroup
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.paging import page_of
from services.api.policy import visible_project
from services.api.schemas import server_groups as schemas
from services.conductor.rpcapi.server_groups import ServerGroupsAPI


class ServerGroupsController:
    """Groups of a project; an administrator sees all with all_projects."""

    def __init__(
        self, db: Database, conductor: ServerGroupsAPI, *, quota: Any, max_limit: int
    ) -> None:
        self._db = db
        self._conductor = conductor
        self._quota = quota
        self._max_limit = max_limit

    def index(self, req: Request) -> Json:
        """List a project's groups."""
        is_all = req.context.is_admin and "all_projects" in req.GET
        project = None if is_all else req.context.project_id
        found = server_groups.list_groups(self._db, project_id=project)
        page, _ = page_of(found, req, self._max_limit, lambda group: group.id)
        return {"server_groups": [_view(one) for one in page]}

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one."""
        return {"server_group": _view(self._get(req, id))}

    @api(body=schemas.CREATE)
    def create(self, req: Request, body: Json) -> Json:
        """Make one, without members: servers join it with a scheduler hint at their boot."""
        wanted = body["server_group"]
        made = self._conductor.create_group(
            req.context,
            group=ServerGroup(
                id=str(uuid.uuid4()),
                name=wanted["name"].strip(),
                project_id=str(req.context.project_id),
                user_id=str(req.context.user_id),
                policy=wanted["policies"][0],
            ),
            limit=self._quota.server_groups,
        )
        return {"server_group": _view(made)}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove one; its members stay."""
        self._conductor.delete_group(req.context, group_id=self._get(req, id).id)

    def _get(self, req: Request, group_id: str) -> ServerGroup:
        project = visible_project(req.context)
        return server_groups.get_group(self._db, group_id, project_id=project)


def _view(group: ServerGroup) -> Json:
    return {
        "id": group.id,
        "name": group.name,
        "policies": [group.policy],
        "members": list(group.members),
        "metadata": {},
    }
