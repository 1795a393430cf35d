"""Which security groups ports are in, and the default group that each project has."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import ports
from devstack_lite.db.schema_network import (
    port_security_groups,
    security_group_rules,
    security_groups,
)
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.names import default_group_id
from devstack_lite.objects.network import Port

DEFAULT = "default"


def ensure_default_groups(connection: Connection, project_ids: Collection[str]) -> None:
    """Make the default group of projects that have none, in the caller's transaction.

    Its id is made from the project's: two who make it at once collide, and one begins anew.
    """
    if not project_ids:
        return
    ids = {default_group_id(project_id): project_id for project_id in project_ids}
    own = security_groups.c
    there = set(connection.execute(sa.select(own.id).where(own.id.in_(list(ids)))).scalars())
    for group_id in sorted(ids.keys() - there):
        make_group_rows(
            connection, group_id, project_id=ids[group_id], name=DEFAULT,
            description="Default security group", is_default=True,
        )  # fmt: skip


def make_group_rows(
    connection: Connection,
    group_id: str,
    *,
    project_id: str,
    name: str,
    description: str,
    stateful: bool = True,
    is_default: bool = False,
) -> None:
    """Record a group with Neutron's first rules, in the caller's transaction.

    All may leave; into a default group come those that are in it.
    """
    times = {"created_at": utcnow(), "updated_at": utcnow()}
    connection.execute(
        security_groups.insert().values(
            id=group_id, project_id=project_id, name=name, description=description,
            stateful=stateful, **times,
        )
    )  # fmt: skip
    directions = ("egress", "ingress") if is_default else ("egress",)
    connection.execute(
        security_group_rules.insert(),
        [
            {
                "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{group_id}/{direction}/{ethertype}")),
                "security_group_id": group_id, "project_id": project_id,
                "direction": direction, "ethertype": ethertype,
                "remote_group_id": group_id if direction == "ingress" else None, **times,
            }
            for direction in directions
            for ethertype in ("IPv4", "IPv6")
        ],
    )  # fmt: skip


def wanted_groups(new: Iterable[Port]) -> dict[str, tuple[str, ...]]:
    """Return the groups that new ports shall be in, by port; none named: the project's default."""
    return {
        port.id: (default_group_id(port.project_id),)
        if port.security_groups is None
        else tuple(dict.fromkeys(port.security_groups))
        for port in new
    }


def lock_groups_of(connection: Connection, new: Sequence[Port]) -> None:
    """Let nobody delete the groups that new ports shall be in; make default ones that are missing.

    In the caller's transaction. Raises NotFound.
    """
    wanted = {group_id for some in wanted_groups(new).values() for group_id in some}
    _lock_groups(connection, wanted, {port.project_id for port in new})


def put_in_groups(connection: Connection, groups: Mapping[str, Sequence[str]]) -> None:
    """Record which groups ports are in besides, in the caller's transaction.

    Raises IntegrityError for a group that is gone, and that lock_groups_of has not locked.
    """
    rows = [
        {"port_id": port_id, "security_group_id": group_id}
        for port_id, some in groups.items()
        for group_id in some
    ]
    if rows:
        connection.execute(_INSERT, rows)


_INSERT = port_security_groups.insert()


def change_groups(
    connection: Connection, port_id: str, group_ids: Sequence[str], *, project_id: str
) -> None:
    """Have a port be in these groups alone, in the caller's transaction. Raises NotFound."""
    _lock_groups(connection, set(group_ids), {project_id})
    own = port_security_groups
    connection.execute(own.delete().where(own.c.port_id == port_id))
    put_in_groups(connection, {port_id: tuple(dict.fromkeys(group_ids))})


def _lock_groups(
    connection: Connection, group_ids: Collection[str], project_ids: Collection[str]
) -> None:
    """Let nobody delete these groups meanwhile. Raises NotFound when one is gone.

    The default groups of these projects are made, where they are among them.
    """
    if not group_ids:
        return
    own = security_groups.c
    query = sa.select(own.id).where(own.id.in_(sorted(group_ids))).order_by(own.id)
    there = set(connection.execute(query.with_for_update(read=True)).scalars())
    missing = set(group_ids) - there
    defaults = {default_group_id(one): one for one in project_ids}
    ensure_default_groups(connection, [defaults[one] for one in missing & defaults.keys()])
    for group_id in sorted(missing - defaults.keys()):
        raise NotFound(f"Security group {group_id} does not exist", kind="securityGroup")


def groups_of(connection: Connection, port_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the ids of the groups that ports are in, by port."""
    own = port_security_groups.c
    query = sa.select(own.port_id, own.security_group_id).where(own.port_id.in_(port_ids))
    found: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(query.order_by(own.security_group_id)):
        found[row.port_id].append(row.security_group_id)
    return found


def add_to_server(db: Database, instance_uuid: str, group_id: str) -> None:
    """Put a server's ports into a group. One transaction. May be repeated.

    Raises NotFound for a group that is gone, Invalid for a server none of whose ports is secured.
    """
    with db.write() as connection:
        own = ports.c
        rows = connection.execute(
            _ports_of(instance_uuid).with_only_columns(own.id, own.project_id, own.extra)
        ).all()
        secured = [row for row in rows if row.extra.get("port_security_enabled", True)]
        if not secured:
            raise Invalid(
                "Network requires port_security_enabled and subnet associated in order to apply"
                " security groups."
            )
        _lock_groups(connection, {group_id}, {row.project_id for row in secured})
        there = groups_of(connection, [row.id for row in secured])
        put_in_groups(
            connection, {row.id: (group_id,) for row in secured if group_id not in there[row.id]}
        )


def remove_from_server(db: Database, instance_uuid: str, group_id: str) -> None:
    """Take a server's ports out of a group. One transaction. Raises NotFound when none is in it."""
    own = port_security_groups.c
    with db.write() as connection:
        gone = connection.execute(
            port_security_groups.delete().where(
                own.security_group_id == group_id, own.port_id.in_(_ports_of(instance_uuid))
            )
        )
        if not gone.rowcount:
            raise NotFound(
                f"Security group {group_id} is not associated with the instance {instance_uuid}"
            )


def _ports_of(instance_uuid: str) -> sa.Select[tuple[str]]:
    own = ports.c
    return sa.select(own.id).where(
        own.device_id == instance_uuid, own.device_owner.startswith("compute:")
    )
