"""Serves services.conductor.rpcapi.subnet_pools."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import subnet_pools as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.network import SubnetPool
from devstack_lite.objects.registry import Json


class SubnetPools:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="subnet_pools", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_pool(self, context: RequestContext, *, pool: SubnetPool) -> SubnetPool:
        """Record it. Delivered twice: answers the same."""
        return rows.create_pool(self._db, pool)

    def update_pool(self, context: RequestContext, *, pool_id: str, values: Json) -> SubnetPool:
        """Change it. Delivered twice: the same values again."""
        return rows.update_pool(self._db, pool_id, values)

    def delete_pool(self, context: RequestContext, *, pool_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.delete_pool(self._db, pool_id)
