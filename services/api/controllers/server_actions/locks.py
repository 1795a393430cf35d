"""lock, unlock."""

from __future__ import annotations

from devstack_lite.db.instance_changes import locker_of
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.server_actions.asking import Asking
from services.api.policy import require_admin
from services.api.schemas import server_bodies as schemas

RULE = "os_compute_api:os-lock-server"


class LocksController:
    """A locked server is an administrator's alone to act on."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    @api(status=202, action="lock", body=schemas.lock)
    def lock(self, req: Request, id: str, body: Json) -> None:  # noqa: A002 - the route's name
        """Lock a server, whatever it does."""
        seen = self._asking.get(req, id, f"{RULE}:lock")
        reason = (body["lock"] or {}).get("locked_reason") if req.since(2, 73) else None
        self._asking.changes.set_lock(req.context, uuid=seen.uuid, is_locked=True, reason=reason)

    @api(status=202, action="unlock")
    def unlock(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Unlock a server; what an administrator has locked its owner does not unlock."""
        seen = self._asking.get(req, id, f"{RULE}:unlock")
        if seen.locked_by not in {None, locker_of(req.context, seen.project_id)}:
            require_admin(req.context, f"{RULE}:unlock:unlock_override")
        self._asking.changes.set_lock(req.context, uuid=seen.uuid, is_locked=False)
