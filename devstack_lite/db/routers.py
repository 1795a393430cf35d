"""Routers and their ways out; their interfaces are in router_interfaces.

A router's row is locked by whoever changes it, before the networks and subnets of its ports.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db.collisions import retried
from devstack_lite.db.engine import Database
from devstack_lite.db.network_quotas import require_room
from devstack_lite.db.port_removal import forget_tags, remove_ports
from devstack_lite.db.ports import make_ports
from devstack_lite.db.schema import ip_allocations, networks, ports
from devstack_lite.db.schema_network import floating_ips, routers
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.network import Port
from devstack_lite.objects.registry import Json
from devstack_lite.objects.routing import Gateway, Router

INTERFACE = "network:router_interface"
GATEWAY = "network:router_gateway"


def list_routers(
    db: Database, *, project_id: str | None = None, router_id: str | None = None
) -> list[Router]:
    """Return routers, the oldest first; with project_id, that project's."""
    query = sa.select(routers).order_by(routers.c.created_at, routers.c.id)
    if project_id is not None:
        query = query.where(routers.c.project_id == project_id)
    if router_id is not None:
        query = query.where(routers.c.id == router_id)
    with db.read() as connection:
        return _with_gateways(connection, connection.execute(query).all())


def get_router(db: Database, router_id: str, *, project_id: str | None = None) -> Router:
    """Return one router, of project_id when given. Raises NotFound."""
    found = list_routers(db, project_id=project_id, router_id=router_id)
    if not found:
        raise _not_found(router_id)
    return found[0]


def _not_found(router_id: str) -> NotFound:
    return NotFound(f"Router {router_id} could not be found", kind="router")


def _with_gateways(connection: Connection, rows: Sequence[Any]) -> list[Router]:
    held: dict[str, list[Json]] = defaultdict(list)
    own = ip_allocations.c
    ids = [row.gateway_port_id for row in rows if row.gateway_port_id]
    for row in connection.execute(sa.select(ip_allocations).where(own.port_id.in_(ids))):
        held[row.port_id].append({"subnet_id": row.subnet_id, "ip_address": row.ip_address})
    return [
        Router(
            id=row.id, project_id=row.project_id, name=row.name, description=row.description,
            admin_state_up=row.admin_state_up, routes=tuple(row.routes),
            created_at=row.created_at, updated_at=row.updated_at,
            gateway=Gateway(
                network_id=row.external_network_id,
                enable_snat=row.enable_snat,
                fixed_ips=tuple(held[row.gateway_port_id]),
            ) if row.external_network_id else None,
        )
        for row in rows
    ]  # fmt: skip


def lock_router(connection: Connection, router_id: str) -> Any:
    """Return a router's row, which nobody else changes meanwhile. Raises NotFound."""
    query = sa.select(routers).where(routers.c.id == router_id).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        raise _not_found(router_id)
    return row


def create_router(db: Database, wanted: Router) -> Router:
    """Record a router and its way out; keyed by id. One transaction.

    Raises NotFound and Invalid for a gateway that cannot be, Conflict for its addresses.
    """

    def work(connection: Connection) -> Router:
        there = sa.select(routers).where(routers.c.id == wanted.id)
        if connection.execute(there).first() is None:
            require_room(connection, "router", [wanted.project_id])
            now = utcnow()
            connection.execute(
                routers.insert().values(
                    id=wanted.id, project_id=wanted.project_id, name=wanted.name,
                    description=wanted.description, admin_state_up=wanted.admin_state_up,
                    routes=list(wanted.routes), created_at=now, updated_at=now,
                )
            )  # fmt: skip
            if wanted.gateway is not None:
                _open_gateway(connection, wanted.id, wanted.gateway)
        return _with_gateways(connection, connection.execute(there).all())[0]

    return retried(db, work)


