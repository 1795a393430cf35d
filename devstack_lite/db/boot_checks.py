"""What a boot request names of the sibling services, and whether this project may use it.

Read from the database all services share, so that a request is refused before anything is recorded.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.context import RequestContext
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import images, ip_allocations, networks, ports, subnets
from devstack_lite.exceptions import Conflict, Invalid
from devstack_lite.objects.compute import NetworkRequest

ADDRESS = "address"
"""The kind of the error that says that an address is another's."""

_IMAGE = sa.select(images).where(images.c.id == sa.bindparam("id"))
_IS_USABLE = sa.or_(
    networks.c.project_id == sa.bindparam("project_id"), networks.c.shared.is_(True)
)
_ONLY_NETWORK = sa.select(networks.c.id).where(_IS_USABLE, networks.c.external.is_(False)).limit(2)
_NETWORK = sa.select(networks).where(networks.c.id == sa.bindparam("id"))
_USABLE_NETWORK = _NETWORK.where(_IS_USABLE)
_CIDRS = sa.select(subnets.c.cidr).where(subnets.c.network_id == sa.bindparam("network_id"))


def find_image(db: Database, context: RequestContext, image_id: str) -> dict[str, Any]:
    """Return the image's row. Raises Invalid when the project cannot see it."""
    with db.read() as connection:
        row = connection.execute(_IMAGE, {"id": image_id}).one_or_none()
    is_seen = row is not None and (
        context.is_admin or row.visibility != "private" or row.owner == context.project_id
    )
    if row is None or not is_seen:
        raise Invalid("Can not find requested image")
    return dict(row._mapping)


def find_networks(
    db: Database, context: RequestContext, wanted: Sequence[NetworkRequest] | None
) -> tuple[NetworkRequest, ...]:
    """Return the interfaces to make: those asked for, checked; or one on the only network.

    Raises Invalid for a network or port that the project cannot use, Conflict when none was named
    and there are several.
    """
    with db.read() as connection:
        if wanted is None:
            return _only_network(connection, context)
        return tuple(_check(connection, context, request) for request in wanted)


def _only_network(connection: Connection, context: RequestContext) -> tuple[NetworkRequest, ...]:
    found = connection.execute(_ONLY_NETWORK, {"project_id": context.project_id}).all()
    if len(found) > 1:
        raise Conflict("Multiple possible networks found, use a Network ID to be more specific.")
    return tuple(NetworkRequest(network_id=row.id) for row in found)


def _check(
    connection: Connection, context: RequestContext, request: NetworkRequest
) -> NetworkRequest:
    if request.port_id is not None:
        return _check_port(connection, context, request)
    asked = {"id": request.network_id, "project_id": context.project_id}
    query = _NETWORK if context.is_admin else _USABLE_NETWORK
    row = connection.execute(query, asked).one_or_none()
    if row is None:
        raise Invalid(f"Network {request.network_id} could not be found.")
    cidrs = connection.execute(_CIDRS, {"network_id": row.id}).scalars().all()
    if not cidrs:
        raise Invalid(
            f"Network {request.network_id} requires a subnet in order to boot instances on."
        )
    if request.fixed_ip is not None and not any(
        ipaddress.ip_address(request.fixed_ip) in ipaddress.ip_network(cidr) for cidr in cidrs
    ):
        raise Invalid(
            f"Fixed IP {request.fixed_ip} is not a valid ip address for network"
            f" {request.network_id}."
        )
    if request.fixed_ip is not None:
        _require_free(connection, row.id, str(ipaddress.ip_address(request.fixed_ip)))
    return request


def require_secured(db: Database, requests: Sequence[NetworkRequest]) -> None:
    """Raise Invalid when a network keeps nothing from its ports, so that groups mean nothing."""
    ids = [request.network_id for request in requests if request.port_id is None]
    own = networks.c
    query = sa.select(own.id).where(own.id.in_(ids), own.port_security_enabled.is_(False))
    with db.read() as connection:
        if connection.execute(query.limit(1)).first():
            raise Invalid(
                "Network requires port_security_enabled and subnet associated in order to apply"
                " security groups."
            )


def _require_free(connection: Connection, network_id: str, address: str) -> None:
    """Raise Invalid when a port has the address; who takes it meanwhile is found by the build."""
    taken = connection.execute(
        sa.select(ip_allocations.c.port_id)
        .join(subnets, subnets.c.id == ip_allocations.c.subnet_id)
        .where(subnets.c.network_id == network_id, ip_allocations.c.ip_address == address)
    ).first()
    if taken is not None:
        raise Invalid(f"Fixed IP address {address} is already in use.", kind=ADDRESS)


def _check_port(
    connection: Connection, context: RequestContext, request: NetworkRequest
) -> NetworkRequest:
    row = connection.execute(sa.select(ports).where(ports.c.id == request.port_id)).one_or_none()
    if row is None or not (context.is_admin or row.project_id == context.project_id):
        raise Invalid(f"Port {request.port_id} could not be found.")
    if row.device_id:
        raise Conflict(f"Port {request.port_id} is still in use.")
    return request
