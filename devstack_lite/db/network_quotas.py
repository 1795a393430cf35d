"""How much of the network a project may have: without a word nothing is limited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.engine import Database
from devstack_lite.db.schema import networks, ports, subnets
from devstack_lite.db.schema_network import (
    floating_ips,
    network_quotas,
    routers,
    security_group_rules,
    security_groups,
)
from devstack_lite.exceptions import Conflict, Invalid

UNLIMITED = -1

COUNTED = {
    "network": networks, "subnet": subnets, "port": ports, "router": routers,
    "floatingip": floating_ips, "security_group": security_groups,
    "security_group_rule": security_group_rules,
}  # fmt: skip


def limits_of(db: Database, project_id: str) -> dict[str, int]:
    """Return a project's limits, UNLIMITED where none was set."""
    return dict.fromkeys(COUNTED, UNLIMITED) | all_limits(db).get(project_id, {})


def all_limits(db: Database) -> dict[str, dict[str, int]]:
    """Return the limits that were set, by project."""
    found: dict[str, dict[str, int]] = {}
    with db.read() as connection:
        for row in connection.execute(sa.select(network_quotas)):
            found.setdefault(row.project_id, {})[row.resource] = row.most
    return found


def count_of(db: Database, project_id: str) -> dict[str, int]:
    """Return how many of each resource a project has."""
    with db.read() as connection:
        return {name: _count(connection, name, project_id) for name in COUNTED}


def _count(connection: Connection, resource: str, project_id: str) -> int:
    table = COUNTED[resource]
    query = sa.select(sa.func.count()).where(table.c.project_id == project_id)
    return int(connection.execute(query).scalar_one())


def require_room(connection: Connection, resource: str, project_ids: Iterable[str]) -> None:
    """Raise Conflict unless projects may have more of a resource: one for each time it is named.

    Whoever makes some of what is limited for a project waits for others that do. In the caller's
    transaction, before anything is recorded.
    """
    wanted = Counter(project_ids)
    own = network_quotas.c
    query = sa.select(network_quotas).where(
        own.project_id.in_(list(wanted)), own.resource == resource, own.most >= 0
    )
    for row in connection.execute(query.order_by(own.project_id).with_for_update()).all():
        if _count(connection, resource, row.project_id) + wanted[row.project_id] > row.most:
            raise Conflict(f"Quota exceeded for resources: ['{resource}'].", kind="OverQuota")


def set_limits(
    db: Database, project_id: str, limits: dict[str, int], *, is_checked: bool = False
) -> None:
    """Set some limits of a project. One transaction.

    Raises Invalid when is_checked and there is more already than it shall have.
    """
    own = network_quotas.c
    with db.write() as connection:
        for resource, most in sorted(limits.items()):
            if is_checked and 0 <= most < _count(connection, resource, project_id):
                raise Invalid(f"Quota of {resource} is below what is used.", kind="BadRequest")
            connection.execute(
                network_quotas.delete().where(
                    own.project_id == project_id, own.resource == resource
                )
            )
            connection.execute(
                network_quotas.insert().values(project_id=project_id, resource=resource, most=most)
            )


def forget_limits(db: Database, project_id: str) -> bool:
    """Let a project have what it likes; False when it could already. One transaction."""
    with db.write() as connection:
        own = network_quotas.c.project_id
        return bool(connection.execute(network_quotas.delete().where(own == project_id)).rowcount)
