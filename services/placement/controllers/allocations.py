"""/allocations and /usages: what instances, projects and users have claimed."""

from __future__ import annotations

from typing import Any

from devstack_lite.db import placements
from devstack_lite.exceptions import Invalid
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import api
from devstack_lite.wsgi.versions import ApiVersion
from services.placement.access import denied, require_admin
from services.placement.query import only
from services.placement.reading import Reading, reply
from services.placement.resources import resources_of, total_of

Json = dict[str, Any]

CONSUMER_TYPE = "INSTANCE"
"""The only kind of consumer here."""

_OWNERS = ApiVersion(1, 12)
_CONSUMER_GENERATION = ApiVersion(1, 28)
_CONSUMER_TYPES = ApiVersion(1, 38)
_PARAMETERS = {
    "project_id": ApiVersion(1, 9), "user_id": ApiVersion(1, 9), "consumer_type": _CONSUMER_TYPES,
}  # fmt: skip


class AllocationsController:
    """Read only: a claim is made with a boot, and goes with its instance."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def show(self, req: Request, consumer_id: str) -> Reply:
        """Show what an instance has claimed: nothing, when it is not there."""
        require_admin(req, "allocations:list")
        found = placements.list_allocations(self._reading.db, consumer_id=consumer_id)
        body: Json = {
            "allocations": {
                one.provider_id: {"generation": one.generation, "resources": resources_of(one)}
                for one in found
            }
        }
        version = req.api_version
        if found and version >= _OWNERS:
            body |= {"project_id": found[0].project_id, "user_id": found[0].user_id}
        if found and version >= _CONSUMER_GENERATION:
            body["consumer_generation"] = max(one.attempt for one in found)
        if found and version >= _CONSUMER_TYPES:
            body["consumer_type"] = CONSUMER_TYPE
        return reply(req, body)

    @api(since="1.9")
    def usages(self, req: Request) -> Reply:
        """Show what a project, or a user in it, has claimed; one's own anybody may ask for."""
        only(req.GET, _PARAMETERS, req.api_version)
        project_id = req.GET.get("project_id")
        if not project_id:
            raise Invalid("Invalid query string parameters: 'project_id' is a required property")
        if project_id != req.context.project_id and not req.context.is_admin:
            raise denied("usages")
        found = placements.list_allocations(
            self._reading.db, project_id=project_id, user_id=req.GET.get("user_id")
        )
        if req.api_version < _CONSUMER_TYPES:
            return reply(req, {"usages": total_of(found)})
        wanted = req.GET.get("consumer_type")
        if wanted not in {None, "all", CONSUMER_TYPE}:
            found = []
        key = "all" if wanted == "all" else CONSUMER_TYPE
        count = len({one.consumer_id for one in found})
        usages = {key: {**total_of(found), "consumer_count": count}} if found else {}
        return reply(req, {"usages": usages})
