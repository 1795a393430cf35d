"""What clients ask about the service itself: zones, services, extensions."""

from __future__ import annotations

from typing import Any

from devstack_lite.clock import to_micro, utcnow
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.volume import backend
from services.volume.access import check_admin

_EXTENSIONS = (
    ("os-availability-zone", "AvailabilityZones", "Describe Availability Zones."),
    ("os-quota-sets", "Quotas", "Quota management support."),
    ("os-services", "Services", "Services support."),
    ("os-volume-actions", "VolumeActions", "Attach, detach, extend and reset volumes."),
    ("os-vol-image-meta", "VolumeImageMetadata", "Show image metadata associated with the volume."),
    ("os-vol-tenant-attr", "VolumeTenantAttribute", "Expose the internal project_id."),
)
_EXTENSIONS_SINCE = "2011-08-08T00:00:00+00:00"


class AboutController:
    """Zones, services, extensions."""

    def __init__(self, *, host: str) -> None:
        self._host = host

    def zones(self, req: Request) -> dict[str, Any]:
        """List the one availability zone."""
        zone = {"zoneName": backend.AVAILABILITY_ZONE, "zoneState": {"available": True}}
        return {"availabilityZoneInfo": [zone]}

    def services(self, req: Request) -> dict[str, Any]:
        """List the services; this very process is both, so they are up when it answers."""
        check_admin(req, "volume_extension:services:index")
        found = []
        for binary, host in (
            ("cinder-scheduler", self._host),
            ("cinder-volume", f"{self._host}@{backend.BACKEND}"),
        ):
            if req.GET.get("binary", binary) == binary and req.GET.get("host", host) == host:
                found.append(
                    {
                        "binary": binary,
                        "host": host,
                        "zone": backend.AVAILABILITY_ZONE,
                        "status": "enabled",
                        "state": "up",
                        "updated_at": to_micro(utcnow()),
                        "disabled_reason": None,
                    }
                )
        return {"services": found}

    @api(since="3.3")
    def messages(self, req: Request) -> dict[str, Any]:
        """List why asynchronous work failed: nothing, for all is done when it is answered."""
        return {"messages": []}

    def pools(self, req: Request) -> dict[str, Any]:
        """List the one pool that volumes are in; with detail, what it can do."""
        check_admin(req, "scheduler_extension:scheduler_stats:get_pools")
        pool: dict[str, Any] = {"name": f"{self._host}@{backend.BACKEND}#{backend.BACKEND}"}
        if req.GET.get("detail", "").lower() in {"1", "true"}:
            pool["capabilities"] = {
                "volume_backend_name": backend.BACKEND,
                "storage_protocol": backend.DRIVER_VOLUME_TYPE,
                "vendor_name": "devstack-lite",
                "driver_version": "1",
                "total_capacity_gb": "infinite",
                "free_capacity_gb": "infinite",
                "reserved_percentage": 0,
                "QoS_support": False,
                "multiattach": True,
                "timestamp": to_micro(utcnow()),
            }
        return {"pools": [pool]}

    def extensions(self, req: Request) -> dict[str, Any]:
        """List what Cinder calls extensions and this service has."""
        return {
            "extensions": [
                {
                    "alias": alias,
                    "name": name,
                    "description": description,
                    "updated": _EXTENSIONS_SINCE,
                    "links": [],
                }
                for alias, name, description in _EXTENSIONS
            ]
        }
