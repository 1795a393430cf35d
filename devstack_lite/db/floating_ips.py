"""Floating IPs: addresses of external networks, and the fixed addresses they stand for."""

from __future__ import annotations

import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db.collisions import retried
from devstack_lite.db.engine import Database
from devstack_lite.db.network_quotas import require_room
from devstack_lite.db.port_removal import forget_tags, remove_ports
from devstack_lite.db.ports import get_ports_in, make_ports
from devstack_lite.db.routers import INTERFACE, lock_router
from devstack_lite.db.schema import ip_allocations, networks, ports, subnets
from devstack_lite.db.schema_network import floating_ips, routers
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.network import Port
from devstack_lite.objects.registry import Json
from devstack_lite.objects.routing import FloatingIp

OWNER = "network:floatingip"


def list_floating_ips(
    db: Database, *, project_id: str | None = None, floating_ip_id: str | None = None
) -> list[FloatingIp]:
    """Return floating IPs, the oldest first; with project_id, that project's."""
    query = sa.select(floating_ips).order_by(floating_ips.c.created_at, floating_ips.c.id)
    if project_id is not None:
        query = query.where(floating_ips.c.project_id == project_id)
    if floating_ip_id is not None:
        query = query.where(floating_ips.c.id == floating_ip_id)
    with db.read() as connection:
        return [FloatingIp(**row._mapping) for row in connection.execute(query)]


def get_floating_ip(
    db: Database, floating_ip_id: str, *, project_id: str | None = None
) -> FloatingIp:
    """Return one floating IP, of project_id when given. Raises NotFound."""
    found = list_floating_ips(db, project_id=project_id, floating_ip_id=floating_ip_id)
    if not found:
        raise _not_found(floating_ip_id)
    return found[0]


def _not_found(floating_ip_id: str) -> NotFound:
    return NotFound(f"Floating IP {floating_ip_id} could not be found", kind="floatingIP")


def create_floating_ip(db: Database, wanted: FloatingIp) -> FloatingIp:
    """Take an address and have it stand for a port's, if one is named; keyed by id.

    One transaction. Raises NotFound, Invalid, Conflict.
    """

    def work(connection: Connection) -> FloatingIp:
        there = _row(connection, wanted.id)
        if there is None:
            require_room(connection, "floatingip", [wanted.project_id])
            target = {}
            if wanted.port_id is not None:
                target = _target(connection, wanted, wanted.port_id, wanted.fixed_address)
            now = utcnow()
            connection.execute(
                floating_ips.insert().values(
                    id=wanted.id, project_id=wanted.project_id, network_id=wanted.network_id,
                    description=wanted.description, created_at=now, updated_at=now,
                    **_take_address(connection, wanted), **target,
                )
            )  # fmt: skip
            there = _row(connection, wanted.id)
        return FloatingIp(**there._mapping)

    return retried(db, work)


def _row(connection: Connection, floating_ip_id: str) -> Any:
    query = sa.select(floating_ips).where(floating_ips.c.id == floating_ip_id)
    return connection.execute(query.with_for_update()).one_or_none()


def _take_address(connection: Connection, wanted: FloatingIp) -> Json:
    """Make the port that holds the address on the external network; return what the row says."""
    own = networks.c
    is_external = connection.execute(
        sa.select(own.external).where(own.id == wanted.network_id)
    ).scalar_one_or_none()
    if not is_external:
        raise _bad(f"Network {wanted.network_id} is not a valid external network")
    query = sa.select(subnets.c.id).where(
        subnets.c.network_id == wanted.network_id, subnets.c.ip_version == 4
    )
    choices = [
        {"subnet_id": subnet_id}
        for subnet_id in connection.execute(
            query.order_by(subnets.c.created_at, subnets.c.id)
        ).scalars()
        if wanted.subnet_id in {None, subnet_id}
    ]
    if not choices:
        raise _bad(f"Network {wanted.network_id} does not contain any IPv4 subnet to take from")
    if wanted.address:
        subnet = {"subnet_id": wanted.subnet_id} if wanted.subnet_id else {}
        choices = [{**subnet, "ip_address": wanted.address}]
    port = _make_first(connection, wanted, choices)
    [fixed] = port.fixed_ips or ()
    return {"floating_port_id": port.id, "address": fixed["ip_address"]}


def _make_first(connection: Connection, wanted: FloatingIp, choices: list[Json]) -> Port:
    """Make the port from the first choice that has a free address. Raises Conflict, Invalid."""
    for last, choice in zip([*[False] * (len(choices) - 1), True], choices, strict=True):
        port = Port(
            id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{wanted.id}/port")),
            network_id=wanted.network_id, project_id="", status="N/A", device_id=wanted.id,
            device_owner=OWNER, fixed_ips=(choice,), security_groups=(),
        )  # fmt: skip
        try:
            return make_ports(connection, [port])[0]
        except Conflict:
            # This subnet is full, and nothing was recorded: the next one may have room.
            if last:
                raise
    raise AssertionError("there was no choice")


