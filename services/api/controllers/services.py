"""/os-services."""

from __future__ import annotations

from devstack_lite import clock
from devstack_lite.clock import utcnow
from devstack_lite.db import hosts
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import ServiceRecord
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.hypervisors import number_of
from services.api.policy import require_admin
from services.api.schemas import services as schemas
from services.conductor.rpcapi.hosts import HostsAPI


class ServicesController:
    """The daemons that report to the conductor; for administrators."""

    def __init__(self, db: Database, conductor: HostsAPI, *, down_time_s: float) -> None:
        self._db = db
        self._conductor = conductor
        self._down_time_s = down_time_s

    def index(self, req: Request) -> Json:
        """List services, of one host or binary when asked."""
        require_admin(req.context, "os_compute_api:os-services:list")
        host, binary = req.GET.get("host"), req.GET.get("binary")
        return {
            "services": [
                self._view(service)
                for service in hosts.list_services(self._db)
                if host in {None, service.host} and binary in {None, service.binary}
            ]
        }

    @api(body=schemas.CHANGE)
    def enable(self, req: Request, body: Json) -> Json:
        """Let a host take servers again."""
        return self._change(req, body, is_disabled=False)

    @api(body=schemas.CHANGE)
    def disable(self, req: Request, body: Json) -> Json:
        """Have a host take no more servers; those it has stay."""
        return self._change(req, body, is_disabled=True)

    @api(body=schemas.DISABLE)
    def disable_with_reason(self, req: Request, body: Json) -> Json:
        """Do so, and say why."""
        return self._change(req, body, is_disabled=True)

    def _change(self, req: Request, body: Json, *, is_disabled: bool) -> Json:
        require_admin(req.context, "os_compute_api:os-services:update")
        changed = self._conductor.update_service(
            req.context, binary=body["binary"], host=body["host"], is_disabled=is_disabled,
            disabled_reason=body.get("disabled_reason"),
        )  # fmt: skip
        shown = {"host": changed.host, "binary": changed.binary,
                 "status": "disabled" if is_disabled else "enabled"}  # fmt: skip
        if "disabled_reason" in body:
            shown["disabled_reason"] = body["disabled_reason"]
        return {"service": shown}

    def _view(self, service: ServiceRecord) -> Json:
        return {
            "id": number_of(service.id),
            "binary": service.binary,
            "host": service.host,
            "zone": service.availability_zone,
            "status": "disabled" if service.is_disabled else "enabled",
            "state": "up" if service.is_up(utcnow(), self._down_time_s) else "down",
            "updated_at": clock.to_micro(service.last_seen_at),
            "disabled_reason": service.disabled_reason,
        }
