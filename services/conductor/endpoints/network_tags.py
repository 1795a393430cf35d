"""Serves services.conductor.rpcapi.network_tags."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import network_tags as rows
from devstack_lite.db.engine import Database


class NetworkTags:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="network_tags", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def set_tags(self, context: RequestContext, *, resource_id: str, tags: list[str]) -> None:
        """Set them. Delivered twice: the same again."""
        rows.set_tags(self._db, resource_id, tags)

    def add_tag(self, context: RequestContext, *, resource_id: str, tag: str) -> None:
        """Add it. Delivered twice: it is there."""
        rows.add_tag(self._db, resource_id, tag)

    def remove_tag(self, context: RequestContext, *, resource_id: str, tag: str) -> bool:
        """Remove it. Delivered twice: the second is False."""
        return rows.remove_tag(self._db, resource_id, tag)
