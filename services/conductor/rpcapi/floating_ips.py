"""Writing floating IPs."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.objects.routing import FloatingIp
from devstack_lite.rpc.client import RpcClient, declare


class FloatingIpsAPI(RpcClient):
    """What the network service asks of the conductor; ids are made by whoever asks."""

    TOPIC = "conductor"
    NAMESPACE = "floating_ips"

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_floating_ip(self, context: RequestContext, *, floating_ip: FloatingIp) -> FloatingIp:
        """Take an address. Raises NotFound, Invalid, Conflict."""
        return cast(
            FloatingIp, self.invoke(context, self.create_floating_ip, floating_ip=floating_ip)
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_floating_ip(
        self, context: RequestContext, *, floating_ip_id: str, values: Json
    ) -> FloatingIp:
        """Change what it stands for: port_id, fixed_address. Raises NotFound, Invalid, Conflict."""
        return cast(
            FloatingIp,
            self.invoke(
                context, self.update_floating_ip, floating_ip_id=floating_ip_id, values=values
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_floating_ip(self, context: RequestContext, *, floating_ip_id: str) -> None:
        """Give an address back. Raises NotFound."""
        self.invoke(context, self.delete_floating_ip, floating_ip_id=floating_ip_id)
