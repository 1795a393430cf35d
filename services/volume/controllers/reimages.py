"""POST /volumes/{id}/action with os-reimage: a volume is written anew from an image."""

from __future__ import annotations

from typing import Any

from devstack_lite.clients.image import ImageClient
from devstack_lite.db.engine import Database
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.volumes import VolumesAPI
from services.volume import schemas
from services.volume.controllers.volumes import get_own
from services.volume.image_data import find_image, image_metadata


class VolumeReimages:
    """Done when it is answered; a volume that a server keeps reserved is written when it says so.

    Cinder tells Nova by an event when it is done; who waits for the answer here needs none.
    """

    def __init__(self, db: Database, conductor: VolumesAPI, image: ImageClient) -> None:
        self._db = db
        self._conductor = conductor
        self._image = image

    @api(action="os-reimage", status=202, since="3.68", body=schemas.REIMAGE)
    def reimage(self, req: Request, volume_id: str, body: dict[str, Any]) -> None:
        """Write an image to a volume."""
        asked = body["os-reimage"]
        volume = get_own(self._db, req, volume_id)
        image = find_image(self._image, req.context, asked["image_id"], size_gb=volume.size_gb)
        is_reserved = str(asked.get("reimage_reserved", False)).lower() == "true"
        self._conductor.reimage_volume(
            req.context, volume_id=volume.id, image_id=image["id"],
            image_metadata=image_metadata(image),
            from_statuses=["available", "error", *(["reserved"] if is_reserved else [])],
        )  # fmt: skip
