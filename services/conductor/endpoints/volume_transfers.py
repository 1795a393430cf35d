"""Serves services.conductor.rpcapi.volume_transfers."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import volume_transfers
from devstack_lite.db.engine import Database
from devstack_lite.objects.volume import VolumeQuota, VolumeTransfer


class VolumeTransfers:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="volume_transfers", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_transfer(
        self, context: RequestContext, *, transfer: VolumeTransfer
    ) -> VolumeTransfer:
        """Record it. Delivered twice: the second returns what the first recorded."""
        return volume_transfers.create_transfer(self._db, transfer=transfer)

    def delete_transfer(self, context: RequestContext, *, transfer_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        volume_transfers.delete_transfer(self._db, transfer_id=transfer_id)

    def accept_transfer(
        self, context: RequestContext, *, transfer_id: str, key: str, quota: VolumeQuota
    ) -> VolumeTransfer:
        """Hand it over. Delivered twice: the second is NotFound."""
        return volume_transfers.accept_transfer(
            self._db,
            transfer_id=transfer_id,
            key=key,
            project_id=str(context.project_id),
            user_id=str(context.user_id),
            quota=quota,
        )
