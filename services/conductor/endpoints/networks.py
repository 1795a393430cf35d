"""Serves services.conductor.rpcapi.networks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import networks as rows
from devstack_lite.db import ports as port_rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.network import Network, Port, Subnet
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.together import Call


class Networks:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="networks", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_networks(
        self, context: RequestContext, *, networks: Sequence[Network]
    ) -> list[Network]:
        """Record them. Delivered twice: answers the same."""
        return rows.create_networks(self._db, list(networks))

    def update_network(self, context: RequestContext, *, network_id: str, values: Json) -> Network:
        """Change it. Delivered twice: the same values again."""
        return rows.update_network(self._db, network_id, values)

    def delete_network(self, context: RequestContext, *, network_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.delete_network(self._db, network_id)

    def create_subnets(self, context: RequestContext, *, subnets: Sequence[Subnet]) -> list[Subnet]:
        """Record them. Delivered twice: answers the same."""
        return rows.create_subnets(self._db, list(subnets))

    def update_subnet(self, context: RequestContext, *, subnet_id: str, values: Json) -> Subnet:
        """Change it. Delivered twice: the same values again."""
        return rows.update_subnet(self._db, subnet_id, values)

    def delete_subnet(self, context: RequestContext, *, subnet_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.delete_subnet(self._db, subnet_id)

    def create_ports(self, context: RequestContext, *, ports: Sequence[Port]) -> list[Port]:
        """Record them. Delivered twice: answers the same, no second address is taken."""
        return port_rows.create_ports(self._db, ports)

    def create_ports_together(self, calls: Sequence[Call]) -> list[list[Port]]:
        """Record those of many requests in one transaction, all or none."""
        wanted = [port for _, given in calls for port in given["ports"]]
        made = iter(port_rows.create_ports(self._db, wanted))
        return [list(itertools.islice(made, len(given["ports"]))) for _, given in calls]

    def update_port(
        self, context: RequestContext, *, port_id: str, values: Json, holder: str | None
    ) -> Port:
        """Change it. Delivered twice: the same values again."""
        return port_rows.update_port(self._db, port_id, values, holder=holder)

    def delete_port(self, context: RequestContext, *, port_id: str) -> bool:
        """Remove it. Delivered twice: the second is False."""
        return port_rows.delete_port(self._db, port_id)

    def delete_port_together(self, calls: Sequence[Call]) -> list[bool]:
        """Remove many that are all there in one transaction."""
        port_rows.delete_ports(self._db, [given["port_id"] for _, given in calls])
        return [True] * len(calls)
