"""The ports by which routers reach subnets."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db.collisions import retried
from devstack_lite.db.engine import Database
from devstack_lite.db.port_removal import remove_ports
from devstack_lite.db.ports import get_ports_in, make_ports
from devstack_lite.db.routers import GATEWAY, INTERFACE, lock_router
from devstack_lite.db.schema import ip_allocations, ports, subnets
from devstack_lite.db.schema_network import floating_ips
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.network import Port

ROUTER_OWNERS = (INTERFACE, GATEWAY)


def add_subnet(db: Database, router_id: str, subnet_id: str, *, port_id: str) -> Port:
    """Make a port of a router with the gateway's address of a subnet; keyed by port_id.

    One transaction. Raises NotFound, Invalid, Conflict.
    """

    def work(connection: Connection) -> Port:
        router = lock_router(connection, router_id)
        there = get_ports_in(connection, [port_id])
        if there:
            return there[0]
        subnet = connection.execute(
            sa.select(subnets).where(subnets.c.id == subnet_id)
        ).one_or_none()
        if subnet is None:
            raise NotFound(f"Subnet {subnet_id} could not be found.", kind="subnet")
        if not subnet.gateway_ip:
            raise _bad("Subnet for router interface must have a gateway IP")
        _check_new(connection, router_id, [subnet])
        wanted = Port(
            id=port_id, network_id=subnet.network_id, project_id=router.project_id,
            status="ACTIVE", device_id=router_id, device_owner=INTERFACE, security_groups=(),
            fixed_ips=({"subnet_id": subnet_id, "ip_address": subnet.gateway_ip},),
        )  # fmt: skip
        return make_ports(connection, [wanted])[0]

    return retried(db, work)


def add_port(db: Database, router_id: str, port_id: str) -> Port:
    """Have a port be a router's. Delivered twice: the same. One transaction.

    Raises NotFound, Invalid, Conflict when another device has it.
    """
    with db.write() as connection:
        lock_router(connection, router_id)
        locked = sa.select(ports.c.id).where(ports.c.id == port_id).with_for_update()
        connection.execute(locked).first()
        found = get_ports_in(connection, [port_id])
        if not found:
            raise NotFound(f"Port {port_id} could not be found.", kind="port")
        [port] = found
        if (port.device_id, port.device_owner) == (router_id, INTERFACE):
            return port
        if port.device_id:
            raise Conflict(
                f"Unable to complete operation on port {port_id} for network {port.network_id}."
                f" Port already has an attached device {port.device_id}.",
                kind="port",
            )
        if not port.fixed_ips:
            raise _bad("Router port must have at least one fixed IP")
        ids = [fixed["subnet_id"] for fixed in port.fixed_ips]
        rows = connection.execute(sa.select(subnets).where(subnets.c.id.in_(ids))).all()
        _check_new(connection, router_id, rows)
        connection.execute(
            ports.update().where(ports.c.id == port_id).values(
                device_id=router_id, device_owner=INTERFACE, status="ACTIVE", updated_at=utcnow()
            )
        )  # fmt: skip
        return get_ports_in(connection, [port_id])[0]


def _bad(message: str) -> Invalid:
    return Invalid(f"Bad router request: {message}.", kind="BadRequest")


def _reached(connection: Connection, router_id: str) -> list[Any]:
    """Return the subnets on which a router has an address, with the port that has it."""
    return list(
        connection.execute(
            sa.select(subnets.c.id, subnets.c.cidr, ports.c.id.label("port_id"))
            .select_from(ports)
            .join(ip_allocations, ip_allocations.c.port_id == ports.c.id)
            .join(subnets, subnets.c.id == ip_allocations.c.subnet_id)
            .where(ports.c.device_id == router_id, ports.c.device_owner.in_(ROUTER_OWNERS))
        )
    )


def _check_new(connection: Connection, router_id: str, wanted: Sequence[Any]) -> None:
    """Raise Invalid when a router reaches one of these subnets, or addresses like theirs."""
    for one in _reached(connection, router_id):
        for subnet in wanted:
            if one.id == subnet.id:
                raise _bad(f"Router already has a port on subnet {subnet.id}")
            block, other = ipaddress.ip_network(subnet.cidr), ipaddress.ip_network(one.cidr)
            if block.overlaps(other):
                raise _bad(
                    f"Cidr {subnet.cidr} of subnet {subnet.id} overlaps with cidr {one.cidr} of"
                    f" subnet {one.id}"
                )


def remove_interface(
    db: Database, router_id: str, *, port_id: str | None, subnet_id: str | None
) -> Port:
    """Remove a router's port, found by its id or by a subnet that it has an address on.

    Returns it as it was. One transaction. Raises NotFound, Conflict while a floating IP needs it.
    """
    with db.write() as connection:
        lock_router(connection, router_id)
        own = sa.select(ports.c.id).where(
            ports.c.device_id == router_id, ports.c.device_owner == INTERFACE
        )
        if port_id is not None:
            own = own.where(ports.c.id == port_id)
        found = get_ports_in(connection, list(connection.execute(own).scalars()))
        if port_id is not None and not found:
            raise NotFound(
                f"Router {router_id} does not have an interface with id {port_id}",
                kind="routerInterface",
            )
        if subnet_id is not None:
            found = _on(found, subnet_id, router_id, port_id)
        port = found[0]
        _check_unused(connection, router_id, port)
        remove_ports(connection, [port.id])
        return port


def _on(found: list[Port], subnet_id: str, router_id: str, port_id: str | None) -> list[Port]:
    some = [
        port
        for port in found
        if subnet_id in {fixed["subnet_id"] for fixed in port.fixed_ips or ()}
    ]
    if not some and port_id is not None:
        raise Conflict(
            f"Subnet on port {port_id} does not match the requested subnet {subnet_id}.",
            kind="SubnetMismatchForPort",
        )
    if not some:
        raise NotFound(
            f"Router {router_id} has no interface on subnet {subnet_id}",
            kind="RouterInterfaceNotFoundForSubnet",
        )
    return some


def _check_unused(connection: Connection, router_id: str, port: Port) -> None:
    """Raise Conflict when a floating IP of this router stands for an address on its subnets."""
    own = floating_ips.c
    for fixed in port.fixed_ips or ():
        used = connection.execute(
            sa.select(own.id)
            .join(
                ip_allocations,
                sa.and_(
                    ip_allocations.c.port_id == own.port_id,
                    ip_allocations.c.ip_address == own.fixed_address,
                ),
            )
            .where(own.router_id == router_id, ip_allocations.c.subnet_id == fixed["subnet_id"])
            .limit(1)
        ).first()
        if used:
            raise Conflict(
                f"Router interface for subnet {fixed['subnet_id']} on router {router_id} cannot be"
                " deleted, as it is required by one or more floating IPs.",
                kind="RouterInterfaceInUseByFloatingIP",
            )
