"""Writing aggregates."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.compute import Aggregate
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.client import RpcClient, declare


class AggregatesAPI(RpcClient):
    """What the api asks of the conductor about aggregates."""

    TOPIC = "conductor"
    NAMESPACE = "aggregates"

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_aggregate(self, context: RequestContext, *, aggregate: Aggregate) -> Aggregate:
        """Record one, keyed by its uuid. Raises Conflict when its name is taken."""
        return cast(Aggregate, self.invoke(context, self.create_aggregate, aggregate=aggregate))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_aggregate(
        self,
        context: RequestContext,
        *,
        aggregate_id: int,
        name: str | None = None,
        metadata: Json | None = None,
    ) -> Aggregate:
        """Rename it, merge metadata. Raises NotFound, Conflict."""
        return cast(
            Aggregate,
            self.invoke(
                context,
                self.update_aggregate,
                aggregate_id=aggregate_id,
                name=name,
                metadata=metadata,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_aggregate(self, context: RequestContext, *, aggregate_id: int) -> None:
        """Remove it. Raises NotFound, Conflict while it has hosts."""
        self.invoke(context, self.delete_aggregate, aggregate_id=aggregate_id)

    @declare("call", timeout_s=10, is_idempotent=False)
    def add_host(self, context: RequestContext, *, aggregate_id: int, host: str) -> Aggregate:
        """Put a host into it. Raises NotFound, Conflict."""
        return cast(
            Aggregate,
            self.invoke(context, self.add_host, aggregate_id=aggregate_id, host=host),
        )

    @declare("call", timeout_s=10, is_idempotent=False)
    def remove_host(self, context: RequestContext, *, aggregate_id: int, host: str) -> Aggregate:
        """Take a host out of it. Raises NotFound."""
        return cast(
            Aggregate,
            self.invoke(context, self.remove_host, aggregate_id=aggregate_id, host=host),
        )
