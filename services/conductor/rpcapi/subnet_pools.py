"""Writing subnet pools."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.network import SubnetPool
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.client import RpcClient, declare


class SubnetPoolsAPI(RpcClient):
    """What the network service asks of the conductor."""

    TOPIC = "conductor"
    NAMESPACE = "subnet_pools"

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_pool(self, context: RequestContext, *, pool: SubnetPool) -> SubnetPool:
        """Record a pool."""
        return cast(SubnetPool, self.invoke(context, self.create_pool, pool=pool))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_pool(self, context: RequestContext, *, pool_id: str, values: Json) -> SubnetPool:
        """Change a pool's columns. Raises NotFound."""
        return cast(
            SubnetPool, self.invoke(context, self.update_pool, pool_id=pool_id, values=values)
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_pool(self, context: RequestContext, *, pool_id: str) -> None:
        """Remove a pool. Raises NotFound, also when delivered twice, Invalid while it is used."""
        self.invoke(context, self.delete_pool, pool_id=pool_id)
