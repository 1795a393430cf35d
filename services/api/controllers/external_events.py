"""/os-server-external-events: what the sibling services have to tell of a server."""

from __future__ import annotations

import logging

from devstack_lite.db import instances
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import api
from services.api.policy import authorize
from services.api.schemas import external_events as schemas

LOG = logging.getLogger(__name__)


class ExternalEventsController:
    """Events are taken and change nothing: no service here waits for another's."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @api(body=schemas.create)
    def create(self, req: Request, body: Json) -> Reply:
        """Take events, each with a code of its own; 207 when some have no server, 404 when all."""
        authorize(req.context, "os_compute_api:os-server-external-events:create")
        told = [self._told(event) for event in body["events"]]
        codes = {one["code"] for one in told}
        if codes == {404}:
            raise NotFound("No instances found for any event", kind="instance")
        return Reply(body={"events": told}, status=200 if codes == {200} else 207)

    def _told(self, event: Json) -> Json:
        try:
            found = instances.get_instance(self._db, event["server_uuid"])
        except NotFound:
            return {**event, "status": "failed", "code": 404}
        if found.host is None:
            return {**event, "status": "failed", "code": 422}
        LOG.info("event %s: %s", event["name"], event.get("status", "completed"),
                 extra={"instance_uuid": found.uuid})  # fmt: skip
        return {**event, "status": event.get("status", "completed"), "code": 200}
