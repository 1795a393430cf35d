"""Serves services.conductor.rpcapi.images."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import images
from devstack_lite.db.engine import Database
from devstack_lite.objects.image import Image, ImageChange, ImageData, ImageMember


class Images:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="images", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_image(self, context: RequestContext, *, image: Image) -> Image:
        """Record it. Delivered twice: the second returns what the first recorded."""
        return images.create_image(self._db, image=image)

    def update_image(self, context: RequestContext, *, image_id: str, change: ImageChange) -> Image:
        """Merge the change. Delivered twice: the second changes nothing."""
        return images.update_image(self._db, image_id=image_id, change=change)

    def add_tag(self, context: RequestContext, *, image_id: str, tag: str, maximum: int) -> None:
        """Add it. Delivered twice: the second changes nothing."""
        images.add_tag(self._db, image_id=image_id, tag=tag, maximum=maximum)

    def delete_tag(self, context: RequestContext, *, image_id: str, tag: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        images.delete_tag(self._db, image_id=image_id, tag=tag)

    def move_image(
        self, context: RequestContext, *, image_id: str, status: str, from_statuses: list[str]
    ) -> Image:
        """Compare and set. Delivered twice: the second finds it done."""
        return images.move_image(
            self._db, image_id=image_id, status=status, from_statuses=from_statuses
        )

    def finish_upload(self, context: RequestContext, *, image_id: str, data: ImageData) -> Image:
        """Activate it. Delivered twice: the second finds it done."""
        return images.finish_upload(self._db, image_id=image_id, data=data)

    def delete_image(self, context: RequestContext, *, image_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        images.delete_image(self._db, image_id=image_id)

    def create_member(
        self, context: RequestContext, *, image_id: str, member_id: str, maximum: int
    ) -> ImageMember:
        """Record it. Delivered twice: the second is a Conflict."""
        return images.create_member(
            self._db, image_id=image_id, member_id=member_id, maximum=maximum
        )

    def update_member(
        self, context: RequestContext, *, image_id: str, member_id: str, status: str
    ) -> ImageMember:
        """Set it. Delivered twice: the second changes nothing."""
        return images.update_member(self._db, image_id=image_id, member_id=member_id, status=status)

    def delete_member(self, context: RequestContext, *, image_id: str, member_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        images.delete_member(self._db, image_id=image_id, member_id=member_id)
