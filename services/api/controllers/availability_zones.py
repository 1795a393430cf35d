"""/os-availability-zone."""

from __future__ import annotations

from devstack_lite import clock
from devstack_lite.clock import utcnow
from devstack_lite.db import hosts
from devstack_lite.db.engine import Database
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from services.api.policy import authorize, require_admin


class AvailabilityZonesController:
    """Zones, made of what the services say they are in."""

    def __init__(self, db: Database, *, down_time_s: float) -> None:
        self._db = db
        self._down_time_s = down_time_s

    def index(self, req: Request) -> Json:
        """List the zones that instances can be in."""
        authorize(req.context, "os_compute_api:os-availability-zone:list")
        zones: dict[str, bool] = {}
        for service in hosts.list_services(self._db):
            if service.binary == "nova-compute":
                zone = service.availability_zone
                zones[zone] = zones.get(zone, False) or not service.is_disabled
        return {
            "availabilityZoneInfo": [
                {"zoneName": name, "zoneState": {"available": is_available}, "hosts": None}
                for name, is_available in sorted(zones.items())
            ]
        }

    def detail(self, req: Request) -> Json:
        """List all zones with their hosts and services."""
        require_admin(req.context, "os_compute_api:os-availability-zone:detail")
        zones: dict[str, Json] = {}
        for service in hosts.list_services(self._db):
            of_zone = zones.setdefault(service.availability_zone, {})
            of_zone.setdefault(service.host, {})[service.binary] = {
                "updated_at": clock.to_micro(service.last_seen_at),
                "active": not service.is_disabled,
                "available": service.is_up(utcnow(), self._down_time_s),
            }
        return {
            "availabilityZoneInfo": [
                {"zoneName": name, "zoneState": {"available": True}, "hosts": of_zone}
                for name, of_zone in sorted(zones.items())
            ]
        }
