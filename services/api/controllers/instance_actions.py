"""/servers/{id}/os-instance-actions."""

from __future__ import annotations

from devstack_lite import clock
from devstack_lite.db import instances
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.compute import InstanceAction
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from services.api.policy import visible_project


class InstanceActionsController:
    """What was asked of a server, and what became of it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def index(self, req: Request, server_id: str) -> Json:
        """List a server's actions, the latest first."""
        uuid = self._instance(req, server_id)
        found = instances.list_actions(self._db, uuid)
        return {"instanceActions": [_view(action) for action in found]}

    def show(self, req: Request, server_id: str, id: str) -> Json:  # noqa: A002
        """Show the action of one request, with its events."""
        uuid = self._instance(req, server_id)
        for action in instances.list_actions(self._db, uuid):
            if action.request_id == id:
                return {"instanceAction": {**_view(action), "events": self._events(req, action)}}
        raise NotFound(f"Action for request_id {id} on instance {uuid} not found", kind="action")

    def _instance(self, req: Request, server_id: str) -> str:
        project_id = visible_project(req.context)
        return instances.get_instance(self._db, server_id, project_id=project_id).uuid

    def _events(self, req: Request, action: InstanceAction) -> list[Json]:
        shown = []
        for event in instances.list_action_events(self._db, action.id):
            view: Json = {
                "event": event.event,
                "start_time": clock.to_micro(event.started_at),
                "finish_time": clock.to_micro(event.finished_at),
                "result": event.result,
            }
            if req.context.is_admin:
                view["traceback"] = event.details
            shown.append(view)
        return shown


def _view(action: InstanceAction) -> Json:
    return {
        "action": action.action,
        "instance_uuid": action.instance_uuid,
        "request_id": action.request_id,
        "user_id": action.user_id,
        "project_id": action.project_id,
        "start_time": clock.to_micro(action.started_at),
        "message": action.message,
    }
