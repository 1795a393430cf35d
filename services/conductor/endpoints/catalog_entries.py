"""Serves services.conductor.rpcapi.catalog_entries."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import catalog as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.catalog import CatalogEntry
from devstack_lite.objects.registry import Json


class CatalogEntries:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="catalog", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_entry(self, context: RequestContext, *, entry: CatalogEntry) -> CatalogEntry:
        """Record it. Delivered twice: answers the same."""
        return rows.create(self._db, entry)

    def update_entry(
        self, context: RequestContext, *, kind: str, entry_id: str, values: Json
    ) -> CatalogEntry:
        """Change it. Delivered twice: the same values again."""
        return rows.update(self._db, kind, entry_id, values)

    def delete_entry(self, context: RequestContext, *, kind: str, entry_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.delete(self._db, kind, entry_id)
