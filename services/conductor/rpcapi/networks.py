"""Writing networks, subnets and ports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.network import Network, Port, Subnet
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.client import RpcClient, declare


class NetworksAPI(RpcClient):
    """What the network service asks of the conductor; ids are made by whoever asks."""

    TOPIC = "conductor"
    NAMESPACE = "networks"

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_networks(
        self, context: RequestContext, *, networks: Sequence[Network]
    ) -> list[Network]:
        """Record networks, all or none."""
        return cast(
            "list[Network]", self.invoke(context, self.create_networks, networks=list(networks))
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_network(self, context: RequestContext, *, network_id: str, values: Json) -> Network:
        """Change a network. Raises NotFound."""
        return cast(
            Network,
            self.invoke(context, self.update_network, network_id=network_id, values=values),
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_network(self, context: RequestContext, *, network_id: str) -> None:
        """Remove a network with its subnets. Raises NotFound, Conflict while it has ports."""
        self.invoke(context, self.delete_network, network_id=network_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_subnets(self, context: RequestContext, *, subnets: Sequence[Subnet]) -> list[Subnet]:
        """Record subnets, all or none. Raises NotFound, Invalid."""
        return cast(
            "list[Subnet]", self.invoke(context, self.create_subnets, subnets=list(subnets))
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_subnet(self, context: RequestContext, *, subnet_id: str, values: Json) -> Subnet:
        """Change a subnet. Raises NotFound."""
        return cast(
            Subnet, self.invoke(context, self.update_subnet, subnet_id=subnet_id, values=values)
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_subnet(self, context: RequestContext, *, subnet_id: str) -> None:
        """Remove a subnet. Raises NotFound, Conflict while ports hold its addresses."""
        self.invoke(context, self.delete_subnet, subnet_id=subnet_id)

    @declare("call", timeout_s=20, is_idempotent=True, gathers=True)
    def create_ports(self, context: RequestContext, *, ports: Sequence[Port]) -> list[Port]:
        """Record ports with addresses, all or none; those that are there are moved to their host.

        Raises NotFound, Invalid, Conflict.
        """
        return cast("list[Port]", self.invoke(context, self.create_ports, ports=list(ports)))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_port(
        self, context: RequestContext, *, port_id: str, values: Json, holder: str | None
    ) -> Port:
        """Change a port, or its addresses; with holder, only while no other device holds it.

        Raises NotFound, Invalid, Conflict.
        """
        return cast(
            Port,
            self.invoke(context, self.update_port, port_id=port_id, values=values, holder=holder),
        )

    @declare("call", timeout_s=10, is_idempotent=True, gathers=True)
    def delete_port(self, context: RequestContext, *, port_id: str) -> bool:
        """Remove a port; False when it was gone already."""
        return cast(bool, self.invoke(context, self.delete_port, port_id=port_id))
