"""Serves services.conductor.rpcapi.quotas."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import quota_limits
from devstack_lite.db.engine import Database
from devstack_lite.db.quota_limits import Scope


class Quotas:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="quotas", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def update_limits(
        self,
        context: RequestContext,
        *,
        scope: str,
        name: str,
        values: dict[str, int],
        is_forced: bool,
    ) -> None:
        """Set them. Delivered twice: the same ones again."""
        quota_limits.update_limits(
            self._db, scope=Scope(scope), name=name, values=values, is_forced=is_forced
        )

    def delete_limits(
        self, context: RequestContext, *, project_id: str, user_id: str | None = None
    ) -> None:
        """Remove them. Delivered twice: the second finds none."""
        quota_limits.delete_limits(self._db, project_id=project_id, user_id=user_id)
