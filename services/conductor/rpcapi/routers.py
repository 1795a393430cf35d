"""Writing routers."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.network import Port
from devstack_lite.objects.registry import Json
from devstack_lite.objects.routing import Gateway, Router
from devstack_lite.rpc.client import RpcClient, declare


class RoutersAPI(RpcClient):
    """What the network service asks of the conductor; ids are made by whoever asks."""

    TOPIC = "conductor"
    NAMESPACE = "routers"

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_router(self, context: RequestContext, *, router: Router) -> Router:
        """Record a router with its way out. Raises NotFound, Invalid, Conflict."""
        return cast(Router, self.invoke(context, self.create_router, router=router))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_router(
        self,
        context: RequestContext,
        *,
        router_id: str,
        values: Json,
        gateway: Gateway | None,
        changes_gateway: bool,
    ) -> Router:
        """Change a router; with changes_gateway its way out, too. Raises NotFound, Conflict."""
        return cast(
            Router,
            self.invoke(
                context, self.update_router, router_id=router_id, values=values, gateway=gateway,
                changes_gateway=changes_gateway,
            ),
        )  # fmt: skip

    @declare("call", timeout_s=10, is_idempotent=True)
    def change_routes(
        self, context: RequestContext, *, router_id: str, added: list[Json], removed: list[Json]
    ) -> Router:
        """Add and remove some of a router's routes. Raises NotFound."""
        return cast(
            Router,
            self.invoke(
                context, self.change_routes, router_id=router_id, added=added, removed=removed
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_router(self, context: RequestContext, *, router_id: str) -> None:
        """Remove a router. Raises NotFound, Conflict while it has interfaces."""
        self.invoke(context, self.delete_router, router_id=router_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def add_router_subnet(
        self, context: RequestContext, *, router_id: str, subnet_id: str, port_id: str
    ) -> Port:
        """Make a port of that id with the subnet's gateway address.

        Raises NotFound, Invalid, Conflict.
        """
        return cast(
            Port,
            self.invoke(
                context, self.add_router_subnet, router_id=router_id, subnet_id=subnet_id,
                port_id=port_id,
            ),
        )  # fmt: skip

    @declare("call", timeout_s=10, is_idempotent=True)
    def add_router_port(self, context: RequestContext, *, router_id: str, port_id: str) -> Port:
        """Have a port be the router's. Raises NotFound, Invalid, Conflict."""
        return cast(
            Port, self.invoke(context, self.add_router_port, router_id=router_id, port_id=port_id)
        )

    @declare("call", timeout_s=10, is_idempotent=False)
    def remove_router_interface(
        self,
        context: RequestContext,
        *,
        router_id: str,
        port_id: str | None,
        subnet_id: str | None,
    ) -> Port:
        """Remove a router's port, by its id or by subnet; return it. Raises NotFound, Conflict."""
        return cast(
            Port,
            self.invoke(
                context, self.remove_router_interface, router_id=router_id, port_id=port_id,
                subnet_id=subnet_id,
            ),
        )  # fmt: skip
