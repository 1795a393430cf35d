"""Actions that build a server anew: where it is, or elsewhere when its host is gone."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from devstack_lite.clock import utcnow
from devstack_lite.db import (
    hosts,
    keypairs,
    server_groups,
    server_network,
    tags,
    volume_attachments,
    volume_reads,
    volumes,
)
from devstack_lite.db.operations import EVACUATE
from devstack_lite.exceptions import Invalid, NotFound, QuotaExceeded
from devstack_lite.numa.wanted import wanted_topology
from devstack_lite.objects.compute import Instance, ServiceRecord
from devstack_lite.objects.registry import Json
from devstack_lite.objects.volume import Volume, VolumeAttachment
from devstack_lite.states import TaskState, VmState
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import api
from services.api.boot import usable_image
from services.api.controllers.server_actions.asking import Asking, HostAction
from services.api.host_states import host_states
from services.api.personality import injected_files
from services.api.schemas import server_bodies as schemas
from services.api.schemas.parameters import is_true
from services.api.views import servers as views

STATES = (VmState.ACTIVE, VmState.STOPPED, VmState.ERROR)
REBUILD = HostAction(
    name="rebuild", event="compute_rebuild_instance", rule="os_compute_api:servers:rebuild",
    vm_states=STATES, task_state=TaskState.REBUILDING,
)  # fmt: skip
EVACUATION = HostAction(
    name=EVACUATE, event="rebuild_server", rule="os_compute_api:os-evacuate",
    vm_states=STATES, task_state=TaskState.REBUILDING, is_for_admins=True, is_overtaking=True,
)  # fmt: skip


class RebuildsController:
    """POST /servers/{id}/action with rebuild or evacuate."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._db = asking.db

    @api(status=202, action="rebuild", body=schemas.rebuild)
    def rebuild(self, req: Request, id: str, body: Json) -> Reply:  # noqa: A002 - the route's name
        """Build a server anew from an image, with the ports, volumes and id that it has.

        One that boots from a volume gets the image there, from 2.93 on.
        """
        asked = body["rebuild"]
        seen = self._asking.get_built(req, id, REBUILD)
        root = None if seen.image_ref else self._root_volume(seen)
        image = usable_image(
            self._db, req.context, asked["imageRef"], seen.flavor,
            volume_gb=None if root is None else root.size_gb,
        )  # fmt: skip
        arguments = {} if root is None else _reimage(req, root, image["id"])
        self._check_volumes(seen)
        _check_cells(seen, image.get("properties") or {})
        limits = self._asking.quotas.of(seen.project_id)
        if 0 <= limits["metadata_items"] < len(asked.get("metadata", ())):
            raise QuotaExceeded("Quota exceeded, too many metadata items.")
        changes: Json = {
            "image_ref": image["id"] if root is None else "",
            "boot_request": {
                **seen.boot_request, "image_properties": image.get("properties") or {},
                "injected_files": list(injected_files(asked, limits)),
            },
        }  # fmt: skip
        for key, column in (
            ("name", "name"), ("metadata", "metadata"), ("accessIPv4", "access_ip_v4"),
            ("accessIPv6", "access_ip_v6"), ("description", "description"),
            ("hostname", "hostname"), ("user_data", "user_data"),
        ):  # fmt: skip
            if key in asked:
                changes[column] = asked[key].strip() if key == "name" else asked[key]
        if "OS-DCF:diskConfig" in asked:
            changes["auto_disk_config"] = asked["OS-DCF:diskConfig"] == "AUTO"
        if "key_name" in asked:
            changes |= self._key(req, changes["boot_request"], asked["key_name"])
        instance = self._asking.begin(req, id, REBUILD, arguments=arguments, changes=changes)
        shown = self._shown(req, instance)
        shown["adminPass"] = asked.get("adminPass") or secrets.token_urlsafe(9)
        return Reply(body={"server": shown}, status=202, headers={
            "Location": shown["links"][0]["href"],
        })  # fmt: skip

    def _root_volume(self, seen: Instance) -> Volume:
        """Return the volume that a server boots from. Raises Invalid when there is none."""
        for one in self._attachments(seen):
            if one.boot_index == 0:
                return volumes.get_volume(self._db, one.volume_id)
        raise Invalid("Unable to find root block device mapping for volume-backed instance.")

    def _attachments(self, seen: Instance) -> Sequence[VolumeAttachment]:
        pair = (("instance_uuid", seen.uuid),)
        return volume_attachments.list_attachments(self._db, equals=pair)

    def _check_volumes(self, seen: Instance) -> None:
        """Raise Invalid unless a server's volumes are in use, or what a failure left of them."""
        allowed = {"in-use"}
        if seen.vm_state is VmState.ERROR:
            allowed |= {"reserved", "attaching"}
        for one in self._attachments(seen):
            volume = volumes.get_volume(self._db, one.volume_id)
            if volume.status not in allowed:
                raise Invalid(
                    f"Invalid volume: volume '{volume.id}' status must be 'in-use'. Currently in"
                    f" '{volume.status}' status"
                )

    def _shown(self, req: Request, instance: Instance) -> Json:
        attached = volume_reads.attached_volumes(self._db, [instance.uuid])
        beside = views.Beside(
            volumes=attached.get(instance.uuid, ()),
            tags=tags.tags_of(self._db, [instance.uuid]).get(instance.uuid, ()),
            group_ids=server_groups.groups_of(self._db, instance.uuid),
            network=server_network.read_network(self._db, [instance]),
            host_status=host_states(
                self._db, req, down_time_s=self._asking.conf.service_down_time_s
            )(instance),
        )
        also = ("key_name",) if req.since(2, 54) else ()
        shown = views.changed(req, views.full(req, instance, beside), also=also)
        if req.since(2, 57):
            # Once, and not by the name that administrators know it by elsewhere.
            shown.pop("OS-EXT-SRV-ATTR:user_data", None)
            shown["user_data"] = instance.user_data
        return shown

    def _key(self, req: Request, boot_request: Json, name: str | None) -> Json:
        key_data = None
        if name is not None:
            user_id = str(req.context.user_id)
            try:
                found = keypairs.get_keypair(self._db, user_id=user_id, name=name)
            except NotFound as error:
                raise Invalid(error.message) from error
            key_data = found.public_key
        return {"key_name": name, "boot_request": {**boot_request, "key_data": key_data}}

    @api(action="evacuate", body=schemas.evacuate)
    def evacuate(self, req: Request, id: str, body: Json) -> Json | None:  # noqa: A002
        """Build a server anew on another host, when its own is down; from 2.95 on off there."""
        asked = body["evacuate"]
        seen = self._asking.get_built(req, id, EVACUATION)
        if asked.get("host") is None and is_true(asked.get("force")):
            raise Invalid("Can't force to a non-provided destination")
        if "adminPass" in asked and is_true(asked.get("onSharedStorage")):
            raise Invalid("admin password can't be changed on existing disk")
        self._check_hosts(str(seen.host), asked.get("host"))
        arguments = {"target_host": asked.get("host"), "is_stopped": req.since(2, 95)}
        self._asking.begin(req, id, EVACUATION, arguments=arguments)
        if req.since(2, 14):
            return None
        return {"adminPass": asked.get("adminPass") or secrets.token_urlsafe(9)}

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
        if source in computes and computes[source].is_up(
            utcnow(), self._asking.conf.service_down_time_s
        ):
            raise Invalid(f"Compute service of {source} is still in use.")


def _reimage(req: Request, root: Volume, image_id: str) -> Json:
    """Return what the rebuild of a server that boots from a volume needs to know.

    Raises Invalid when another image would have to be written to it, before 2.93.
    """
    if req.since(2, 93):
        return {"reimage": {"volume_id": root.id, "image_id": image_id}}
    if root.image_metadata.get("image_id") != image_id:
        raise Invalid(
            f"Image {image_id} is unacceptable: Unable to rebuild with a different image for a"
            " volume-backed server."
        )
    return {}


def _check_cells(seen: Instance, properties: Json) -> None:
    """Raise Invalid when an image wants other NUMA cells than the server has."""
    before = seen.boot_request.get("image_properties") or {}
    if wanted_topology(seen.flavor, before) != wanted_topology(seen.flavor, properties):
        raise Invalid(
            "An instance's NUMA topology cannot be changed as part of a rebuild. The image provided"
            " is invalid for this instance."
        )
