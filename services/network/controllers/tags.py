"""/v2.0/{collection}/{id}/tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devstack_lite.db import floating_ips, networks, ports, routers, security_groups
from devstack_lite.db import network_tags as rows
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import NotFound
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.network_tags import NetworkTagsAPI
from services.network.access import require_owner, view_of
from services.network.schemas import TEXT, Schema

Json = dict[str, Any]

FINDERS: dict[str, Callable[..., Any]] = {
    "networks": networks.get_network,
    "subnets": networks.get_subnet,
    "ports": ports.get_port,
    "routers": routers.get_router,
    "floatingips": floating_ips.get_floating_ip,
    "security-groups": security_groups.get_group,
}
"""How the resource of a collection is found: by its id, for a project."""

_TAG: Schema = {**TEXT, "minLength": 1}
_TAGS: Schema = {
    "type": "object",
    "properties": {"tags": {"type": "array", "items": _TAG, "maxItems": 50, "uniqueItems": True}},
    "required": ["tags"],
    "additionalProperties": False,
}


class TagsController:
    """Tags of one collection's resources."""

    def __init__(self, db: Database, conductor: NetworkTagsAPI, collection: str) -> None:
        self._db = db
        self._conductor = conductor
        self._find = FINDERS[collection]

    def index(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """List a resource's tags."""
        self._find(self._db, id, project_id=view_of(req.context))
        return {"tags": self._tags(id)}

    def _tags(self, resource_id: str) -> list[str]:
        return rows.tags_of(self._db, [resource_id]).get(resource_id, [])

    def _own(self, req: Request, resource_id: str, rule: str) -> None:
        found = self._find(self._db, resource_id, project_id=view_of(req.context))
        require_owner(req.context, found.project_id, rule)

    @api(body=_TAGS)
    def replace(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Set all of a resource's tags."""
        self._own(req, id, "update_tags")
        self._conductor.set_tags(req.context, resource_id=id, tags=body["tags"])
        return {"tags": self._tags(id)}

    @api(status=204)
    def clear(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove all of a resource's tags."""
        self._own(req, id, "delete_tags")
        self._conductor.set_tags(req.context, resource_id=id, tags=[])

    @api(status=204)
    def show(self, req: Request, id: str, tag: str) -> None:  # noqa: A002
        """Say whether a resource has a tag."""
        self._find(self._db, id, project_id=view_of(req.context))
        if tag not in self._tags(id):
            raise _not_found(tag)

    @api(status=201)
    def add(self, req: Request, id: str, tag: str) -> None:  # noqa: A002
        """Give a resource a tag."""
        self._own(req, id, "update_tags")
        self._conductor.add_tag(req.context, resource_id=id, tag=tag[:255])

    @api(status=204)
    def remove(self, req: Request, id: str, tag: str) -> None:  # noqa: A002
        """Take a tag from a resource."""
        self._own(req, id, "delete_tags")
        if not self._conductor.remove_tag(req.context, resource_id=id, tag=tag):
            raise _not_found(tag)


def _not_found(tag: str) -> NotFound:
    return NotFound(f"Tag {tag} could not be found.", kind="tag")
