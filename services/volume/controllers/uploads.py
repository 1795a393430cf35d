"""Making images of volumes. Nothing is stored of a volume, so an image's data says which it was."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.clients.image import ImageClient
from devstack_lite.clock import to_micro
from devstack_lite.context import RequestContext
from devstack_lite.db import volume_types
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import DevstackError, Invalid
from devstack_lite.objects.volume import Volume
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from devstack_lite.wsgi.versions import ApiVersion
from services.volume import schemas
from services.volume.controllers.volumes import get_own

_WITH_VISIBILITY = ApiVersion(3, 1)
_OF_THE_FIRST_IMAGE = frozenset(
    {"image_id", "image_name", "checksum", "size", "container_format", "disk_format", "min_disk",
     "min_ram"}
)  # fmt: skip
"""What a volume keeps of its image that is no property of it."""


class VolumeUploads:
    """POST /volumes/{id}/action with os-volume_upload_image."""

    def __init__(self, db: Database, image: ImageClient) -> None:
        self._db = db
        self._image = image

    @api(action="os-volume_upload_image", status=202, body=schemas.UPLOAD_IMAGE)
    def upload_image(self, req: Request, volume_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make an image of a volume. Done when the answer is sent, which says uploading."""
        asked = body["os-volume_upload_image"]
        volume = get_own(self._db, req, volume_id)
        _check_state(volume, is_forced=str(asked.get("force", False)).lower() == "true")
        wanted = _image(volume, asked)
        if req.api_version >= _WITH_VISIBILITY:
            wanted["visibility"] = asked.get("visibility", "private")
            wanted["protected"] = str(asked.get("protected", False)).lower() == "true"
        self._make(req.context, wanted, volume)
        return {"os-volume_upload_image": self._shown(volume, wanted)}

    def _make(self, context: RequestContext, wanted: dict[str, Any], volume: Volume) -> None:
        self._image.create_image(context, wanted)
        try:
            self._image.upload(context, wanted["id"], f"volume {volume.id}\n".encode())
        except DevstackError as error:
            if error.definite and not wanted.get("protected"):
                self._image.delete_image(context, wanted["id"])
            raise

    def _shown(self, volume: Volume, wanted: dict[str, Any]) -> dict[str, Any]:
        known = volume_types.find_type(self._db, volume.volume_type)
        shown = {
            "id": volume.id,
            "updated_at": to_micro(volume.updated_at),
            "status": "uploading",
            "display_description": volume.description,
            "size": volume.size_gb,
            "volume_type": {"id": known.id, "name": known.name},
            "image_id": wanted["id"],
            "image_name": wanted["name"],
            "container_format": wanted["container_format"],
            "disk_format": wanted["disk_format"],
        }
        shown.update({name: wanted[name] for name in ("visibility", "protected") if name in wanted})
        return shown


def _check_state(volume: Volume, *, is_forced: bool) -> None:
    allowed = ("available", "in-use") if is_forced else ("available",)
    if volume.status not in allowed:
        raise Invalid(
            f"Invalid volume: Volume {volume.id} status must be {' or '.join(allowed)}, but current"
            f" status is: {volume.status}.",
            kind="volume",
        )


def _image(volume: Volume, asked: dict[str, Any]) -> dict[str, Any]:
    kept = {
        name: value
        for name, value in volume.image_metadata.items()
        if name not in _OF_THE_FIRST_IMAGE
    }
    return {
        **kept,
        "id": str(uuid.uuid4()),
        "name": asked["image_name"],
        "container_format": asked.get("container_format") or "bare",
        "disk_format": asked.get("disk_format") or "raw",
        "min_disk": volume.size_gb,
    }
