"""Serves services.conductor.rpcapi.volume_snapshots."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import volume_snapshots
from devstack_lite.db.engine import Database
from devstack_lite.objects.registry import Json
from devstack_lite.objects.volume import Volume, VolumeQuota, VolumeSnapshot


class VolumeSnapshots:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="volume_snapshots", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_snapshot(
        self,
        context: RequestContext,
        *,
        snapshot: VolumeSnapshot,
        is_forced: bool,
        quota: VolumeQuota,
    ) -> VolumeSnapshot:
        """Record it. Delivered twice: the second returns what the first recorded."""
        return volume_snapshots.create_snapshot(
            self._db, snapshot=snapshot, is_forced=is_forced, quota=quota
        )

    def update_snapshot(
        self, context: RequestContext, *, snapshot_id: str, values: Json
    ) -> VolumeSnapshot:
        """Set them. Delivered twice: the second changes nothing."""
        return volume_snapshots.update_snapshot(self._db, snapshot_id=snapshot_id, values=values)

    def update_metadata(
        self,
        context: RequestContext,
        *,
        snapshot_id: str,
        items: dict[str, str],
        removed: list[str],
        is_replacing: bool,
    ) -> VolumeSnapshot:
        """Change it. Delivered twice: NotFound when keys were removed, else nothing changes."""
        return volume_snapshots.update_metadata(
            self._db,
            snapshot_id=snapshot_id,
            items=items,
            removed=removed,
            is_replacing=is_replacing,
        )

    def delete_snapshot(
        self, context: RequestContext, *, snapshot_id: str, is_forced: bool
    ) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        volume_snapshots.delete_snapshot(self._db, snapshot_id=snapshot_id, is_forced=is_forced)

    def revert_volume(self, context: RequestContext, *, volume_id: str, snapshot_id: str) -> Volume:
        """Revert it. Delivered twice: the second changes nothing."""
        return volume_snapshots.revert_volume(
            self._db, volume_id=volume_id, snapshot_id=snapshot_id
        )
