"""/servers/{id}/tags, from microversion 2.26 on."""

from __future__ import annotations

from devstack_lite.db import instances, tags
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import api
from services.api.policy import authorize, require_member, visible_project
from services.api.schemas import queries
from services.api.schemas import server_bodies as schemas
from services.api.views.links import thing_links
from services.conductor.rpcapi.instance_changes import InstanceChangesAPI

RULE = "os_compute_api:os-server-tags"


class TagsController:
    """Words by which a project finds its servers again."""

    def __init__(self, db: Database, conductor: InstanceChangesAPI) -> None:
        self._db = db
        self._conductor = conductor

    @api(since="2.26", query=queries.ANYTHING)
    def index(self, req: Request, server_id: str) -> Json:
        """List a server's tags."""
        authorize(req.context, f"{RULE}:index")
        return {"tags": list(self._tags(self._uuid(req, server_id)))}

    @api(status=204, since="2.26", query=queries.ANYTHING)
    def show(self, req: Request, server_id: str, id: str) -> None:  # noqa: A002 - the route's name
        """Say, by the status, whether a server has a tag."""
        authorize(req.context, f"{RULE}:show")
        uuid = self._uuid(req, server_id)
        if id not in self._tags(uuid):
            raise _no_tag(uuid, id)

    @api(body=schemas.NO_BODY, since="2.26")
    def update(self, req: Request, server_id: str, id: str) -> Reply:  # noqa: A002
        """Give a server a tag: 201 when it is new."""
        require_member(req.context, f"{RULE}:update")
        if "," in id or not 0 < len(id) <= 60:
            raise Invalid(f"Tag '{id}' is invalid. It must be 1 to 60 characters without , and /.")
        uuid = self._uuid(req, server_id)
        if id in self._tags(uuid):
            return Reply(status=204)
        self._conductor.set_tags(req.context, uuid=uuid, add=[id], remove=[])
        href = f"{thing_links(req, 'servers', uuid)[0]['href']}/tags/{id}"
        return Reply(status=201, headers={"Location": href})

    @api(body=schemas.SET_TAGS, since="2.26")
    def update_all(self, req: Request, server_id: str, body: Json) -> Json:
        """Replace a server's tags."""
        require_member(req.context, f"{RULE}:update_all")
        uuid = self._uuid(req, server_id)
        wanted = list(dict.fromkeys(body["tags"]))
        return {"tags": self._conductor.set_tags(req.context, uuid=uuid, add=wanted, remove=None)}

    @api(status=204, since="2.26")
    def delete(self, req: Request, server_id: str, id: str) -> None:  # noqa: A002
        """Take a tag from a server."""
        require_member(req.context, f"{RULE}:delete")
        uuid = self._uuid(req, server_id)
        if id not in self._tags(uuid):
            raise _no_tag(uuid, id)
        self._conductor.set_tags(req.context, uuid=uuid, add=[], remove=[id])

    @api(status=204, since="2.26")
    def delete_all(self, req: Request, server_id: str) -> None:
        """Take all tags from a server."""
        require_member(req.context, f"{RULE}:delete_all")
        uuid = self._uuid(req, server_id)
        self._conductor.set_tags(req.context, uuid=uuid, add=[], remove=None)

    def _uuid(self, req: Request, server_id: str) -> str:
        project_id = visible_project(req.context)
        return instances.get_instance(self._db, server_id, project_id=project_id).uuid

    def _tags(self, uuid: str) -> tuple[str, ...]:
        return tags.tags_of(self._db, [uuid]).get(uuid, ())


def _no_tag(uuid: str, tag: str) -> NotFound:
    return NotFound(f"Server {uuid} has no tag '{tag}'", kind="tag")
