"""Server groups: who is in one, where its members are, and whether one more may be there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import claims, instances, server_group_members, server_groups
from devstack_lite.exceptions import Invalid, NotFound, QuotaExceeded
from devstack_lite.objects.compute import GroupPolicy, ServerGroup

_GROUPS_OF = sa.select(server_group_members.c.group_id).where(
    server_group_members.c.instance_uuid == sa.bindparam("uuid")
)


@dataclass(slots=True, kw_only=True)
class Placement:
    """A group's policy, and how many of its members each host has, claims under way included."""

    group_id: str
    policy: str
    max_server_per_host: int = 1
    members_on: Counter[str] = field(default_factory=Counter)

    def allows(self, host: str) -> bool:
        """Say whether one more member may be on host. The soft policies allow everything."""
        if self.policy == GroupPolicy.ANTI_AFFINITY:
            return self.members_on[host] < self.max_server_per_host
        if self.policy == GroupPolicy.AFFINITY:
            return not +self.members_on or self.members_on[host] > 0
        return True


def list_groups(db: Database, *, project_id: str | None) -> list[ServerGroup]:
    """Return a project's groups, or all, in the order in which they were made."""
    own = server_groups.c
    condition = sa.true() if project_id is None else own.project_id == project_id
    with db.read() as connection:
        return _found(connection, condition)


def get_group(db: Database, group_id: str, *, project_id: str | None) -> ServerGroup:
    """Return one; another project's is not found. Raises NotFound."""
    own = server_groups.c
    condition = own.id == group_id
    if project_id is not None:
        condition = sa.and_(condition, own.project_id == project_id)
    with db.read() as connection:
        found = _found(connection, condition)
    if not found:
        raise NotFound(f"Instance group {group_id} could not be found.", kind="server_group")
    return found[0]


def groups_of(db: Database, uuid: str) -> tuple[str, ...]:
    """Return the groups that an instance is in: one, or none."""
    with db.read() as connection:
        return tuple(connection.scalars(_GROUPS_OF, {"uuid": uuid}))


def create_group(db: Database, *, group: ServerGroup, limit: int) -> ServerGroup:
    """Record a group. Delivered twice: the one that is there. One transaction.

    limit: how many a project may have, -1 any number. Raises QuotaExceeded.
    """
    own = server_groups.c
    made = {
        "id": group.id, "name": group.name, "project_id": group.project_id,
        "user_id": group.user_id, "policy": group.policy,
        "max_server_per_host": group.max_server_per_host, "created_at": utcnow(),
    }  # fmt: skip
    with db.write() as connection:
        there = _found(connection, own.id == group.id)
        if there:
            return there[0]
        count = connection.execute(
            sa.select(sa.func.count(own.id)).where(own.project_id == group.project_id)
        ).scalar_one()
        if 0 <= limit <= count:
            raise QuotaExceeded("Quota exceeded, too many server groups.")
        connection.execute(server_groups.insert().values(made))
        return _found(connection, own.id == group.id)[0]


def delete_group(db: Database, *, group_id: str) -> None:
    """Remove a group; its members stay as they are. One transaction. Raises NotFound."""
    own = server_group_members.c
    with db.write() as connection:
        gone = connection.execute(server_groups.delete().where(server_groups.c.id == group_id))
        if not gone.rowcount:
            raise NotFound(f"Instance group {group_id} could not be found.", kind="server_group")
        connection.execute(server_group_members.delete().where(own.group_id == group_id))


def join(connection: Connection, group_id: str, uuids: Sequence[str]) -> None:
    """Make new instances members, in the caller's transaction. Raises Invalid without group."""
    query = sa.select(server_groups.c.id).where(server_groups.c.id == group_id)
    if connection.execute(query).first() is None:
        raise Invalid(f"Instance group {group_id} could not be found.", kind="server_group")
    connection.execute(
        server_group_members.insert(),
        [{"instance_uuid": uuid, "group_id": group_id} for uuid in uuids],
    )


def placement_of(db: Database, group_id: str, *, without: Sequence[str] = ()) -> Placement | None:
    """Return where a group's members are, leaving some out; None when there is no such group."""
    with db.read() as connection:
        found = _placements(connection, [group_id], without)
    return found.get(group_id)


def placements_of(connection: Connection, uuids: Sequence[str]) -> dict[str, Placement]:
    """Return by instance its group's placement, itself left out; shared by those of one group."""
    own = server_group_members.c
    group_of = {
        row.instance_uuid: row.group_id
        for row in connection.execute(
            sa.select(server_group_members).where(own.instance_uuid.in_(uuids))
        )
    }
    if not group_of:
        return {}
    found = _placements(connection, set(group_of.values()), uuids)
    return {uuid: found[group] for uuid, group in group_of.items() if group in found}


def _placements(
    connection: Connection, group_ids: Iterable[str], without: Sequence[str]
) -> dict[str, Placement]:
    own, member = server_groups.c, server_group_members.c
    wanted = list(group_ids)
    found = {
        row.id: Placement(
            group_id=row.id, policy=row.policy, max_server_per_host=row.max_server_per_host
        )
        for row in connection.execute(sa.select(server_groups).where(own.id.in_(wanted)))
    }
    held = (
        sa.select(member.group_id, claims.c.host)
        .join(claims, claims.c.instance_uuid == member.instance_uuid)
        .where(member.group_id.in_(wanted), member.instance_uuid.not_in(list(without)))
    )
    for row in connection.execute(held):
        if row.group_id in found:
            found[row.group_id].members_on[row.host] += 1
    return found


def _found(connection: Connection, condition: Any) -> list[ServerGroup]:
    own = server_groups.c
    rows = connection.execute(
        sa.select(server_groups).where(condition).order_by(own.created_at, own.id)
    ).all()
    members = defaultdict(list)
    alive = (
        sa.select(server_group_members)
        .join(instances, instances.c.uuid == server_group_members.c.instance_uuid)
        .where(
            server_group_members.c.group_id.in_([row.id for row in rows]),
            instances.c.deleted_at.is_(None),
        )
    )
    for row in connection.execute(alive):
        members[row.group_id].append(row.instance_uuid)
    return [ServerGroup(**row._mapping, members=tuple(members[row.id])) for row in rows]
