"""/servers/{id}/diagnostics and /servers/{id}/os-server-password."""

from __future__ import annotations

from devstack_lite.clock import utcnow
from devstack_lite.db import instances, numa_claims
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Conflict
from devstack_lite.instance_metadata.passwords import password_of
from devstack_lite.numa.guest import read_guest
from devstack_lite.numa.wanted import wanted_topology
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.policies import TOPOLOGY, TOPOLOGY_OF_HOST
from services.api.policy import allows, authorize, visible_project
from services.api.views import diagnostics, topology
from services.compute.rpcapi import ComputeAPI
from services.conductor.rpcapi.instance_changes import InstanceChangesAPI

RULE = "os_compute_api:os-server-password"


class ServerInspectionController:
    """What a guest says of itself."""

    def __init__(self, db: Database, compute: ComputeAPI, changes: InstanceChangesAPI) -> None:
        self._db = db
        self._compute = compute
        self._changes = changes

    def diagnostics(self, req: Request, server_id: str) -> Json:
        """Show a running server's figures, named as libvirt's are; for administrators."""
        instance = self._get(req, server_id, "os_compute_api:os-server-diagnostics")
        if instance.host is None:
            raise Conflict(f"Instance {instance.uuid} is not ready", kind="instance")
        figures = self._compute.get_diagnostics(req.context, host=instance.host, instance=instance)
        if not req.since(2, 48):
            return figures
        since = instance.launched_at or instance.created_at or utcnow()
        return diagnostics.standard(instance, figures, int((utcnow() - since).total_seconds()))

    @api(since="2.78")
    def topology(self, req: Request, server_id: str) -> Json:
        """Show a guest's NUMA cells, and to administrators where on the host they are."""
        instance = self._get(req, server_id, TOPOLOGY)
        is_shown_host = allows(req.context, TOPOLOGY_OF_HOST, project_id=instance.project_id)
        with self._db.read() as connection:
            claimed = numa_claims.topology_of(connection, instance.uuid, instance.node)
        properties = instance.boot_request.get("image_properties") or {}
        found = read_guest(claimed) if claimed else wanted_topology(instance.flavor, properties)
        return topology.shown(found, with_host=is_shown_host)

    def password(self, req: Request, server_id: str) -> Json:
        """Show the encrypted password that a guest has posted to the metadata API."""
        return {"password": password_of(self._get(req, server_id, f"{RULE}:show"))}

    @api(status=204)
    def clear_password(self, req: Request, server_id: str) -> None:
        """Forget it."""
        found = self._get(req, server_id, f"{RULE}:clear")
        self._changes.set_password(req.context, uuid=found.uuid, password="")

    def _get(self, req: Request, server_id: str, rule: str) -> Instance:
        """Return a server that the caller may do this to. Raises NotFound, Forbidden."""
        found = instances.get_instance(self._db, server_id, project_id=visible_project(req.context))
        authorize(req.context, rule, project_id=found.project_id)
        return found
