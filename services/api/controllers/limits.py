"""/limits and /os-quota-sets: what a project may have, and has."""

from __future__ import annotations

from typing import Any

from devstack_lite.db import instances
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Forbidden
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request

_COUNTED = ("instances", "cores", "ram")
_UNCOUNTED = {
    "server_groups": 10,
    "server_group_members": 10,
    "injected_files": 5,
    "injected_file_content_bytes": 10240,
    "injected_file_path_bytes": 255,
}
"""Nova's defaults for what this API does not count yet."""


class LimitsController:
    """Limits come from the configuration, usage from the database."""

    def __init__(self, db: Database, quota: Any) -> None:
        self._db = db
        self._quota = quota

    @property
    def _limits(self) -> dict[str, int]:
        counted = (*_COUNTED, "key_pairs", "metadata_items")
        return {**{name: int(self._quota[name]) for name in counted}, **_UNCOUNTED}

    def index(self, req: Request) -> Json:
        """Show the caller's absolute limits."""
        project_id = req.context.project_id
        if req.context.is_admin:
            project_id = req.GET.get("tenant_id", project_id)
        used = instances.get_usage(self._db, str(project_id))
        limits = self._limits
        return {
            "limits": {
                "rate": [],
                "absolute": {
                    "maxTotalInstances": limits["instances"],
                    "maxTotalCores": limits["cores"],
                    "maxTotalRAMSize": limits["ram"],
                    "maxTotalKeypairs": limits["key_pairs"],
                    "maxServerMeta": limits["metadata_items"],
                    "maxServerGroups": limits["server_groups"],
                    "maxServerGroupMembers": limits["server_group_members"],
                    "maxImageMeta": limits["metadata_items"],
                    "maxPersonality": limits["injected_files"],
                    "maxPersonalitySize": limits["injected_file_content_bytes"],
                    "maxTotalFloatingIps": -1,
                    "maxSecurityGroups": -1,
                    "maxSecurityGroupRules": -1,
                    "totalInstancesUsed": used["instances"],
                    "totalCoresUsed": used["cores"],
                    "totalRAMUsed": used["ram"],
                    "totalServerGroupsUsed": 0,
                    "totalFloatingIpsUsed": 0,
                    "totalSecurityGroupsUsed": 0,
                },
            }
        }

    def quota_set(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a project's limits."""
        _check(req, id)
        return {"quota_set": {"id": id, **self._limits}}

    def quota_defaults(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show the limits of a project for which none were set."""
        return {"quota_set": {"id": id, **self._limits}}

    def quota_detail(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show a project's limits beside what it uses."""
        _check(req, id)
        used = instances.get_usage(self._db, id)
        return {
            "quota_set": {
                "id": id,
                **{
                    name: {"limit": limit, "in_use": used.get(name, 0), "reserved": 0}
                    for name, limit in self._limits.items()
                },
            }
        }


def _check(req: Request, project_id: str) -> None:
    if not req.context.is_admin and project_id != req.context.project_id:
        raise Forbidden("Policy doesn't allow os_compute_api:os-quota-sets:show to be performed.")