def update_router(
    db: Database, router_id: str, values: Json, *, gateway: Gateway | None, changes_gateway: bool
) -> Router:
    """Change a router's columns, and its way out when changes_gateway: None closes it.

    One transaction. Raises NotFound, Invalid, Conflict.
    """

    def work(connection: Connection) -> Router:
        row = lock_router(connection, router_id)
        connection.execute(
            routers.update().where(routers.c.id == router_id).values(updated_at=utcnow(), **values)
        )
        if changes_gateway:
            _change_gateway(connection, row, gateway)
        changed = connection.execute(sa.select(routers).where(routers.c.id == router_id)).all()
        return _with_gateways(connection, changed)[0]

    return retried(db, work)


def change_routes(
    db: Database, router_id: str, *, added: Sequence[Json], removed: Sequence[Json]
) -> Router:
    """Add and remove routes of a router, leaving the others. One transaction. May be repeated.

    Raises NotFound.
    """
    with db.write() as connection:
        row = lock_router(connection, router_id)
        kept = [route for route in row.routes if route not in removed]
        routes = kept + [route for route in added if route not in kept]
        connection.execute(
            routers.update()
            .where(routers.c.id == router_id)
            .values(routes=routes, updated_at=utcnow())
        )
        return _with_gateways(connection, [lock_router(connection, router_id)])[0]


def _change_gateway(connection: Connection, row: Any, gateway: Gateway | None) -> None:
    is_same = gateway is not None and gateway.network_id == row.external_network_id
    if is_same and gateway is not None and gateway.fixed_ips is None:
        connection.execute(
            routers.update()
            .where(routers.c.id == row.id)
            .values(enable_snat=gateway.enable_snat)
        )  # fmt: skip
        return
    if row.external_network_id and not is_same:
        _check_no_floating(connection, row)
    _close_gateway(connection, row)
    if gateway is not None:
        _open_gateway(connection, row.id, gateway)


def _check_no_floating(connection: Connection, row: Any) -> None:
    used = sa.select(floating_ips.c.id).where(floating_ips.c.router_id == row.id).limit(1)
    if connection.execute(used).first():
        raise Conflict(
            f"Gateway cannot be updated for router {row.id}, since a gateway to external network"
            f" {row.external_network_id} is required by one or more floating IPs.",
            kind="RouterExternalGatewayInUseByFloatingIp",
        )


def _open_gateway(connection: Connection, router_id: str, gateway: Gateway) -> None:
    own = networks.c
    is_external = connection.execute(
        sa.select(own.external).where(own.id == gateway.network_id)
    ).scalar_one_or_none()
    if is_external is None:
        raise NotFound(f"Network {gateway.network_id} could not be found.", kind="network")
    if not is_external:
        raise Invalid(
            f"Bad router request: Network {gateway.network_id} is not an external network.",
            kind="BadRequest",
        )
    # As in Neutron the port is nobody's: a project does not see the way out of its own routers.
    port = Port(
        id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{router_id}/{gateway.network_id}")),
        network_id=gateway.network_id, project_id="", status="ACTIVE",
        device_id=router_id, device_owner=GATEWAY, fixed_ips=gateway.fixed_ips,
        security_groups=(),
    )  # fmt: skip
    make_ports(connection, [port])
    connection.execute(
        routers.update().where(routers.c.id == router_id).values(
            external_network_id=gateway.network_id, enable_snat=gateway.enable_snat,
            gateway_port_id=port.id,
        )
    )  # fmt: skip


def _close_gateway(connection: Connection, row: Any) -> None:
    if row.gateway_port_id:
        remove_ports(connection, [row.gateway_port_id])
    connection.execute(
        routers.update()
        .where(routers.c.id == row.id)
        .values(external_network_id=None, gateway_port_id=None, enable_snat=True)
    )


def delete_router(db: Database, router_id: str) -> None:
    """Remove a router without interfaces, and its way out. One transaction.

    Raises NotFound, Conflict.
    """
    with db.write() as connection:
        row = lock_router(connection, router_id)
        interfaces = sa.select(ports.c.id).where(
            ports.c.device_id == router_id, ports.c.device_owner == INTERFACE
        )
        if connection.execute(interfaces.limit(1)).first():
            raise Conflict(f"Router {router_id} still has ports", kind="router")
        _check_no_floating(connection, row)
        _close_gateway(connection, row)
        forget_tags(connection, [router_id])
        connection.execute(routers.delete().where(routers.c.id == router_id))
