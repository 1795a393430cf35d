"""Serves services.conductor.rpcapi.volume_quotas."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import volume_quotas
from devstack_lite.db.engine import Database


class VolumeQuotas:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="volume_quotas", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def set_quota(
        self, context: RequestContext, *, project_id: str, limits: dict[str, int]
    ) -> None:
        """Set them. Delivered twice: the second changes nothing."""
        volume_quotas.set_quota(self._db, project_id=project_id, limits=limits)

    def delete_quota(self, context: RequestContext, *, project_id: str) -> None:
        """Remove them. Delivered twice: the second finds it done."""
        volume_quotas.delete_quota(self._db, project_id=project_id)
