"""What clients ask about the service itself: types, zones, services, quotas, limits, extensions."""

from __future__ import annotations

from typing import Any

from devstack_lite.clock import to_micro, utcnow
from devstack_lite.db import volumes
from devstack_lite.db.engine import Database
from devstack_lite.db.volumes import VolumeFilter
from devstack_lite.exceptions import Forbidden, NotFound
from devstack_lite.wsgi.request import Request
from services.volume import backend, views

_EXTENSIONS = (
    ("os-availability-zone", "AvailabilityZones", "Describe Availability Zones."),
    ("os-quota-sets", "Quotas", "Quota management support."),
    ("os-services", "Services", "Services support."),
    ("os-volume-actions", "VolumeActions", "Attach, detach, extend and reset volumes."),
    ("os-vol-image-meta", "VolumeImageMetadata", "Show image metadata associated with the volume."),
    ("os-vol-tenant-attr", "VolumeTenantAttribute", "Expose the internal project_id."),
)
_EXTENSIONS_SINCE = "2011-08-08T00:00:00+00:00"


class TypesController:
    """/types: the one type there is."""

    def index(self, req: Request) -> dict[str, Any]:
        """List the types."""
        return {"volume_types": [views.volume_type(req, known) for known in backend.TYPES]}

    def show(self, req: Request, type_id: str) -> dict[str, Any]:
        """Show a type by its id, or `default`."""
        if type_id == "default":
            return {"volume_type": views.volume_type(req, backend.DEFAULT_TYPE)}
        for known in backend.TYPES:
            if type_id == known.id:
                return {"volume_type": views.volume_type(req, known)}
        raise NotFound(f"Volume type {type_id} could not be found.", kind="volume_type")

    def extra_specs(self, req: Request, type_id: str) -> dict[str, Any]:
        """Return a type's extra specs."""
        return {"extra_specs": self.show(req, type_id)["volume_type"]["extra_specs"]}


class AboutController:
    """Zones, services, quotas, limits, extensions."""

    def __init__(self, db: Database, *, host: str) -> None:
        self._db = db
        self._host = host

    def zones(self, req: Request) -> dict[str, Any]:
        """List the one availability zone."""
        zone = {"zoneName": backend.AVAILABILITY_ZONE, "zoneState": {"available": True}}
        return {"availabilityZoneInfo": [zone]}

    def services(self, req: Request) -> dict[str, Any]:
        """List the services; this very process is both, so they are up when it answers."""
        if not req.context.is_admin:
            raise Forbidden("Policy doesn't allow volume_extension:services:index to be performed.")
        found = []
        for binary, host in (
            ("cinder-scheduler", self._host),
            ("cinder-volume", f"{self._host}@{backend.DEFAULT_TYPE.name}"),
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

    def quotas(self, req: Request, target_id: str) -> dict[str, Any]:
        """Return a project's quotas; with usage, what it uses of them."""
        if target_id not in {req.context.project_id, "defaults"} and not req.context.is_admin:
            raise Forbidden("Policy doesn't allow volume_extension:quotas:show to be performed.")
        used = self._used(target_id)
        asked = req.GET.get("usage", "").lower() in {"1", "true"}
        return {"quota_set": {"id": target_id, **_quota_set(used if asked else None)}}

    def default_quotas(self, req: Request, target_id: str) -> dict[str, Any]:
        """Return the quotas that every project has."""
        return {"quota_set": {"id": target_id, **_quota_set(None)}}

    def limits(self, req: Request) -> dict[str, Any]:
        """Return what the project may have, and what it has."""
        count, size_gb = self._used(str(req.context.project_id))
        return {
            "limits": {
                "rate": [],
                "absolute": {
                    "maxTotalVolumes": backend.QUOTA.volumes,
                    "maxTotalVolumeGigabytes": backend.QUOTA.gigabytes,
                    "maxTotalSnapshots": 0,
                    "maxTotalBackups": 0,
                    "maxTotalBackupGigabytes": 0,
                    "totalVolumesUsed": count,
                    "totalGigabytesUsed": size_gb,
                    "totalSnapshotsUsed": 0,
                    "totalBackupsUsed": 0,
                    "totalBackupGigabytesUsed": 0,
                },
            }
        }

    def _used(self, project_id: str) -> tuple[int, int]:
        return volumes.sum_volumes(self._db, VolumeFilter(project_id=project_id))

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


def _quota_set(used: tuple[int, int] | None) -> dict[str, Any]:
    limits = {
        "volumes": backend.QUOTA.volumes,
        "gigabytes": backend.QUOTA.gigabytes,
        "per_volume_gigabytes": -1,
        "snapshots": 0,
        "backups": 0,
        "backup_gigabytes": 0,
        "groups": 0,
    }
    if used is None:
        return dict(limits)
    in_use = {"volumes": used[0], "gigabytes": used[1]}
    return {
        name: {"limit": limit, "in_use": in_use.get(name, 0), "reserved": 0}
        for name, limit in limits.items()
    }
