"""Volumes: create, list, show, change, delete, and their metadata."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from devstack_lite.clients.image import ImageClient
from devstack_lite.clock import utcnow
from devstack_lite.db import volume_attachments, volume_snapshots, volume_types, volumes
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid, NotFound, QuotaExceeded
from devstack_lite.objects.volume import Volume
from devstack_lite.wsgi.faults import HttpError
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import api
from devstack_lite.wsgi.versions import ApiVersion
from services.conductor.rpcapi.volumes import VolumesAPI
from services.volume import backend, schemas, views
from services.volume.access import require_writer
from services.volume.filters import next_link, project_of, volume_filter
from services.volume.image_data import find_image, image_metadata

_WITH_COUNT = ApiVersion(3, 45)
_ABSENT = {"backup_id": "Backup", "group_id": "Group",
           "consistencygroup_id": "ConsistencyGroup"}  # fmt: skip
"""What a volume could be made from elsewhere; there are none of these here."""


def get_own(db: Database, req: Request, volume_id: str) -> Volume:
    """Return a volume that the caller may see, and change if it asks for that.

    Raises NotFound; Forbidden for who may only read.
    """
    found = volumes.get_volume(db, volume_id, project_id=project_of(req))
    if req.method != "GET":
        require_writer(req)
    return found


@contextmanager
def over_limit() -> Iterator[None]:
    """Answer an exceeded quota as Cinder does: 413."""
    try:
        yield
    except QuotaExceeded as error:
        raise HttpError(413, error.message, {"Retry-After": "0"}) from error


class VolumesController:
    """/volumes."""

    def __init__(
        self, db: Database, conductor: VolumesAPI, image: ImageClient, *, max_limit: int
    ) -> None:
        self._db = db
        self._conductor = conductor
        self._image = image
        self._max_limit = max_limit

    def index(self, req: Request) -> dict[str, Any]:
        """List volumes by id and name, a page at a time."""
        found, body = self._page(req, "/volumes")
        return {"volumes": [views.summary(req, volume) for volume in found], **body}

    def detail(self, req: Request) -> dict[str, Any]:
        """List whole volumes, a page at a time."""
        found, body = self._page(req, "/volumes/detail")
        attached = volume_attachments.attachments_of(self._db, [volume.id for volume in found])
        type_ids = self._type_ids()
        shown = [views.detail(req, volume, attached[volume.id], type_ids) for volume in found]
        return {"volumes": shown, **body}

    def _page(self, req: Request, path: str) -> tuple[list[Volume], dict[str, Any]]:
        wanted = volume_filter(req, max_limit=self._max_limit)
        found = volumes.list_volumes(self._db, wanted) if wanted.limit else []
        body: dict[str, Any] = {}
        if found and len(found) == wanted.limit:
            body["volumes_links"] = next_link(req, path, found[-1].id)
        asked = req.GET.get("with_count", "").lower() in {"1", "true"}
        if asked and req.api_version >= _WITH_COUNT:
            body["count"] = self._count(wanted)
        return found, body

    def _count(self, wanted: volumes.VolumeFilter) -> int:
        if not wanted.metadata:
            return volumes.sum_volumes(self._db, wanted)[0]
        everything = dataclasses.replace(wanted, marker=None, offset=0, limit=2**31)
        return len(volumes.list_volumes(self._db, everything))

    @api(since="3.12")
    def summary(self, req: Request) -> dict[str, Any]:
        """Count volumes and add up their sizes."""
        wanted = volume_filter(req, max_limit=self._max_limit)
        count, size_gb = volumes.sum_volumes(self._db, wanted)
        shown: dict[str, Any] = {"total_count": count, "total_size": size_gb}
        if req.api_version >= ApiVersion(3, 36):
            everything = dataclasses.replace(wanted, marker=None, offset=0, limit=2**31)
            values: dict[str, set[str]] = {}
            for volume in volumes.list_volumes(self._db, everything):
                for key, value in volume.metadata.items():
                    values.setdefault(key, set()).add(value)
            shown["metadata"] = {key: sorted(found) for key, found in values.items()}
        return {"volume-summary": shown}

    def show(self, req: Request, volume_id: str) -> dict[str, Any]:
        """Show one volume."""
        return self._shown(req, get_own(self._db, req, volume_id))

    def _shown(self, req: Request, volume: Volume) -> dict[str, Any]:
        attached = volume_attachments.attachments_of(self._db, [volume.id])[volume.id]
        return {"volume": views.detail(req, volume, attached, self._type_ids())}

    def _type_ids(self) -> dict[str, str]:
        return {one.name: one.id for one in volume_types.list_types(self._db)}

    # -------------------------------------------------------------------------------- create

    @api(status=202, body=schemas.CREATE)
    def create(self, req: Request, body: dict[str, Any]) -> Reply:
        """Record a volume. The answer says creating, as it was asked for; it is ready by then."""
        require_writer(req)
        asked = body["volume"]
        for key, kind in _ABSENT.items():
            if asked.get(key):
                raise NotFound(f"{kind} {asked[key]} could not be found.", kind=kind.lower())
        volume = self._new_volume(req, asked)
        if asked.get("snapshot_id"):
            volume = self._from_snapshot(req, volume, asked["snapshot_id"])
        elif asked.get("source_volid"):
            volume = self._from_volume(req, volume, asked["source_volid"])
        elif asked.get("imageRef"):
            volume = self._from_image(req, volume, asked["imageRef"])
        if volume.size_gb < 1:
            raise Invalid(
                f"Invalid input received: Volume size '{volume.size_gb}' must be an integer and"
                " greater than 0"
            )
        if not volume.volume_type:
            default = volume_types.find_type(self._db, volume_types.DEFAULT.id)
            volume = dataclasses.replace(volume, volume_type=default.name)
        if volume_types.is_multiattach(volume_types.find_type(self._db, volume.volume_type)):
            volume = dataclasses.replace(volume, multiattach=True)
        with over_limit():
            made = self._conductor.create_volume(req.context, volume=volume, quota=backend.QUOTA)
        made = dataclasses.replace(made, status="creating")
        shown = views.plain(req, made, self._type_ids())
        return Reply(body={"volume": shown}, status=202)

    def _new_volume(self, req: Request, asked: dict[str, Any]) -> Volume:
        zone = asked.get("availability_zone") or backend.AVAILABILITY_ZONE
        if zone != backend.AVAILABILITY_ZONE:
            raise Invalid(f"Invalid input received: Availability zone '{zone}' is invalid.")
        size_gb = int(asked.get("size") or 0)
        if size_gb > schemas.MAX_SIZE_GB:
            raise Invalid(f"Invalid input received: Volume size '{size_gb}' is too large")
        return Volume(
            id=str(uuid.uuid4()),
            project_id=str(req.context.project_id),
            user_id=str(req.context.user_id),
            size_gb=size_gb,
            name=asked.get("name") or asked.get("display_name"),
            description=asked.get("description") or asked.get("display_description"),
            volume_type=self._type_name(req, asked.get("volume_type")),
            availability_zone=zone,
            multiattach=str(asked.get("multiattach", False)).lower() == "true",
            metadata=asked.get("metadata") or {},
            created_at=utcnow(),
        )

    def _type_name(self, req: Request, wanted: str | None) -> str:
        """Return the name of the type wanted; empty when none is."""
        if not wanted:
            return ""
        return volume_types.find_type(self._db, wanted, project_id=project_of(req)).name

    def _from_volume(self, req: Request, volume: Volume, source_id: str) -> Volume:
        source = get_own(self._db, req, source_id)
        if source.status not in {"available", "in-use"}:
            raise Invalid("Invalid volume: Invalid volume status to be cloned.", kind="volume")
        size_gb = volume.size_gb or source.size_gb
        if size_gb < source.size_gb:
            raise Invalid(
                f"Invalid input received: Volume size '{size_gb}'GB cannot be smaller than"
                f" original volume size {source.size_gb}GB. They must be >= original volume size."
            )
        return dataclasses.replace(
            volume,
            size_gb=size_gb,
            source_volid=source.id,
            volume_type=volume.volume_type or source.volume_type,
            bootable=source.bootable,
            image_id=source.image_id,
            image_metadata=source.image_metadata,
        )

    def _from_snapshot(self, req: Request, volume: Volume, snapshot_id: str) -> Volume:
        source = volume_snapshots.get_snapshot(self._db, snapshot_id, project_id=project_of(req))
        if source.status != "available":
            raise Invalid(
                "Invalid snapshot: Originating snapshot status must be one of 'available' values",
                kind="snapshot",
            )
        size_gb = volume.size_gb or source.size_gb
        if size_gb < source.size_gb:
            raise Invalid(
                f"Invalid input received: Volume size '{size_gb}'GB cannot be smaller than the"
                f" snapshot size {source.size_gb}GB. They must be >= original snapshot size."
            )
        return dataclasses.replace(
            volume,
            size_gb=size_gb,
            snapshot_id=source.id,
            volume_type=volume.volume_type or self._type_of(source.volume_id),
            bootable=source.bootable,
            image_id=source.image_id,
            image_metadata=source.image_metadata,
        )

    def _type_of(self, volume_id: str) -> str:
        return volumes.get_volume(self._db, volume_id).volume_type

    def _from_image(self, req: Request, volume: Volume, image_id: str) -> Volume:
        image = find_image(self._image, req.context, image_id, size_gb=volume.size_gb)
        return dataclasses.replace(
            volume, bootable=True, image_id=image["id"], image_metadata=image_metadata(image)
        )

    def encryption(self, req: Request, volume_id: str, key: str | None = None) -> dict[str, Any]:
        """Return how a volume is encrypted: it is not."""
        get_own(self._db, req, volume_id)
        return {"encryption_key_id": None} if key is None else {}

    # -------------------------------------------------------------------------------- change

    @api(body=schemas.UPDATE)
    def update(self, req: Request, volume_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Change name, description, metadata."""
        volume = get_own(self._db, req, volume_id)
        asked = body["volume"]
        values = {
            name: asked.get(name, asked.get(f"display_{name}"))
            for name in ("name", "description")
            if name in asked or f"display_{name}" in asked
        }
        if values:
            volume = self._conductor.update_volume(req.context, volume_id=volume.id, values=values)
        if asked.get("metadata") is not None:
            volume = self._set_metadata(req, volume_id, asked["metadata"], is_replacing=True)
        return {"volume": views.plain(req, volume, self._type_ids())}

    @api(status=202)
    def delete(self, req: Request, volume_id: str) -> None:
        """Remove a volume; forced, in any state; cascading, with its snapshots."""
        volume = get_own(self._db, req, volume_id)
        is_forced = req.GET.get("force", "").lower() in {"1", "true"} and (
            req.api_version >= ApiVersion(3, 23) and bool(req.context.is_admin)
        )
        self._conductor.delete_volume(
            req.context,
            volume_id=volume.id,
            is_forced=is_forced,
            is_cascading=req.GET.get("cascade", "").lower() in {"1", "true"},
        )

    # ------------------------------------------------------------------------------ metadata

    def _set_metadata(
        self,
        req: Request,
        volume_id: str,
        items: dict[str, str],
        *,
        removed: tuple[str, ...] = (),
        is_replacing: bool = False,
    ) -> Volume:
        return self._conductor.update_map(
            req.context,
            volume_id=get_own(self._db, req, volume_id).id,
            name="metadata",
            items=items,
            removed=list(removed),
            is_replacing=is_replacing,
        )

    def list_metadata(self, req: Request, volume_id: str) -> dict[str, Any]:
        """Return a volume's metadata."""
        return {"metadata": dict(get_own(self._db, req, volume_id).metadata)}

    @api(body=schemas.SET_METADATA)
    def add_metadata(self, req: Request, volume_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Merge items into the metadata."""
        return {"metadata": self._set_metadata(req, volume_id, body["metadata"]).metadata}

    @api(body=schemas.SET_METADATA)
    def replace_metadata(
        self, req: Request, volume_id: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Put items in the metadata's place."""
        volume = self._set_metadata(req, volume_id, body["metadata"], is_replacing=True)
        return {"metadata": volume.metadata}

    def show_meta(self, req: Request, volume_id: str, key: str) -> dict[str, Any]:
        """Return one item."""
        metadata = get_own(self._db, req, volume_id).metadata
        if key not in metadata:
            raise NotFound(f"Volume {volume_id} has no metadata with key {key}.")
        return {"meta": {key: metadata[key]}}

    @api(body=schemas.SET_META)
    def set_meta(
        self, req: Request, volume_id: str, key: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Set one item."""
        if set(body["meta"]) != {key}:
            raise Invalid("Request body and URI mismatch")
        self._set_metadata(req, volume_id, body["meta"])
        return {"meta": body["meta"]}

    def delete_meta(self, req: Request, volume_id: str, key: str) -> None:
        """Remove one item."""
        self._set_metadata(req, volume_id, {}, removed=(key,))
