"""Serves services.conductor.rpcapi.server_groups."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import server_groups
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import ServerGroup


class ServerGroups:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="server_groups", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_group(
        self, context: RequestContext, *, group: ServerGroup, limit: int
    ) -> ServerGroup:
        """Record it. Delivered twice: answers the same."""
        return server_groups.create_group(self._db, group=group, limit=limit)

    def delete_group(self, context: RequestContext, *, group_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        server_groups.delete_group(self._db, group_id=group_id)
