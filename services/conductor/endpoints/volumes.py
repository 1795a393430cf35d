"""Serves services.conductor.rpcapi.volumes."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import volume_attachments, volumes
from devstack_lite.db.engine import Database
from devstack_lite.objects.registry import Json
from devstack_lite.objects.volume import Volume, VolumeAttachment, VolumeQuota


class Volumes:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="volumes", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_volume(
        self, context: RequestContext, *, volume: Volume, quota: VolumeQuota
    ) -> Volume:
        """Record it. Delivered twice: the second returns what the first recorded."""
        return volumes.create_volume(self._db, volume=volume, quota=quota)

    def update_volume(self, context: RequestContext, *, volume_id: str, values: Json) -> Volume:
        """Set them. Delivered twice: the second changes nothing."""
        return volumes.update_volume(self._db, volume_id=volume_id, values=values)

    def update_map(
        self,
        context: RequestContext,
        *,
        volume_id: str,
        name: str,
        items: dict[str, str],
        removed: list[str],
        is_replacing: bool,
    ) -> Volume:
        """Change it. Delivered twice: NotFound when keys were removed, else nothing changes."""
        return volumes.update_map(
            self._db,
            volume_id=volume_id,
            name=name,
            items=items,
            removed=removed,
            is_replacing=is_replacing,
        )

    def move_volume(
        self,
        context: RequestContext,
        *,
        volume_id: str,
        status: str,
        from_statuses: list[str],
        action: str,
    ) -> Volume:
        """Compare and set. Delivered twice: the second finds it done."""
        return volumes.move_volume(
            self._db,
            volume_id=volume_id,
            status=status,
            from_statuses=from_statuses,
            action=action,
        )

    def reimage_volume(
        self,
        context: RequestContext,
        *,
        volume_id: str,
        image_id: str,
        image_metadata: dict[str, str],
        from_statuses: list[str],
    ) -> Volume:
        """Write it. Delivered twice: the same image again."""
        return volumes.reimage_volume(
            self._db, volume_id=volume_id, image_id=image_id, image_metadata=image_metadata,
            from_statuses=from_statuses,
        )  # fmt: skip

    def extend_volume(
        self, context: RequestContext, *, volume_id: str, size_gb: int, quota: VolumeQuota
    ) -> Volume:
        """Extend it. Delivered twice: the second finds it done."""
        return volumes.extend_volume(self._db, volume_id=volume_id, size_gb=size_gb, quota=quota)

    def delete_volume(
        self,
        context: RequestContext,
        *,
        volume_id: str,
        is_forced: bool,
        is_cascading: bool = False,
    ) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        volumes.delete_volume(
            self._db, volume_id=volume_id, is_forced=is_forced, is_cascading=is_cascading
        )

    def create_attachment(
        self, context: RequestContext, *, attachment: VolumeAttachment, is_reserved: bool
    ) -> VolumeAttachment:
        """Record it. Delivered twice: the second returns what the first recorded."""
        return volume_attachments.create_attachment(
            self._db, attachment=attachment, is_reserved=is_reserved
        )

    def update_attachment(
        self, context: RequestContext, *, attachment_id: str, connector: Json
    ) -> VolumeAttachment:
        """Set it. Delivered twice: the second changes nothing."""
        return volume_attachments.update_attachment(
            self._db, attachment_id=attachment_id, connector=connector
        )

    def complete_attachment(
        self, context: RequestContext, *, attachment_id: str
    ) -> VolumeAttachment:
        """Complete it. Delivered twice: the second finds it done."""
        return volume_attachments.complete_attachment(self._db, attachment_id=attachment_id)

    def delete_attachment(self, context: RequestContext, *, attachment_id: str) -> None:
        """Remove it. Delivered twice: the second finds it done."""
        volume_attachments.delete_attachment(self._db, attachment_id=attachment_id)

    def detach_volume(
        self, context: RequestContext, *, volume_id: str, attachment_id: str | None
    ) -> None:
        """Remove it. Delivered twice: the second finds it done."""
        volume_attachments.detach_volume(self._db, volume_id=volume_id, attachment_id=attachment_id)

    def settle_volume(self, context: RequestContext, *, volume_id: str) -> Volume:
        """Settle it. Delivered twice: the second changes nothing."""
        return volume_attachments.settle_volume(self._db, volume_id=volume_id)
