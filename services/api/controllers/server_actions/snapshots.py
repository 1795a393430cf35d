"""createImage, createBackup, shelve: images made of servers."""

from __future__ import annotations

from devstack_lite.clients.image import ImageClient
from devstack_lite.context import RequestContext
from devstack_lite.db import images
from devstack_lite.exceptions import DevstackError, Invalid, NotFound, QuotaExceeded, Unavailable
from devstack_lite.names import snapshot_id_of
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import TaskState, VmState
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.server_actions.asking import Asking, HostAction
from services.api.controllers.server_actions.volume_snapshots import MAPPING, VolumeSnapshots
from services.api.schemas import snapshots as schemas
from services.api.schemas.parameters import whole

STATES = (VmState.ACTIVE, VmState.STOPPED, VmState.PAUSED, VmState.SUSPENDED)
CREATE_IMAGE = HostAction(
    name="createImage", event="compute_snapshot_instance",
    rule="os_compute_api:servers:create_image",
    vm_states=STATES, task_state=TaskState.IMAGE_SNAPSHOT_PENDING,
)  # fmt: skip
CREATE_BACKUP = HostAction(
    name="createBackup", event="compute_backup_instance", rule="os_compute_api:os-create-backup",
    vm_states=STATES, task_state=TaskState.IMAGE_BACKUP,
)  # fmt: skip

SHELVE = HostAction(
    name="shelve", event="compute_shelve_instance", rule="os_compute_api:os-shelve:shelve",
    vm_states=STATES, task_state=TaskState.SHELVING,
)  # fmt: skip

NOT_INHERITED = frozenset(
    {
        "checksum", "container_format", "disk_format", "image_id", "image_name", "min_disk",
        "min_ram", "size", *MAPPING,
        "cache_in_nova", "bittorrent", "img_signature", "img_signature_hash_method",
        "img_signature_key_type", "img_signature_certificate_uuid",
    }
)  # fmt: skip
"""What a source image says of its own bytes alone: Nova's non_inheritable_image_properties, and
what a volume keeps of its image besides properties."""


class SnapshotsController:
    """An image is recorded at once, as queued; the server's host brings its data."""

    def __init__(
        self, asking: Asking, image: ImageClient, volumes: VolumeSnapshots, *, image_url: str
    ) -> None:
        self._asking = asking
        self._volumes = volumes
        self._image = image
        self._image_url = image_url

    @api(status=202, action="createImage", body=schemas.CREATE_IMAGE)
    def create_image(self, req: Request, id: str, body: Json) -> Reply:  # noqa: A002
        """Make an image of a server's disk, or an empty one that names its volumes' snapshots."""
        asked = body["createImage"]
        properties = {"image_type": "snapshot", **self._metadata(req, asked)}
        seen = self._asking.get_built(req, id, CREATE_IMAGE)
        if seen.image_ref:
            image_id = self._begin(req, id, CREATE_IMAGE, asked["name"], properties, {})
            return self._reply(req, image_id)
        self._asking.require_ready(seen, CREATE_IMAGE)
        with self._volumes.snapshots(req.context, seen, asked["name"]) as mapping:
            properties |= mapping
            image_id = self._begin(req, id, CREATE_IMAGE, asked["name"], properties, {})
        return self._reply(req, image_id)

    @api(status=202, action="createBackup", body=schemas.CREATE_BACKUP)
    def create_backup(self, req: Request, id: str, body: Json) -> Reply:  # noqa: A002
        """Make an image of a server's disk, and keep so many of its type; 0 keeps none."""
        asked = body["createBackup"]
        if not self._asking.get_built(req, id, CREATE_BACKUP).image_ref:
            raise Invalid("Backup is not supported for volume-backed instances.")
        rotation = whole(asked["rotation"])
        properties = {
            **self._metadata(req, asked), "image_type": "backup",
            "backup_type": asked["backup_type"],
        }  # fmt: skip
        more = {"backup_type": asked["backup_type"], "rotation": rotation}
        image_id = self._begin(req, id, CREATE_BACKUP, asked["name"], properties, more)
        return self._reply(req, image_id) if rotation else Reply(status=202)

    @api(status=202, action="shelve")
    def shelve(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Have a server off, with an image of its disk; it leaves its host, at once or later.

        One that was booted from a volume has no image, and leaves at once.
        """
        seen = self._asking.get_built(req, id, SHELVE)
        if not seen.image_ref:
            self._asking.begin(req, id, SHELVE, arguments={"is_offloaded": True})
            return
        more = {"is_offloaded": self._asking.conf.shelved_offload_time == 0}
        self._begin(req, id, SHELVE, f"{seen.name}-shelved", {"image_type": "snapshot"}, more)

    def _metadata(self, req: Request, asked: Json) -> Json:
        metadata: Json = asked.get("metadata", {})
        # From 2.39 on the image service's limit alone holds.
        if not req.since(2, 39) and len(metadata) > self._asking.conf.quota.metadata_items:
            raise QuotaExceeded("Image metadata limit exceeded")
        return metadata

    def _reply(self, req: Request, image_id: str) -> Reply:
        """Say which image it is: in the body from 2.45 on, before by its URL."""
        if req.since(2, 45):
            return Reply(body={"image_id": image_id}, status=202)
        return Reply(status=202, headers={"Location": f"{self._image_url}/v2/images/{image_id}"})

    def _begin(
        self, req: Request, uuid: str, action: HostAction, name: str, own: Json, more: Json
    ) -> str:
        """Note it, have the image recorded and ask the host for the data; return the image's id.

        In this order: the row tells the host which image to record if this worker dies, and
        whoever removes images that nobody fills knows this one by its id.
        """
        seen = self._asking.get_built(req, uuid, action)
        image_id = snapshot_id_of(seen.uuid, str(req.context.request_id))
        image = {
            **_inherited(seen), **own, "instance_uuid": seen.uuid, "user_id": str(seen.user_id),
            "base_image_ref": seen.image_ref, "image_location": "snapshot",
            "image_state": "available", "owner_id": seen.project_id,
            **self._attributes(seen), "id": image_id, "name": name.strip(),
        }  # fmt: skip
        instance = self._asking.note(
            req, seen, action, arguments={"image": image, "image_id": image_id, **more}
        )
        self._record(req.context, instance, action, image)
        self._asking.ask(req, instance)
        return image_id

    def _attributes(self, seen: Instance) -> Json:
        """Return what the image service shall check when a server is booted from the image."""
        try:
            source = images.get_image(self._asking.db, seen.image_ref)
        except NotFound:
            min_disk, min_ram = 0, 0
        else:
            min_disk, min_ram = source.min_disk, source.min_ram
        return {
            "visibility": "private", "disk_format": "raw", "container_format": "bare",
            "min_disk": max(min_disk, seen.flavor.root_gb), "min_ram": min_ram,
        }  # fmt: skip

    def _record(
        self, context: RequestContext, instance: Instance, action: HostAction, image: Json
    ) -> None:
        """Have the image recorded; an action whose image is refused ends, and nothing is left."""
        try:
            self._image.create_image(context, image)
        except Unavailable:
            return  # The host records it, now or when it is asked again.
        except DevstackError as error:
            self._asking.instances.finish_action(
                context, uuid=instance.uuid, action=action.name, attempt=instance.attempt,
                vm_state=instance.vm_state, power_state=instance.power_state, error=error.message,
            )  # fmt: skip
            raise


def _inherited(seen: Instance) -> Json:
    kept: Json = seen.boot_request.get("image_properties") or {}
    return {key: str(value) for key, value in kept.items() if key not in NOT_INHERITED}
