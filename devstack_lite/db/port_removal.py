"""The end of ports: what stands on them goes with them."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db.schema import ip_allocations, ports
from devstack_lite.db.schema_network import floating_ips, network_tags, port_security_groups
from devstack_lite.db.statements import one_of


def remove_ports(connection: Connection, port_ids: Collection[str]) -> int:
    """Remove ports with their addresses and groups; return how many were there.

    Floating IPs of theirs stand for nothing afterwards. In the caller's transaction.
    """
    ids = list(port_ids)
    if not ids:
        return 0
    # Rows first: who has a floating IP stand for one of them has locked it, and is waited for.
    count = connection.execute(_REMOVE, {"ids": ids}).rowcount
    connection.execute(_RELEASE, {"ids": ids, **_RELEASED, "updated_at": utcnow()})
    for remove in _REMOVE_OF_PORTS:
        connection.execute(remove, {"ids": ids})
    return count


_RELEASED = {"port_id": None, "fixed_address": None, "router_id": None}
_REMOVE = ports.delete().where(one_of(ports.c.id, "ids"))
_RELEASE = floating_ips.update().where(one_of(floating_ips.c.port_id, "ids"))
_REMOVE_OF_PORTS = [
    column.table.delete().where(one_of(column, "ids"))
    for column in (
        ip_allocations.c.port_id, port_security_groups.c.port_id, network_tags.c.resource_id
    )
]  # fmt: skip


def forget_tags(connection: Connection, resource_ids: Collection[str]) -> None:
    """Remove the tags of what is gone, in the caller's transaction."""
    own = network_tags.c.resource_id
    connection.execute(network_tags.delete().where(own.in_(list(resource_ids))))


def release_floating_ips(connection: Connection, which: sa.ColumnElement[bool]) -> None:
    """Have floating IPs stand for nothing, in the caller's transaction."""
    connection.execute(floating_ips.update().where(which).values(**_RELEASED, updated_at=utcnow()))
