"""Serves services.conductor.rpcapi.network_quotas."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import network_quotas as rows
from devstack_lite.db.engine import Database


class NetworkQuotas:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="network_quotas", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def set_limits(
        self, context: RequestContext, *, project_id: str, limits: dict[str, int], is_checked: bool
    ) -> None:
        """Set them. Delivered twice: the same again."""
        rows.set_limits(self._db, project_id, limits, is_checked=is_checked)

    def forget_limits(self, context: RequestContext, *, project_id: str) -> bool:
        """Forget them. Delivered twice: the second is False."""
        return rows.forget_limits(self._db, project_id)
