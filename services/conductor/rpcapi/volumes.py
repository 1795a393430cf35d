"""Writing volumes and attachments."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.objects.volume import Volume, VolumeAttachment, VolumeQuota
from devstack_lite.rpc.client import RpcClient, declare


class VolumesAPI(RpcClient):
    """What the volume service asks of the conductor. Who may do it was decided there."""

    TOPIC = "conductor"
    NAMESPACE = "volumes"

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_volume(
        self, context: RequestContext, *, volume: Volume, quota: VolumeQuota
    ) -> Volume:
        """Record a volume under the id it brings. Raises QuotaExceeded, Conflict."""
        return cast(Volume, self.invoke(context, self.create_volume, volume=volume, quota=quota))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_volume(self, context: RequestContext, *, volume_id: str, values: Json) -> Volume:
        """Set name, description, bootable or volume_type. Raises NotFound, Invalid."""
        return cast(
            Volume, self.invoke(context, self.update_volume, volume_id=volume_id, values=values)
        )

    @declare("call", timeout_s=10, is_idempotent=False)
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
        """Change metadata or image_metadata. Raises NotFound, for keys removed twice, too."""
        return cast(
            Volume,
            self.invoke(
                context,
                self.update_map,
                volume_id=volume_id,
                name=name,
                items=items,
                removed=removed,
                is_replacing=is_replacing,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def move_volume(
        self,
        context: RequestContext,
        *,
        volume_id: str,
        status: str,
        from_statuses: list[str],
        action: str,
    ) -> Volume:
        """Set the status of a volume in one of from_statuses (empty: any), or there already.

        Raises NotFound, Invalid.
        """
        return cast(
            Volume,
            self.invoke(
                context,
                self.move_volume,
                volume_id=volume_id,
                status=status,
                from_statuses=from_statuses,
                action=action,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def reimage_volume(
        self,
        context: RequestContext,
        *,
        volume_id: str,
        image_id: str,
        image_metadata: dict[str, str],
        from_statuses: list[str],
    ) -> Volume:
        """Have a volume in one of from_statuses hold an image. Raises NotFound, Invalid."""
        return cast(
            Volume,
            self.invoke(
                context,
                self.reimage_volume,
                volume_id=volume_id,
                image_id=image_id,
                image_metadata=image_metadata,
                from_statuses=from_statuses,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def extend_volume(
        self, context: RequestContext, *, volume_id: str, size_gb: int, quota: VolumeQuota
    ) -> Volume:
        """Make a volume larger. Raises NotFound, Invalid, QuotaExceeded."""
        return cast(
            Volume,
            self.invoke(
                context, self.extend_volume, volume_id=volume_id, size_gb=size_gb, quota=quota
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_volume(
        self,
        context: RequestContext,
        *,
        volume_id: str,
        is_forced: bool,
        is_cascading: bool = False,
    ) -> None:
        """Remove a volume. Raises NotFound, also when it was delivered twice; Invalid."""
        self.invoke(
            context,
            self.delete_volume,
            volume_id=volume_id,
            is_forced=is_forced,
            is_cascading=is_cascading,
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_attachment(
        self, context: RequestContext, *, attachment: VolumeAttachment, is_reserved: bool
    ) -> VolumeAttachment:
        """Record an attachment; the one that the pair has is returned. Raises NotFound, Invalid."""
        return cast(
            VolumeAttachment,
            self.invoke(
                context, self.create_attachment, attachment=attachment, is_reserved=is_reserved
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_attachment(
        self, context: RequestContext, *, attachment_id: str, connector: Json
    ) -> VolumeAttachment:
        """Say from where the volume will be reached. Raises NotFound, Conflict."""
        return cast(
            VolumeAttachment,
            self.invoke(
                context, self.update_attachment, attachment_id=attachment_id, connector=connector
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def complete_attachment(
        self, context: RequestContext, *, attachment_id: str
    ) -> VolumeAttachment:
        """Say that the instance has the volume. Raises NotFound."""
        return cast(
            VolumeAttachment,
            self.invoke(context, self.complete_attachment, attachment_id=attachment_id),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def delete_attachment(self, context: RequestContext, *, attachment_id: str) -> None:
        """Take a volume from an instance; absent is done."""
        self.invoke(context, self.delete_attachment, attachment_id=attachment_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def detach_volume(
        self, context: RequestContext, *, volume_id: str, attachment_id: str | None
    ) -> None:
        """Take a volume from its one instance, or end the named attachment.

        Raises NotFound, Invalid.
        """
        self.invoke(context, self.detach_volume, volume_id=volume_id, attachment_id=attachment_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def settle_volume(self, context: RequestContext, *, volume_id: str) -> Volume:
        """Give a volume the status that its attachments make. Raises NotFound."""
        return cast(Volume, self.invoke(context, self.settle_volume, volume_id=volume_id))
