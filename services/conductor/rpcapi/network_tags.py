"""Writing tags of networks, subnets, ports, routers, floating IPs and security groups."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.rpc.client import RpcClient, declare


class NetworkTagsAPI(RpcClient):
    """What the network service asks of the conductor."""

    TOPIC = "conductor"
    NAMESPACE = "network_tags"

    @declare("call", timeout_s=10, is_idempotent=True)
    def set_tags(self, context: RequestContext, *, resource_id: str, tags: list[str]) -> None:
        """Have a resource have these tags alone."""
        self.invoke(context, self.set_tags, resource_id=resource_id, tags=tags)

    @declare("call", timeout_s=10, is_idempotent=True)
    def add_tag(self, context: RequestContext, *, resource_id: str, tag: str) -> None:
        """Give a resource a tag."""
        self.invoke(context, self.add_tag, resource_id=resource_id, tag=tag)

    @declare("call", timeout_s=10, is_idempotent=False)
    def remove_tag(self, context: RequestContext, *, resource_id: str, tag: str) -> bool:
        """Take a tag from a resource; False when it did not have it."""
        return cast(bool, self.invoke(context, self.remove_tag, resource_id=resource_id, tag=tag))
