"""/limits: what the caller's project may have, and has."""

from __future__ import annotations

from devstack_lite.db import instances
from devstack_lite.db.engine import Database
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.policy import authorize
from services.api.quotas import ProjectQuotas
from services.api.schemas import queries

RULE = "os_compute_api:limits"


class LimitsController:
    """The numbers that clients ask for before they boot."""

    def __init__(self, db: Database, quotas: ProjectQuotas) -> None:
        self._db = db
        self._quotas = quotas

    @api(query=queries.LIMITS)
    def index(self, req: Request) -> Json:
        """Show the caller's absolute limits."""
        authorize(req.context, RULE)
        project_id = req.context.project_id
        asked = req.GET.get("tenant_id", project_id)
        if asked != project_id:
            authorize(req.context, f"{RULE}:other_project")
            project_id = asked
        used = instances.get_usage(self._db, str(project_id))
        own = str(req.context.user_id) if project_id == req.context.project_id else None
        limits = self._quotas.of(project_id, own)
        absolute: Json = {
            "maxTotalInstances": limits["instances"],
            "maxTotalCores": limits["cores"],
            "maxTotalRAMSize": limits["ram"],
            "maxTotalKeypairs": limits["key_pairs"],
            "maxServerMeta": limits["metadata_items"],
            "maxServerGroups": limits["server_groups"],
            "maxServerGroupMembers": limits["server_group_members"],
            "totalInstancesUsed": used["instances"],
            "totalCoresUsed": used["cores"],
            "totalRAMUsed": used["ram"],
            "totalServerGroupsUsed": 0,
        }
        if not req.since(2, 36):
            absolute |= {
                "maxTotalFloatingIps": -1, "maxSecurityGroups": -1, "maxSecurityGroupRules": -1,
                "totalFloatingIpsUsed": 0, "totalSecurityGroupsUsed": 0,
            }  # fmt: skip
        if not req.since(2, 39):
            absolute["maxImageMeta"] = limits["metadata_items"]
        if not req.since(2, 57):
            absolute |= {
                "maxPersonality": limits["injected_files"],
                "maxPersonalitySize": limits["injected_file_content_bytes"],
            }
        return {"limits": {"rate": [], "absolute": absolute}}
