"""/servers/{id}/os-instance-actions."""

from __future__ import annotations

from devstack_lite import clock
from devstack_lite.db import instances
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.compute import InstanceAction
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.paging import page_of
from services.api.policy import allows, authorize, visible_project
from services.api.schemas import queries
from services.api.server_filters import check_span, is_between
from services.api.views.links import next_link
from services.api.views.servers import host_id

RULE = "os_compute_api:os-instance-actions"


class InstanceActionsController:
    """What was asked of a server, and what became of it."""

    def __init__(self, db: Database, *, max_limit: int) -> None:
        self._max_limit = max_limit
        self._db = db

    @api(query=queries.ACTIONS)
    def index(self, req: Request, server_id: str) -> Json:
        """List a server's actions, the latest first."""
        authorize(req.context, f"{RULE}:list")
        uuid = self._instance(req, server_id)
        found = instances.list_actions(self._db, uuid)
        if not req.since(2, 58):
            return {"instanceActions": [_view(req, action) for action in found]}
        check_span(req)
        found = [one for one in found if is_between(req, one.updated_at or one.started_at)]
        page, has_more = page_of(found, req, self._max_limit, lambda one: one.request_id)
        links = {"links": next_link(req, page[-1].request_id)} if has_more and page else {}
        return {"instanceActions": [_view(req, action) for action in page], **links}

    def show(self, req: Request, server_id: str, id: str) -> Json:  # noqa: A002
        """Show the action of one request, with its events."""
        authorize(req.context, f"{RULE}:show")
        uuid = self._instance(req, server_id)
        for action in instances.list_actions(self._db, uuid):
            if action.request_id == id:
                return {"instanceAction": {**_view(req, action), **self._events(req, action, uuid)}}
        raise NotFound(f"Action for request_id {id} on instance {uuid} not found", kind="action")

    def _instance(self, req: Request, server_id: str) -> str:
        project_id = visible_project(req.context)
        return instances.get_instance(
            self._db, server_id, project_id=project_id, with_deleted=req.since(2, 21)
        ).uuid

    def _events(self, req: Request, action: InstanceAction, uuid: str) -> Json:
        """Return the events; before 2.51 a rule, for administrators, lets the caller see them."""
        sees_all = allows(req.context, f"{RULE}:events", project_id=action.project_id)
        if not (sees_all or req.since(2, 51)):
            return {}
        shown = []
        for event in instances.list_action_events(self._db, action.id):
            view: Json = {
                "event": event.event,
                "start_time": clock.to_micro(event.started_at),
                "finish_time": clock.to_micro(event.finished_at),
                "result": event.result,
            }
            if sees_all:
                view["traceback"] = event.details
            if req.since(2, 62):
                view["hostId"] = host_id(str(action.project_id), event.host)
                if sees_all:
                    view["host"] = event.host
            if req.since(2, 84) and allows(req.context, f"{RULE}:events:details"):
                view["details"] = event.details or None
            shown.append(view)
        return {"events": shown}


def _view(req: Request, action: InstanceAction) -> Json:
    updated = clock.to_micro(action.updated_at or action.started_at)
    return {
        **({"updated_at": updated} if req.since(2, 58) else {}),
        "action": action.action,
        "instance_uuid": action.instance_uuid,
        "request_id": action.request_id,
        "user_id": action.user_id,
        "project_id": action.project_id,
        "start_time": clock.to_micro(action.started_at),
        "message": action.message,
    }