def _bad(message: str) -> Invalid:
    return Invalid(f"Bad floatingip request: {message}.", kind="BadRequest")


def _target(connection: Connection, floating: Any, port_id: str, fixed_address: str | None) -> Json:
    """Return what a floating IP's row says when it stands for an address of a port.

    floating: its id and network_id. The router, then the port are locked. Raises NotFound,
    Invalid, Conflict.
    """
    port = _port(connection, port_id)
    address, subnet_id = _fixed(port, fixed_address)
    router_id = _router_between(connection, floating.network_id, subnet_id)
    if router_id is None or lock_router(connection, router_id).external_network_id is None:
        raise NotFound(
            f"External network {floating.network_id} is not reachable from subnet {subnet_id}."
            f" Therefore, cannot associate Port {port_id} with a Floating IP.",
            kind="ExternalGatewayForFloatingIPNotFound",
        )
    connection.execute(sa.select(ports.c.id).where(ports.c.id == port_id).with_for_update())
    _fixed(_port(connection, port_id), address)
    own = floating_ips.c
    taken = connection.execute(
        sa.select(own.id, own.address).where(
            own.port_id == port_id, own.fixed_address == address, own.id != floating.id
        )
    ).first()
    if taken is not None:
        raise Conflict(
            f"Cannot associate floating IP {taken.address} ({taken.id}) with port {port_id} using"
            f" fixed IP {address}, as that fixed IP already has a floating IP on external network"
            f" {floating.network_id}.",
            kind="FloatingIPPortAlreadyAssociated",
        )
    return {"port_id": port_id, "fixed_address": address, "router_id": router_id}


def _port(connection: Connection, port_id: str) -> Port:
    found = get_ports_in(connection, [port_id])
    if not found:
        raise NotFound(f"Port {port_id} could not be found.", kind="port")
    return found[0]


def _fixed(port: Port, fixed_address: str | None) -> tuple[str, str]:
    """Return the address of a port that is meant, with its subnet. Raises Invalid."""
    own = [one for one in port.fixed_ips or () if ":" not in one["ip_address"]]
    if fixed_address is not None:
        own = [one for one in own if one["ip_address"] == fixed_address]
        if not own:
            raise _bad(f"Port {port.id} does not have fixed ip {fixed_address}")
    if not own:
        raise _bad(f"Port {port.id} does not have fixed IPv4 addresses")
    if len(own) > 1:
        raise _bad(
            f"Port {port.id} has multiple fixed IPv4 addresses. Must provide a specific IPv4"
            " address when assigning a floating IP"
        )
    return own[0]["ip_address"], own[0]["subnet_id"]


def _router_between(connection: Connection, network_id: str, subnet_id: str) -> str | None:
    """Return the router from a subnet to an external network: best the subnet's own gateway."""
    own = routers.c
    is_gateway = ip_allocations.c.ip_address == subnets.c.gateway_ip
    found = connection.execute(
        sa.select(own.id)
        .join(ports, sa.and_(ports.c.device_id == own.id, ports.c.device_owner == INTERFACE))
        .join(ip_allocations, ip_allocations.c.port_id == ports.c.id)
        .join(subnets, subnets.c.id == ip_allocations.c.subnet_id)
        .where(own.external_network_id == network_id, subnets.c.id == subnet_id)
        .order_by(sa.case((is_gateway, 0), else_=1), own.created_at, own.id)
        .limit(1)
    ).first()
    return None if found is None else str(found.id)


def update_floating_ip(db: Database, floating_ip_id: str, values: Json) -> FloatingIp:
    """Change its description, or what it stands for: port_id None is nothing.

    fixed_address: which of the port's addresses, None the only one. One transaction. Raises
    NotFound, Invalid, Conflict.
    """

    def work(connection: Connection) -> FloatingIp:
        row = _row(connection, floating_ip_id)
        if row is None:
            raise _not_found(floating_ip_id)
        changed = {"description": values.get("description", row.description)}
        if values.get("port_id"):
            changed |= _target(connection, row, values["port_id"], values.get("fixed_address"))
        elif "port_id" in values:
            changed |= {"port_id": None, "fixed_address": None, "router_id": None}
        connection.execute(
            floating_ips.update()
            .where(floating_ips.c.id == floating_ip_id)
            .values(updated_at=utcnow(), **changed)
        )
        return FloatingIp(**_row(connection, floating_ip_id)._mapping)

    return retried(db, work)


def delete_floating_ip(db: Database, floating_ip_id: str) -> None:
    """Give an address back. One transaction. Raises NotFound."""
    with db.write() as connection:
        row = _row(connection, floating_ip_id)
        if row is None:
            raise _not_found(floating_ip_id)
        connection.execute(floating_ips.delete().where(floating_ips.c.id == floating_ip_id))
        forget_tags(connection, [floating_ip_id])
        remove_ports(connection, [row.floating_port_id])
