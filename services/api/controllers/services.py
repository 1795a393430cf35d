"""/os-services."""

from __future__ import annotations

from devstack_lite import clock
from devstack_lite.clock import utcnow
from devstack_lite.db import hosts
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import ServiceRecord
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from services.api.controllers.hypervisors import number_of
from services.api.policy import require_admin


class ServicesController:
    """The daemons that report to the conductor; for administrators."""

    def __init__(self, db: Database, *, down_time_s: float) -> None:
        self._db = db
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
