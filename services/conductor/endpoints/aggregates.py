"""Serves services.conductor.rpcapi.aggregates."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import aggregates
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import Aggregate
from devstack_lite.objects.registry import Json


class Aggregates:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="aggregates", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_aggregate(self, context: RequestContext, *, aggregate: Aggregate) -> Aggregate:
        """Record it. Delivered twice: answers the same."""
        return aggregates.create_aggregate(self._db, aggregate=aggregate)

    def update_aggregate(
        self,
        context: RequestContext,
        *,
        aggregate_id: int,
        name: str | None = None,
        metadata: Json | None = None,
    ) -> Aggregate:
        """Change it. Delivered twice: the same again."""
        return aggregates.update_aggregate(
            self._db, aggregate_id=aggregate_id, name=name, metadata=metadata
        )

    def delete_aggregate(self, context: RequestContext, *, aggregate_id: int) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        aggregates.delete_aggregate(self._db, aggregate_id=aggregate_id)

    def add_host(self, context: RequestContext, *, aggregate_id: int, host: str) -> Aggregate:
        """Add it. Delivered twice: the second is a Conflict."""
        return aggregates.add_host(self._db, aggregate_id=aggregate_id, host=host)

    def remove_host(self, context: RequestContext, *, aggregate_id: int, host: str) -> Aggregate:
        """Remove it. Delivered twice: the second is NotFound."""
        return aggregates.remove_host(self._db, aggregate_id=aggregate_id, host=host)
