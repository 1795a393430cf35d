"""Actions that build a server anew: where it is, or elsewhere when its host is gone."""

from __future__ import annotations

import secrets
from typing import Any

from devstack_lite.clock import utcnow
from devstack_lite.db import hosts, instances, volume_reads
from devstack_lite.db.engine import Database
from devstack_lite.db.operations import EVACUATE
from devstack_lite.exceptions import InstanceInvalidState, Invalid, NotFound, QuotaExceeded
from devstack_lite.objects.compute import Instance, ServiceRecord
from devstack_lite.objects.registry import Json
from devstack_lite.states import TaskState, VmState
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import api
from services.api.asking import ask_host
from services.api.boot import usable_image
from services.api.policy import require_admin, visible_project
from services.api.schemas import servers as schemas
from services.api.views import servers as views
from services.compute.rpcapi import ComputeAPI
from services.conductor.rpcapi.instances import InstancesAPI

STATES = (VmState.ACTIVE, VmState.STOPPED, VmState.ERROR)


class RebuildsController:
    """POST /servers/{id}/action with rebuild or evacuate."""

    def __init__(
        self,
        db: Database,
        conductor: InstancesAPI,
        compute: ComputeAPI,
        *,
        quota: Any,
        down_time_s: float,
    ) -> None:
        self._db = db
        self._conductor = conductor
        self._compute = compute
        self._quota = quota
        self._down_time_s = down_time_s

    @api(status=202, action="rebuild", body=schemas.REBUILD)
    def rebuild(self, req: Request, id: str, body: Json) -> Reply:  # noqa: A002 - the route's name
        """Build a server anew from an image, with the ports, volumes and id that it has."""
        asked = body["rebuild"]
        seen = self._get(req, id, "rebuild")
        image = usable_image(self._db, req.context, asked["imageRef"], seen.flavor)
        if len(asked.get("metadata", ())) > self._quota.metadata_items:
            raise QuotaExceeded("Quota exceeded, too many metadata items.")
        changes: Json = {
            "image_ref": image["id"],
            "boot_request": {
                **seen.boot_request, "image_properties": image.get("properties") or {},
            },
        }  # fmt: skip
        for key, column in (
            ("name", "name"), ("metadata", "metadata"), ("accessIPv4", "access_ip_v4"),
            ("accessIPv6", "access_ip_v6"),
        ):  # fmt: skip
            if key in asked:
                changes[column] = asked[key].strip() if key == "name" else asked[key]
        instance = self._conductor.begin_action(
            req.context, uuid=seen.uuid, action="rebuild", event="compute_rebuild_instance",
            vm_states=STATES, task_state=TaskState.REBUILDING, changes=changes,
        )  # fmt: skip
        ask_host(self._compute, req.context, instance)
        volumes = volume_reads.attached_volumes(self._db, [instance.uuid]).get(instance.uuid, ())
        shown = views.full(req, instance, None, volumes)
        shown["adminPass"] = asked.get("adminPass") or secrets.token_urlsafe(9)
        return Reply(body={"server": shown}, status=202, headers={
            "Location": shown["links"][0]["href"],
        })  # fmt: skip

    @api(action="evacuate", body=schemas.EVACUATE)
    def evacuate(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Build a server anew on another host, when its own is down."""
        require_admin(req.context, "os_compute_api:os-evacuate")
        asked = body["evacuate"]
        seen = self._get(req, id, EVACUATE)
        self._check_hosts(str(seen.host), asked.get("host"))
        self._conductor.begin_action(
            req.context, uuid=seen.uuid, action=EVACUATE, event="rebuild_server",
            vm_states=STATES, task_state=TaskState.REBUILDING,
            arguments={"target_host": asked.get("host")}, is_overtaking=True,
        )  # fmt: skip
        return {"adminPass": asked.get("adminPass") or secrets.token_urlsafe(9)}

    def _get(self, req: Request, uuid: str, action: str) -> Instance:
        seen = instances.get_instance(self._db, uuid, project_id=visible_project(req.context))
        if seen.host is None:
            raise InstanceInvalidState.of(
                seen.uuid, action=action, attribute="vm_state", state=seen.vm_state
            )
        return seen

    def _check_hosts(self, source: str, target: str | None) -> None:
        """Raise Invalid or NotFound unless source is down and target another host, if given."""
        computes: dict[str, ServiceRecord] = {
            service.host: service
            for service in hosts.list_services(self._db)
            if service.binary == "nova-compute"
        }
        if target is not None and target not in computes:
            raise NotFound(f"Compute host {target} not found.", kind="host")
        if target == source:
            raise Invalid("The target host can't be the same one.")
        if source in computes and computes[source].is_up(utcnow(), self._down_time_s):
            raise Invalid(f"Compute service of {source} is still in use.")
