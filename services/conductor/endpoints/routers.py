"""Serves services.conductor.rpcapi.routers."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import router_interfaces
from devstack_lite.db import routers as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.network import Port
from devstack_lite.objects.registry import Json
from devstack_lite.objects.routing import Gateway, Router


class Routers:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="routers", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_router(self, context: RequestContext, *, router: Router) -> Router:
        """Record it. Delivered twice: answers the same."""
        return rows.create_router(self._db, router)

    def update_router(
        self,
        context: RequestContext,
        *,
        router_id: str,
        values: Json,
        gateway: Gateway | None,
        changes_gateway: bool,
    ) -> Router:
        """Change it. Delivered twice: the same values again, a gateway that is open stays."""
        return rows.update_router(
            self._db, router_id, values, gateway=gateway, changes_gateway=changes_gateway
        )

    def change_routes(
        self, context: RequestContext, *, router_id: str, added: list[Json], removed: list[Json]
    ) -> Router:
        """Change them. Delivered twice: those are there, and these are not."""
        return rows.change_routes(self._db, router_id, added=added, removed=removed)

    def delete_router(self, context: RequestContext, *, router_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.delete_router(self._db, router_id)

    def add_router_subnet(
        self, context: RequestContext, *, router_id: str, subnet_id: str, port_id: str
    ) -> Port:
        """Make its port. Delivered twice: answers the same."""
        return router_interfaces.add_subnet(self._db, router_id, subnet_id, port_id=port_id)

    def add_router_port(self, context: RequestContext, *, router_id: str, port_id: str) -> Port:
        """Take the port. Delivered twice: answers the same."""
        return router_interfaces.add_port(self._db, router_id, port_id)

    def remove_router_interface(
        self,
        context: RequestContext,
        *,
        router_id: str,
        port_id: str | None,
        subnet_id: str | None,
    ) -> Port:
        """Remove the port. Delivered twice: the second is NotFound."""
        return router_interfaces.remove_interface(
            self._db, router_id, port_id=port_id, subnet_id=subnet_id
        )
