"""/os-services."""

from __future__ import annotations

from devstack_lite import clock
from devstack_lite.clock import utcnow
from devstack_lite.db import hosts
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.objects.compute import ServiceRecord
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.hypervisors import number_of
from services.api.policy import require_admin
from services.api.schemas import queries
from services.api.schemas import services as schemas
from services.api.schemas.parameters import is_true
from services.conductor.rpcapi.hosts import HostsAPI


class ServicesController:
    """The daemons that report to the conductor; for administrators."""

    def __init__(self, db: Database, conductor: HostsAPI, *, down_time_s: float) -> None:
        self._db = db
        self._conductor = conductor
        self._down_time_s = down_time_s

    @api(query=queries.SERVICES)
    def index(self, req: Request) -> Json:
        """List services, of one host or binary when asked."""
        require_admin(req.context, "os_compute_api:os-services:list")
        host, binary = req.GET.get("host"), req.GET.get("binary")
        return {
            "services": [
                self._view(req, service)
                for service in hosts.list_services(self._db)
                if host in {None, service.host} and binary in {None, service.binary}
            ]
        }

    @api(body=schemas.change, since="2.11", until="2.52")
    def force_down(self, req: Request, body: Json) -> Json:
        """Have a service be taken for dead, or no more."""
        require_admin(req.context, "os_compute_api:os-services:update")
        if "forced_down" not in body:
            raise Invalid("Missing forced_down field")
        is_down = is_true(body["forced_down"])
        self._conductor.update_service(
            req.context, binary=body["binary"], host=body["host"], is_forced_down=is_down
        )
        return {"service": {"host": body["host"], "binary": body["binary"], "forced_down": is_down}}

    @api(body=schemas.UPDATE, since="2.53")
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002 - the route's name
        """Enable, disable with a reason, or force down, by the service's id."""
        require_admin(req.context, "os_compute_api:os-services:update")
        status, reason = body.get("status"), body.get("disabled_reason")
        if reason is not None and status != "disabled":
            raise Invalid("Specifying disabled_reason requires that status is disabled.")
        if status is None and "forced_down" not in body:
            raise Invalid("No updates were requested. Fields 'status' or 'forced_down' should be"
                          " specified.")  # fmt: skip
        known = self._get(id)
        changed = self._conductor.update_service(
            req.context, binary=known.binary, host=known.host,
            is_disabled=None if status is None else status == "disabled",
            disabled_reason=reason,
            is_forced_down=is_true(body["forced_down"]) if "forced_down" in body else None,
        )  # fmt: skip
        return {"service": self._view(req, changed)}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a service that is down and has no servers, with its nodes."""
        require_admin(req.context, "os_compute_api:os-services:delete")
        known = self._get(id)
        self._conductor.delete_service(
            req.context, binary=known.binary, host=known.host, down_time_s=self._down_time_s
        )

    def _get(self, identifier: str) -> ServiceRecord:
        for service in hosts.list_services(self._db):
            if identifier in {service.id, str(number_of(service.id))}:
                return service
        raise NotFound(f"Service {identifier} could not be found.", kind="service")

    @api(body=schemas.change, until="2.52")
    def enable(self, req: Request, body: Json) -> Json:
        """Let a host take servers again."""
        return self._change(req, body, is_disabled=False)

    @api(body=schemas.change, until="2.52")
    def disable(self, req: Request, body: Json) -> Json:
        """Have a host take no more servers; those it has stay."""
        return self._change(req, body, is_disabled=True)

    @api(body=schemas.change, until="2.52")
    def disable_with_reason(self, req: Request, body: Json) -> Json:
        """Do so, and say why."""
        if "disabled_reason" not in body:
            require_admin(req.context, "os_compute_api:os-services:update")
            raise Invalid("Missing disabled reason field")
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

    def _view(self, req: Request, service: ServiceRecord) -> Json:
        forced = {"forced_down": service.is_forced_down} if req.since(2, 11) else {}
        return {
            "id": service.id if req.since(2, 53) else number_of(service.id),
            **forced,
            "binary": service.binary,
            "host": service.host,
            "zone": service.availability_zone,
            "status": "disabled" if service.is_disabled else "enabled",
            "state": "up" if service.is_up(utcnow(), self._down_time_s) else "down",
            "updated_at": clock.to_micro(service.last_seen_at),
            "disabled_reason": service.disabled_reason,
        }
