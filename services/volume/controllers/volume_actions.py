"""POST /volumes/{id}/action: attaching and detaching as Nova does it, and what users change."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import volume_snapshots, volume_types
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.objects.volume import Volume, VolumeAttachment
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.volume_snapshots import VolumeSnapshotsAPI
from services.conductor.rpcapi.volumes import VolumesAPI
from services.volume import backend, schemas
from services.volume.access import check_admin
from services.volume.controllers.volumes import get_own, over_limit
from services.volume.filters import project_of


class VolumeActions:
    """The actions; each is one call to the conductor, which compares and sets."""

    def __init__(self, db: Database, conductor: VolumesAPI, snapshots: VolumeSnapshotsAPI) -> None:
        self._db = db
        self._conductor = conductor
        self._snapshots = snapshots

    def _move(
        self, req: Request, volume_id: str, status: str, *from_statuses: str, action: str
    ) -> None:
        self._conductor.move_volume(
            req.context,
            volume_id=get_own(self._db, req, volume_id).id,
            status=status,
            from_statuses=list(from_statuses),
            action=action,
        )

    @api(action="os-reserve", status=202)
    def reserve(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Keep a volume for an instance that will have it."""
        volume = get_own(self._db, req, volume_id)
        if volume.status != "available":
            raise Invalid(
                f"Invalid volume: Volume status must be available to reserve, but the status is"
                f" {volume.status}.", kind="volume",
            )  # fmt: skip
        self._move(req, volume_id, "reserved", "available", action="reserve")

    @api(action="os-unreserve", status=202)
    def unreserve(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Undo os-reserve; the attachments decide what the volume is then."""
        volume = get_own(self._db, req, volume_id)
        if volume.status in {"reserved", "attaching"}:
            self._conductor.settle_volume(req.context, volume_id=volume.id)

    @api(action="os-begin_detaching", status=202)
    def begin_detaching(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Say that an instance is about to lose the volume."""
        self._move(req, volume_id, "detaching", "in-use", action="detach")

    @api(action="os-roll_detaching", status=202)
    def roll_detaching(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Undo os-begin_detaching; in any other state do nothing, as Cinder."""
        volume = get_own(self._db, req, volume_id)
        if volume.status == "detaching":
            self._conductor.settle_volume(req.context, volume_id=volume.id)

    @api(action="os-attach", status=202, body=schemas.ATTACH)
    def attach(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Record that an instance, or a host, has the volume."""
        asked = body["os-attach"]
        volume = get_own(self._db, req, volume_id)
        attachment = VolumeAttachment(
            id=str(uuid.uuid4()),
            volume_id=volume.id,
            instance_uuid=asked.get("instance_uuid", ""),
            status="attached",
            mountpoint=asked["mountpoint"],
            attached_host=asked.get("host_name"),
            attach_mode=asked.get("mode", "rw"),
        )
        self._conductor.create_attachment(req.context, attachment=attachment, is_reserved=True)

    @api(action="os-detach", status=202, body=schemas.DETACH)
    def detach(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Record that an instance has the volume no more."""
        self._detach(req, volume_id, body["os-detach"])

    @api(action="os-force_detach", status=202, body=schemas.FORCE_DETACH)
    def force_detach(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Do what os-detach does, for administrators."""
        check_admin(req, "volume_extension:volume_admin_actions")
        self._detach(req, volume_id, body["os-force_detach"])

    def _detach(self, req: Request, volume_id: str, asked: dict[str, Any] | None) -> None:
        volume = get_own(self._db, req, volume_id)
        attachment_id = (asked or {}).get("attachment_id")
        self._conductor.detach_volume(req.context, volume_id=volume.id, attachment_id=attachment_id)

    @api(action="os-initialize_connection", body=schemas.INITIALIZE_CONNECTION)
    def initialize_connection(
        self, req: Request, volume_id: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Return how a host reaches the volume. Nothing is recorded."""
        volume = get_own(self._db, req, volume_id)
        return {
            "connection_info": {
                "driver_volume_type": backend.DRIVER_VOLUME_TYPE,
                "data": backend.connection_data(volume.id, mode="rw"),
            }
        }

    @api(action="os-terminate_connection", status=202, body=schemas.TERMINATE_CONNECTION)
    def terminate_connection(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """End a host's connection: there was nothing to open, so there is nothing to close."""
        get_own(self._db, req, volume_id)

    @api(action="os-extend", status=202, body=schemas.EXTEND)
    def extend(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Make a volume larger."""
        volume = get_own(self._db, req, volume_id)
        size_gb = int(body["os-extend"]["new_size"])
        if size_gb <= volume.size_gb or size_gb > schemas.MAX_SIZE_GB:
            raise Invalid(
                "Invalid input received: New size for extend must be greater than current size."
                f" (current: {volume.size_gb}, extended: {size_gb})."
            )
        with over_limit():
            self._conductor.extend_volume(
                req.context, volume_id=volume.id, size_gb=size_gb, quota=backend.QUOTA
            )

    @api(action="revert", status=202, since="3.40", body=schemas.REVERT)
    def revert(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Put the volume back to its latest snapshot."""
        volume = get_own(self._db, req, volume_id)
        snapshot = volume_snapshots.get_snapshot(
            self._db, body["revert"]["snapshot_id"], project_id=project_of(req)
        )
        self._snapshots.revert_volume(req.context, volume_id=volume.id, snapshot_id=snapshot.id)

    @api(action="os-retype", status=202, body=schemas.RETYPE)
    def retype(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Give a volume another type."""
        volume = get_own(self._db, req, volume_id)
        if volume.status not in {"available", "in-use"}:
            raise Invalid(
                "Invalid volume: Volume must be in-use or available to retype, but it is"
                f" {volume.status}.", kind="volume",
            )  # fmt: skip
        wanted = body["os-retype"]["new_type"]
        try:
            found = volume_types.find_type(self._db, wanted, project_id=project_of(req))
        except NotFound as error:
            raise Invalid(f"Invalid volume type: {error.message}") from error
        if found.name == volume.volume_type:
            raise Invalid("Invalid input received: New volume type same as original.")
        self._conductor.update_volume(
            req.context, volume_id=volume.id, values={"volume_type": found.name}
        )

    @api(action="os-set_bootable", body=schemas.SET_BOOTABLE)
    def set_bootable(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Say whether an instance can boot from it."""
        volume = get_own(self._db, req, volume_id)
        values = {"bootable": _is_true(body["os-set_bootable"]["bootable"])}
        self._conductor.update_volume(req.context, volume_id=volume.id, values=values)

    @api(action="os-update_readonly_flag", status=202, body=schemas.SET_READONLY)
    def set_readonly(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Say whether it may be written; the flag stands in the metadata, as in Cinder."""
        volume = get_own(self._db, req, volume_id)
        if volume.status != "available":
            raise Invalid(
                "Invalid volume: Volume must be available to update the read-only flag, but it is"
                f" {volume.status}.", kind="volume",
            )  # fmt: skip
        flag = str(_is_true(body["os-update_readonly_flag"]["readonly"]))
        self._change_map(req, volume, "metadata", {"readonly": flag})

    @api(action="os-reset_status", status=202, body=schemas.RESET_STATUS)
    def reset_status(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Put a volume into any state; for administrators."""
        check_admin(req, "volume_extension:volume_admin_actions")
        self._move(req, volume_id, body["os-reset_status"]["status"], action="reset")

    @api(action="os-force_delete", status=202)
    def force_delete(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Remove a volume in any state, with its attachments; for administrators."""
        check_admin(req, "volume_extension:volume_admin_actions")
        volume = get_own(self._db, req, volume_id)
        self._conductor.delete_volume(req.context, volume_id=volume.id, is_forced=True)

    def _change_map(
        self,
        req: Request,
        volume: Volume,
        name: str,
        items: dict[str, str],
        removed: tuple[str, ...] = (),
    ) -> Volume:
        return self._conductor.update_map(
            req.context,
            volume_id=volume.id,
            name=name,
            items=items,
            removed=list(removed),
            is_replacing=False,
        )

    @api(action="os-set_image_metadata", body=schemas.SET_IMAGE_METADATA)
    def set_image_metadata(
        self, req: Request, volume_id: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Merge items into what the volume keeps of its image."""
        volume = get_own(self._db, req, volume_id)
        items = body["os-set_image_metadata"]["metadata"]
        return {"metadata": self._change_map(req, volume, "image_metadata", items).image_metadata}

    @api(action="os-show_image_metadata")
    def show_image_metadata(
        self, req: Request, volume_id: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Return what the volume keeps of its image."""
        return {"metadata": dict(get_own(self._db, req, volume_id).image_metadata)}

    @api(action="os-unset_image_metadata", body=schemas.UNSET_IMAGE_METADATA)
    def unset_image_metadata(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Remove an item of what the volume keeps of its image."""
        volume = get_own(self._db, req, volume_id)
        key = body["os-unset_image_metadata"]["key"]
        self._change_map(req, volume, "image_metadata", {}, (key,))


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"
