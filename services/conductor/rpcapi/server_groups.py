"""Writing server groups."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.compute import ServerGroup
from devstack_lite.rpc.client import RpcClient, declare


class ServerGroupsAPI(RpcClient):
    """What the api asks of the conductor about server groups."""

    TOPIC = "conductor"
    NAMESPACE = "server_groups"

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_group(
        self, context: RequestContext, *, group: ServerGroup, limit: int
    ) -> ServerGroup:
        """Record one, keyed by its id. Raises QuotaExceeded."""
        return cast(ServerGroup, self.invoke(context, self.create_group, group=group, limit=limit))

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_group(self, context: RequestContext, *, group_id: str) -> None:
        """Remove it. Raises NotFound."""
        self.invoke(context, self.delete_group, group_id=group_id)
