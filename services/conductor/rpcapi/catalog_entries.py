"""Writing what is added to the catalog."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.catalog import CatalogEntry
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.client import RpcClient, declare


class CatalogEntriesAPI(RpcClient):
    """What identity asks of the conductor; kind is region, service or endpoint."""

    TOPIC = "conductor"
    NAMESPACE = "catalog"

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_entry(self, context: RequestContext, *, entry: CatalogEntry) -> CatalogEntry:
        """Record an entry. Raises Conflict when a region's id is taken."""
        return cast(CatalogEntry, self.invoke(context, self.create_entry, entry=entry))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_entry(
        self, context: RequestContext, *, kind: str, entry_id: str, values: Json
    ) -> CatalogEntry:
        """Change an entry's columns. Raises NotFound."""
        return cast(
            CatalogEntry,
            self.invoke(context, self.update_entry, kind=kind, entry_id=entry_id, values=values),
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_entry(self, context: RequestContext, *, kind: str, entry_id: str) -> None:
        """Remove an entry. Raises NotFound, also when delivered twice, Forbidden while in use."""
        self.invoke(context, self.delete_entry, kind=kind, entry_id=entry_id)
