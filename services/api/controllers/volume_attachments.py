"""/servers/{id}/os-volume_attachments."""

from __future__ import annotations

import uuid

from devstack_lite.db import device_tags, instances, volumes
from devstack_lite.db import volume_attachments as attachments
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Conflict, InstanceInvalidState, Invalid, NotFound
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.objects.volume import VolumeAttachment
from devstack_lite.states import VmState
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import api
from services.api.asking import ask_host_for_change
from services.api.paging import page_offset, page_size
from services.api.policy import authorize, visible_project
from services.api.schemas import queries
from services.api.schemas import volume_attachments as schemas
from services.api.schemas.parameters import is_true
from services.compute.rpcapi import ComputeAPI
from services.conductor.rpcapi.devices import DevicesAPI

RULE = "os_compute_api:os-volumes-attachments"
_SHELVED = frozenset({VmState.SHELVED, VmState.SHELVED_OFFLOADED})


class VolumeAttachmentsController:
    """A server's volumes. Both changes are under way when they are answered."""

    def __init__(
        self, db: Database, conductor: DevicesAPI, compute: ComputeAPI, *, max_limit: int
    ) -> None:
        self._db = db
        self._conductor = conductor
        self._compute = compute
        self._max_limit = max_limit

    @api(query=queries.ATTACHMENTS)
    def index(self, req: Request, server_id: str) -> Json:
        """List a server's volumes."""
        instance = self._get(req, server_id, f"{RULE}:index")
        found = attachments.list_attachments(
            self._db,
            equals=(("instance_uuid", instance.uuid),),
            limit=page_size(req, self._max_limit),
            offset=page_offset(req),
        )
        tags = device_tags.list_tags(self._db, instance.uuid) if req.since(2, 70) else {}
        return {"volumeAttachments": [_view(req, one, tags.get(one.volume_id)) for one in found]}

    @api(query=queries.ANYTHING)
    def show(self, req: Request, server_id: str, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one by the volume's id."""
        instance = self._get(req, server_id, f"{RULE}:show")
        return {"volumeAttachment": self._shown(req, self._attachment(instance, id))}

    @api(body=schemas.create)
    def create(self, req: Request, server_id: str, body: Json) -> Json | Reply:
        """Attach a volume. A name that it shall have is passed over, as with libvirt.

        Answered with the attachment up to 2.100, and then with 202 alone.
        """
        instance = self._get(req, server_id, f"{RULE}:create")
        _require_version(req, instance, "attach_volume")
        asked = body["volumeAttachment"]
        volume_id = asked["volumeId"]
        volume = volumes.get_volume(self._db, volume_id, project_id=visible_project(req.context))
        if volume.multiattach and not req.since(2, 60):
            raise Invalid(
                "Multiattach volumes are only supported starting with compute API version 2.60."
            )
        if volume.multiattach and instance.vm_state is VmState.SHELVED_OFFLOADED:
            raise Invalid(
                "Attaching multiattach volumes is not supported for shelved-offloaded instances."
            )
        is_removed_with_it = is_true(asked.get("delete_on_termination"))
        change = self._conductor.begin_attach_volume(
            req.context,
            uuid=instance.uuid,
            change_id=str(uuid.uuid4()),
            tag=asked.get("tag"),
            attachment=VolumeAttachment(
                id=str(uuid.uuid4()), volume_id=volume.id, instance_uuid=instance.uuid,
                delete_on_termination=is_removed_with_it,
            ),
        )  # fmt: skip
        ask_host_for_change(self._compute, req.context, instance, change)
        if req.since(2, 101):
            return Reply(status=202)
        shown: Json = {
            "id": volume.id, "volumeId": volume.id, "serverId": instance.uuid,
            "device": change.arguments.get("device"),
        }  # fmt: skip
        if req.since(2, 70):
            shown["tag"] = asked.get("tag")
        if req.since(2, 79):
            shown["delete_on_termination"] = is_removed_with_it
        return {"volumeAttachment": shown}

    @api(status=202, body=schemas.update)
    def update(self, req: Request, server_id: str, id: str, body: Json) -> None:  # noqa: A002
        """Change from 2.85 on whether a volume goes with its server.

        Another volume in its place is what only a migration of volumes asks for, which is not
        offered here: that is refused, as Nova does outside of one.
        """
        asked = body["volumeAttachment"]
        is_swap = asked["volumeId"] != id or not req.since(2, 85)
        instance = self._get(req, server_id, f"{RULE}:{'swap' if is_swap else 'update'}")
        there = self._attachment(instance, id)
        if is_swap:
            raise Conflict(
                f"Volume {id} is not migrating: this API should only be called by Cinder.",
                kind="volume",
            )
        shown = self._shown(req, there)
        for key in ("device", "tag", "serverId", "id"):
            if asked.get(key, shown.get(key)) != shown.get(key) and key in shown:
                raise Invalid(f"The {key} of a volume attachment cannot be changed.")
        if "delete_on_termination" in asked:
            is_ending = is_true(asked["delete_on_termination"])
            self._conductor.keep_volume(
                req.context, uuid=instance.uuid, volume_id=id, is_kept=not is_ending
            )

    @api(status=202)
    def delete(self, req: Request, server_id: str, id: str) -> None:  # noqa: A002
        """Detach a volume."""
        instance = self._get(req, server_id, f"{RULE}:delete")
        _require_version(req, instance, "detach_volume")
        if self._attachment(instance, id).boot_index == 0:
            raise Invalid("Cannot detach a root device volume")
        change = self._conductor.begin_detach_volume(
            req.context, uuid=instance.uuid, change_id=str(uuid.uuid4()), volume_id=id
        )
        ask_host_for_change(self._compute, req.context, instance, change)

    def _get(self, req: Request, server_id: str, rule: str) -> Instance:
        """Return a server that the caller may do this to. Raises NotFound, Forbidden."""
        found = instances.get_instance(self._db, server_id, project_id=visible_project(req.context))
        authorize(req.context, rule, project_id=found.project_id)
        return found

    def _shown(self, req: Request, attachment: VolumeAttachment) -> Json:
        tags = device_tags.list_tags(self._db, attachment.instance_uuid)
        return _view(req, attachment, tags.get(attachment.volume_id))

    def _attachment(self, instance: Instance, volume_id: str) -> VolumeAttachment:
        pair = (("instance_uuid", instance.uuid), ("volume_id", volume_id))
        found = attachments.list_attachments(self._db, equals=pair)
        if not found:
            raise NotFound(
                f"Instance {instance.uuid} is not attached to volume {volume_id}",
                kind="attachment",
            )
        return found[0]


def _require_version(req: Request, instance: Instance, action: str) -> None:
    """Raise InstanceInvalidState for a shelved server before 2.20."""
    if instance.vm_state in _SHELVED and not req.since(2, 20):
        raise InstanceInvalidState.of(
            instance.uuid, action=action, attribute="vm_state", state=instance.vm_state
        )


def _view(req: Request, attachment: VolumeAttachment, tag: str | None) -> Json:
    shown: Json = {
        "id": attachment.volume_id,
        "volumeId": attachment.volume_id,
        "serverId": attachment.instance_uuid,
        "device": attachment.mountpoint,
    }
    if req.since(2, 70):
        shown["tag"] = tag
    if req.since(2, 79):
        shown["delete_on_termination"] = attachment.delete_on_termination
    if req.since(2, 89):
        del shown["id"]
        shown["attachment_id"] = shown["bdm_uuid"] = attachment.id
    return shown
