"""Signs of life, and what hosts have."""

from __future__ import annotations

from collections.abc import Sequence

from devstack_lite.context import RequestContext
from devstack_lite.objects.compute import ComputeNode
from devstack_lite.rpc.client import RpcClient, declare


class HostsAPI(RpcClient):
    """What every service tells the conductor of itself."""

    TOPIC = "conductor"
    NAMESPACE = "hosts"

    @declare("call", timeout_s=5, is_idempotent=True)
    def report_service(
        self, context: RequestContext, *, binary: str, host: str, topic: str, availability_zone: str
    ) -> None:
        """Note a sign of life; the first one records the service."""
        self.invoke(
            context,
            self.report_service,
            binary=binary,
            host=host,
            topic=topic,
            availability_zone=availability_zone,
        )

    @declare("call", timeout_s=60, is_idempotent=True)
    def report_nodes(self, context: RequestContext, *, nodes: Sequence[ComputeNode]) -> None:
        """Record what a host's nodes have; at most a few hundred of them in a message."""
        self.invoke(context, self.report_nodes, nodes=list(nodes))
