"""Why the scheduler chose what it chose: this cloud's own addition to Nova's API."""

from __future__ import annotations

from devstack_lite.db import decisions, instances
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import ScheduleRequest
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.boot import Booter
from services.api.policy import require_admin
from services.api.schemas import decisions as schemas
from services.scheduler.rpcapi import SchedulerAPI

POLICY = "os_compute_api:devstack-lite:decisions"


class DecisionsController:
    """Reads the decisions that were kept, and has new ones made that place nothing."""

    def __init__(self, db: Database, booter: Booter, scheduler: SchedulerAPI) -> None:
        self._db = db
        self._booter = booter
        self._scheduler = scheduler

    def index(self, req: Request) -> Json:
        """List what was decided for a request."""
        require_admin(req.context, POLICY)
        request_id = req.GET.get("request_id")
        if not request_id:
            raise Invalid("Say which request: request_id=req-…")
        return {"decisions": [_view(one) for one in decisions.of_request(self._db, request_id)]}

    def of_server(self, req: Request, server_id: str) -> Json:
        """List what was decided for a server, its moves included."""
        require_admin(req.context, POLICY)
        uuid = instances.get_instance(self._db, server_id, project_id=None).uuid
        return {"decisions": [_view(one) for one in decisions.of_instance(self._db, uuid)]}

    @api(body=schemas.WHAT_IF)
    def what_if(self, req: Request, body: Json) -> Json:
        """Decide for servers that are not there, and place nothing."""
        require_admin(req.context, POLICY)
        asked = dict(body["what_if"])
        count, hints = int(asked.pop("count", 1)), asked.pop("hints", {})
        boot = self._booter.wanted(req.context, asked, hints, count)
        request = ScheduleRequest(boot=boot, project_id=str(req.context.project_id))
        return {"decision": self._scheduler.explain(req.context, request=request, count=count)}


def _view(decision: Json) -> Json:
    return {**decision, "created_at": decision["created_at"].isoformat()}
