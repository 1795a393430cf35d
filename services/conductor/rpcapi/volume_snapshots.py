"""Writing snapshots of volumes."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.objects.volume import Volume, VolumeQuota, VolumeSnapshot
from devstack_lite.rpc.client import RpcClient, declare


class VolumeSnapshotsAPI(RpcClient):
    """What the volume service asks of the conductor. Who may do it was decided there."""

    TOPIC = "conductor"
    NAMESPACE = "volume_snapshots"

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_snapshot(
        self,
        context: RequestContext,
        *,
        snapshot: VolumeSnapshot,
        is_forced: bool,
        quota: VolumeQuota,
    ) -> VolumeSnapshot:
        """Record a snapshot under the id it brings; is_forced: of a volume in use, too.

        Raises NotFound, Invalid, QuotaExceeded, Conflict.
        """
        return cast(
            VolumeSnapshot,
            self.invoke(
                context, self.create_snapshot, snapshot=snapshot, is_forced=is_forced, quota=quota
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_snapshot(
        self, context: RequestContext, *, snapshot_id: str, values: Json
    ) -> VolumeSnapshot:
        """Set name, description or status. Raises NotFound, Invalid."""
        return cast(
            VolumeSnapshot,
            self.invoke(context, self.update_snapshot, snapshot_id=snapshot_id, values=values),
        )

    @declare("call", timeout_s=10, is_idempotent=False)
    def update_metadata(
        self,
        context: RequestContext,
        *,
        snapshot_id: str,
        items: dict[str, str],
        removed: list[str],
        is_replacing: bool,
    ) -> VolumeSnapshot:
        """Change the metadata. Raises NotFound, for keys removed twice, too."""
        return cast(
            VolumeSnapshot,
            self.invoke(
                context,
                self.update_metadata,
                snapshot_id=snapshot_id,
                items=items,
                removed=removed,
                is_replacing=is_replacing,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_snapshot(
        self, context: RequestContext, *, snapshot_id: str, is_forced: bool
    ) -> None:
        """Remove a snapshot. Raises NotFound, also when it was delivered twice; Invalid."""
        self.invoke(context, self.delete_snapshot, snapshot_id=snapshot_id, is_forced=is_forced)

    @declare("call", timeout_s=10, is_idempotent=True)
    def revert_volume(self, context: RequestContext, *, volume_id: str, snapshot_id: str) -> Volume:
        """Put a volume back to its latest snapshot. Raises NotFound, Invalid."""
        return cast(
            Volume,
            self.invoke(context, self.revert_volume, volume_id=volume_id, snapshot_id=snapshot_id),
        )
