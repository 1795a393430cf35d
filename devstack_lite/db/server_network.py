"""What the network says of servers besides their ports: floating IPs and security groups.

Read when it is asked for, so that what a server shows is what is there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from devstack_lite.db.engine import Database
from devstack_lite.db.port_groups import DEFAULT
from devstack_lite.db.schema import ports
from devstack_lite.db.schema_network import floating_ips, port_security_groups, security_groups
from devstack_lite.db.security_groups import get_group
from devstack_lite.db.statements import one_of
from devstack_lite.exceptions import Conflict, NotFound
from devstack_lite.names import default_group_id
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.security import SecurityGroup

_PORT_IDS = "port_ids"
_FLOATING = sa.select(
    floating_ips.c.port_id, floating_ips.c.fixed_address, floating_ips.c.address
).where(one_of(floating_ips.c.port_id, _PORT_IDS))
_GROUP_NAMES = (
    sa.select(ports.c.device_id, security_groups.c.name)
    .join(port_security_groups, port_security_groups.c.port_id == ports.c.id)
    .join(security_groups, security_groups.c.id == port_security_groups.c.security_group_id)
    .where(one_of(ports.c.id, _PORT_IDS))
    .order_by(security_groups.c.name)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerNetwork:
    """floating: addresses by (port, fixed address); group_names: by instance, one of each port."""

    floating: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    group_names: Mapping[str, Sequence[str]] = field(default_factory=dict)


def read_network(db: Database, found: Sequence[Instance]) -> ServerNetwork:
    """Return what the network says of these instances."""
    port_ids = [port["port_id"] for one in found for port in one.network_info]
    if not port_ids:
        return ServerNetwork()
    asked = {_PORT_IDS: port_ids}
    floating: dict[tuple[str, str], list[str]] = defaultdict(list)
    names: dict[str, list[str]] = defaultdict(list)
    with db.read() as connection:
        for row in connection.execute(_FLOATING, asked):
            floating[row.port_id, row.fixed_address].append(row.address)
        for group in connection.execute(_GROUP_NAMES, asked):
            names[group.device_id].append(group.name)
    return ServerNetwork(floating=floating, group_names=names)


def find_groups(db: Database, project_id: str, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of a project's groups of these names or ids.

    `default` is found though it was not made yet. Raises NotFound, Conflict for a name of several.
    """
    own = security_groups.c
    query = sa.select(own.id, own.name).where(
        own.project_id == project_id, sa.or_(own.name.in_(wanted), own.id.in_(wanted))
    )
    with db.read() as connection:
        rows = connection.execute(query).all()
    found = []
    for name in dict.fromkeys(wanted):
        ids = [row.id for row in rows if row.id == name] or [
            row.id for row in rows if row.name == name
        ]
        if name == DEFAULT:
            ids = ids or [default_group_id(project_id)]
        if not ids:
            raise NotFound(f"Unable to find security_group with name or id '{name}'")
        if len(ids) > 1:
            raise Conflict(
                f"Multiple security_group matches found for name '{name}', use an ID to be more"
                " specific."
            )
        found.append(ids[0])
    return tuple(dict.fromkeys(found))


def groups_of_server(db: Database, instance_uuid: str) -> list[SecurityGroup]:
    """Return the groups that a server's ports are in, each once."""
    joined = port_security_groups.c
    query = (
        sa.select(joined.security_group_id)
        .join(ports, ports.c.id == joined.port_id)
        .where(ports.c.device_id == instance_uuid, ports.c.device_owner.startswith("compute:"))
        .distinct()
    )
    with db.read() as connection:
        ids = set(connection.execute(query).scalars())
    return [get_group(db, group_id) for group_id in sorted(ids)]
