"""/servers/{id}/metadata."""

from __future__ import annotations

from typing import Any

from devstack_lite.db import instances
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.policy import authorize, visible_project
from services.api.quotas import ProjectQuotas
from services.api.schemas import server_metadata as schemas
from services.conductor.rpcapi.instances import InstancesAPI

RULE = "os_compute_api:server-metadata"


class ServerMetadataController:
    """The keys and values that users note on a server."""

    def __init__(self, db: Database, conductor: InstancesAPI, *, quota: ProjectQuotas) -> None:
        self._db = db
        self._conductor = conductor
        self._quota = quota

    def index(self, req: Request, server_id: str) -> Json:
        """Show all of them."""
        return {"metadata": dict(self._get(req, server_id, f"{RULE}:index").metadata)}

    def show(self, req: Request, server_id: str, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one."""
        return {"meta": {id: _value(self._get(req, server_id, f"{RULE}:show"), id)}}

    @api(body=schemas.ALL)
    def create(self, req: Request, server_id: str, body: Json) -> Json:
        """Set some, and leave the others."""
        instance = self._get(req, server_id, f"{RULE}:create")
        changed = self._change(req, instance, items=body["metadata"])
        return {"metadata": dict(changed.metadata)}

    @api(body=schemas.ALL)
    def update_all(self, req: Request, server_id: str, body: Json) -> Json:
        """Set these, and take the others away."""
        instance = self._get(req, server_id, f"{RULE}:update_all")
        changed = self._change(req, instance, items=body["metadata"], is_replacing=True)
        return {"metadata": dict(changed.metadata)}

    @api(body=schemas.ONE)
    def update(self, req: Request, server_id: str, id: str, body: Json) -> Json:  # noqa: A002
        """Set one."""
        instance = self._get(req, server_id, f"{RULE}:update")
        if id not in body["meta"]:
            raise Invalid("Request body and URI mismatch")
        self._change(req, instance, items=body["meta"])
        return {"meta": body["meta"]}

    @api(status=204)
    def delete(self, req: Request, server_id: str, id: str) -> None:  # noqa: A002
        """Take one away."""
        instance = self._get(req, server_id, f"{RULE}:delete")
        _value(instance, id)
        self._change(req, instance, removed=[id])

    def _get(self, req: Request, uuid: str, rule: str) -> Instance:
        """Return a server that the caller may do this to. Raises NotFound, Forbidden."""
        found = instances.get_instance(self._db, uuid, project_id=visible_project(req.context))
        authorize(req.context, rule, project_id=found.project_id)
        return found

    def _change(
        self,
        req: Request,
        instance: Instance,
        *,
        items: Json | None = None,
        removed: list[str] | None = None,
        is_replacing: bool = False,
    ) -> Instance:
        return self._conductor.update_metadata(
            req.context,
            uuid=instance.uuid,
            items=items or {},
            removed=removed or [],
            is_replacing=is_replacing,
            limit=self._quota.of(instance.project_id)["metadata_items"],
        )


def _value(instance: Instance, key: str) -> Any:
    if key not in instance.metadata:
        raise NotFound("Metadata item was not found", kind="metadata")
    return instance.metadata[key]
