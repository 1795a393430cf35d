"""What a project may have of volumes, and has: quota sets, their class, and limits."""

from __future__ import annotations

from typing import Any

from devstack_lite.db import volume_quotas
from devstack_lite.db.engine import Database
from devstack_lite.db.volume_quotas import CHECKED, CLASS, UNCHECKED
from devstack_lite.exceptions import Forbidden, Invalid, NotFound
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from devstack_lite.wsgi.versions import ApiVersion
from services.conductor.rpcapi.volume_quotas import VolumeQuotasAPI
from services.volume import schemas
from services.volume.access import check_admin

_RESOURCES = frozenset({*CHECKED, *UNCHECKED})
_IGNORED = frozenset({"id", "tenant_id", "project_id", "force"})
_COUNTED = ("volumes", "gigabytes", "snapshots")
_OF_ANY_PROJECT = ApiVersion(3, 39)


class QuotasController:
    """/os-quota-sets, /os-quota-class-sets and /limits."""

    def __init__(self, db: Database, conductor: VolumeQuotasAPI) -> None:
        self._db = db
        self._conductor = conductor

    def show(self, req: Request, target_id: str) -> dict[str, Any]:
        """Return a project's quotas; with usage, what it uses of them."""
        _check_own(req, target_id)
        limits = volume_quotas.get_limits(self._db, target_id)
        if req.GET.get("usage", "").lower() not in {"1", "true"}:
            return {"quota_set": {"id": target_id, **limits}}
        used = volume_quotas.get_usage(self._db, target_id)
        shown: dict[str, Any] = {"id": target_id}
        for name, limit in limits.items():
            in_use = getattr(used, name) if name in _COUNTED else 0
            shown[name] = {"limit": limit, "in_use": in_use, "reserved": 0, "allocated": 0}
        return {"quota_set": shown}

    def defaults(self, req: Request, target_id: str) -> dict[str, Any]:
        """Return the quotas that a project has without its own."""
        _check_own(req, target_id)
        return {"quota_set": {"id": target_id, **volume_quotas.get_limits(self._db, CLASS)}}

    @api(body=schemas.QUOTA_SET)
    def update(self, req: Request, target_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Set a project's quotas."""
        check_admin(req, "volume_extension:quotas:update")
        limits = _limits(body["quota_set"])
        self._conductor.set_quota(req.context, project_id=target_id, limits=limits)
        return {"quota_set": volume_quotas.get_limits(self._db, target_id)}

    def delete(self, req: Request, target_id: str) -> None:
        """Give a project the default quotas again."""
        check_admin(req, "volume_extension:quotas:delete")
        self._conductor.delete_quota(req.context, project_id=target_id)

    def show_class(self, req: Request, name: str) -> dict[str, Any]:
        """Return the quotas of projects without their own."""
        check_admin(req, "volume_extension:quota_classes:get")
        _check_class(name)
        return {"quota_class_set": {"id": name, **volume_quotas.get_limits(self._db, CLASS)}}

    @api(body=schemas.QUOTA_CLASS_SET)
    def update_class(self, req: Request, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Set the quotas of projects without their own."""
        check_admin(req, "volume_extension:quota_classes:update")
        _check_class(name)
        limits = _limits(body["quota_class_set"], ignored=_IGNORED | {"class_name"})
        self._conductor.set_quota(req.context, project_id=CLASS, limits=limits)
        return {"quota_class_set": volume_quotas.get_limits(self._db, CLASS)}

    def limits(self, req: Request) -> dict[str, Any]:
        """Return what the project may have, and what it has."""
        project_id = str(req.context.project_id)
        if req.context.is_admin and req.api_version >= _OF_ANY_PROJECT:
            project_id = req.GET.get("project_id", project_id)
        limits = volume_quotas.get_limits(self._db, project_id)
        used = volume_quotas.get_usage(self._db, project_id)
        return {
            "limits": {
                "rate": [],
                "absolute": {
                    "maxTotalVolumes": limits["volumes"],
                    "maxTotalVolumeGigabytes": limits["gigabytes"],
                    "maxTotalSnapshots": limits["snapshots"],
                    "maxTotalBackups": limits["backups"],
                    "maxTotalBackupGigabytes": limits["backup_gigabytes"],
                    "totalVolumesUsed": used.volumes,
                    "totalGigabytesUsed": used.gigabytes,
                    "totalSnapshotsUsed": used.snapshots,
                    "totalBackupsUsed": 0,
                    "totalBackupGigabytesUsed": 0,
                },
            }
        }


def _check_own(req: Request, target_id: str) -> None:
    if target_id not in {req.context.project_id, "defaults"} and not req.context.is_admin:
        raise Forbidden("Policy doesn't allow volume_extension:quotas:show to be performed.")


def _check_class(name: str) -> None:
    if name != "default":
        raise NotFound(f"Quota class {name} could not be found.", kind="quota_class")


def _limits(asked: dict[str, Any], *, ignored: frozenset[str] = _IGNORED) -> dict[str, int]:
    """Return the limits of a body. Raises Invalid for a resource that there is not."""
    named = {name: value for name, value in asked.items() if name not in ignored}
    unknown = sorted(set(named) - _RESOURCES)
    if unknown:
        raise Invalid(f"Bad key(s) in quota set: {', '.join(unknown)}")
    return {name: int(value) for name, value in named.items()}
