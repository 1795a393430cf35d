"""Security groups and their rules; which ports are in them is in port_groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db.collisions import retried
from devstack_lite.db.engine import Database
from devstack_lite.db.network_quotas import require_room
from devstack_lite.db.port_groups import DEFAULT, ensure_default_groups, make_group_rows
from devstack_lite.db.port_removal import forget_tags
from devstack_lite.db.schema_network import (
    port_security_groups,
    security_group_rules,
    security_groups,
)
from devstack_lite.exceptions import Conflict, NotFound
from devstack_lite.names import default_group_id
from devstack_lite.objects.registry import Json
from devstack_lite.objects.security import SecurityGroup, SecurityGroupRule

ANYWHERE = frozenset({"0.0.0.0/0", "::/0"})
NUMBERS = {"icmp": "1", "tcp": "6", "udp": "17", "icmpv6": "58", "ipv6-icmp": "58"}
"""Names of protocols that are often given by number; either is the same rule."""


def list_groups(
    db: Database, *, project_id: str | None = None, group_id: str | None = None
) -> list[SecurityGroup]:
    """Return groups with their rules, the oldest first; with project_id, that project's."""
    query = sa.select(security_groups).order_by(security_groups.c.created_at, security_groups.c.id)
    if project_id is not None:
        query = query.where(security_groups.c.project_id == project_id)
    if group_id is not None:
        query = query.where(security_groups.c.id == group_id)
    with db.read() as connection:
        return _with_rules(connection, connection.execute(query).all())


def get_group(db: Database, group_id: str, *, project_id: str | None = None) -> SecurityGroup:
    """Return one group, of project_id when given. Raises NotFound."""
    found = list_groups(db, project_id=project_id, group_id=group_id)
    if not found:
        raise _not_found(group_id)
    return found[0]


def _not_found(group_id: str) -> NotFound:
    return NotFound(f"Security group {group_id} does not exist", kind="securityGroup")


def _with_rules(connection: Connection, rows: Sequence[Any]) -> list[SecurityGroup]:
    own = security_group_rules.c
    rules: dict[str, list[SecurityGroupRule]] = defaultdict(list)
    query = sa.select(security_group_rules).order_by(own.created_at, own.id)
    if len(rows) == 1:
        query = query.where(own.security_group_id == rows[0].id)
    for row in connection.execute(query) if rows else ():
        rules[row.security_group_id].append(SecurityGroupRule(**row._mapping))
    return [SecurityGroup(**row._mapping, rules=tuple(rules[row.id])) for row in rows]


def list_rules(
    db: Database, *, project_id: str | None = None, rule_id: str | None = None
) -> list[SecurityGroupRule]:
    """Return rules, the oldest first; with project_id, those of its groups."""
    own = security_group_rules.c
    query = sa.select(security_group_rules).order_by(own.created_at, own.id)
    if project_id is not None:
        of = sa.select(security_groups.c.id).where(security_groups.c.project_id == project_id)
        query = query.where(own.security_group_id.in_(of))
    if rule_id is not None:
        query = query.where(own.id == rule_id)
    with db.read() as connection:
        return [SecurityGroupRule(**row._mapping) for row in connection.execute(query)]


def get_rule(db: Database, rule_id: str, *, project_id: str | None = None) -> SecurityGroupRule:
    """Return one rule of a group that the project has. Raises NotFound."""
    found = list_rules(db, project_id=project_id, rule_id=rule_id)
    if not found:
        raise _rule_not_found(rule_id)
    return found[0]


def _rule_not_found(rule_id: str) -> NotFound:
    return NotFound(f"Security group rule {rule_id} does not exist", kind="securityGroupRule")


def seen_groups(db: Database, group_ids: Collection[str], *, project_id: str | None) -> set[str]:
    """Return which of these groups are there, and the project's when it is given."""
    own = security_groups.c
    query = sa.select(own.id).where(own.id.in_(list(group_ids)))
    if project_id is not None:
        query = query.where(own.project_id == project_id)
    with db.read() as connection:
        return set(connection.execute(query).scalars())


def ensure_default(db: Database, project_id: str) -> None:
    """Make a project's default group unless it is there. One transaction."""
    retried(db, lambda connection: ensure_default_groups(connection, [project_id]))


def create_group(db: Database, wanted: SecurityGroup) -> SecurityGroup:
    """Record a group with its first rules; keyed by id. One transaction."""

    def work(connection: Connection) -> SecurityGroup:
        there = sa.select(security_groups).where(security_groups.c.id == wanted.id)
        if connection.execute(there).first() is None:
            ensure_default_groups(connection, [wanted.project_id])
            require_room(connection, "security_group", [wanted.project_id])
            make_group_rows(
                connection, wanted.id, project_id=wanted.project_id, name=wanted.name,
                description=wanted.description, stateful=wanted.stateful,
            )  # fmt: skip
        return _with_rules(connection, connection.execute(there).all())[0]

    return retried(db, work)


def update_group(db: Database, group_id: str, values: Json) -> SecurityGroup:
    """Change a group's columns. One transaction. Raises NotFound, Conflict."""
    with db.write() as connection:
        row = _lock(connection, group_id)
        is_default = group_id == default_group_id(row.project_id)
        if is_default and values.get("name", DEFAULT) != DEFAULT:
            raise Conflict(
                "Updating default security group not allowed.",
                kind="SecurityGroupCannotUpdateDefault",
            )
        if values.get("stateful", row.stateful) != row.stateful:
            _check_unused(connection, group_id)
        connection.execute(
            security_groups.update()
            .where(security_groups.c.id == group_id)
            .values(updated_at=utcnow(), **values)
        )
        return _with_rules(connection, [_lock(connection, group_id)])[0]


def _lock(connection: Connection, group_id: str) -> Any:
    query = sa.select(security_groups).where(security_groups.c.id == group_id)
    row = connection.execute(query.with_for_update()).one_or_none()
    if row is None:
        raise _not_found(group_id)
    return row


def _check_unused(connection: Connection, group_id: str) -> None:
    own = port_security_groups.c
    used = sa.select(own.port_id).where(own.security_group_id == group_id).limit(1)
    if connection.execute(used).first():
        raise Conflict(f"Security Group {group_id} in use.", kind="securityGroup")


def delete_group(db: Database, group_id: str) -> None:
    """Remove a group that no port is in, its rules, and those that let it through elsewhere.

    One transaction. Raises NotFound, Conflict.
    """
    with db.write() as connection:
        _lock(connection, group_id)
        _check_unused(connection, group_id)
        own = security_group_rules.c
        connection.execute(
            security_group_rules.delete().where(
                sa.or_(own.security_group_id == group_id, own.remote_group_id == group_id)
            )
        )
        forget_tags(connection, [group_id])
        connection.execute(security_groups.delete().where(security_groups.c.id == group_id))


def create_rules(db: Database, wanted: Sequence[SecurityGroupRule]) -> list[SecurityGroupRule]:
    """Record rules, all or none; keyed by id. One transaction.

    Raises NotFound for a group that is gone, Conflict for a rule that is there already.
    """

    def work(connection: Connection) -> list[SecurityGroupRule]:
        own = security_group_rules.c
        ids = [one.id for one in wanted]
        remote = {one.remote_group_id for one in wanted if one.remote_group_id}
        for group_id in sorted(remote | {one.security_group_id for one in wanted}):
            _lock(connection, group_id)
        query = sa.select(security_group_rules).where(own.id.in_(ids))
        there = {row.id for row in connection.execute(query)}
        new = [one for one in wanted if one.id not in there]
        _check_new(connection, new)
        require_room(connection, "security_group_rule", [one.project_id for one in new])
        if new:
            times = {"created_at": utcnow(), "updated_at": utcnow()}
            connection.execute(
                security_group_rules.insert(), [{**_columns(one), **times} for one in new]
            )
        found = {row.id: SecurityGroupRule(**row._mapping) for row in connection.execute(query)}
        return [found[rule_id] for rule_id in ids]

    return retried(db, work)


_RULE_COLUMNS = (
    "id", "security_group_id", "project_id", "direction", "ethertype", "protocol",
    "port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id", "description",
)  # fmt: skip


def _columns(rule: SecurityGroupRule) -> Json:
    return {name: getattr(rule, name) for name in _RULE_COLUMNS}


def _meaning(rule: Any) -> tuple[Any, ...]:
    """Return what a rule lets through: two that say the same are one."""
    prefix = None if rule.remote_ip_prefix in ANYWHERE else rule.remote_ip_prefix
    return (
        rule.security_group_id, rule.direction, rule.ethertype,
        NUMBERS.get(str(rule.protocol), rule.protocol), rule.port_range_min, rule.port_range_max,
        prefix, rule.remote_group_id,
    )  # fmt: skip


def _check_new(connection: Connection, wanted: Sequence[SecurityGroupRule]) -> None:
    """Raise Conflict when a rule says what another one does already."""
    own = security_group_rules.c
    ids = {one.security_group_id for one in wanted}
    query = sa.select(security_group_rules).where(own.security_group_id.in_(ids))
    there = {_meaning(row): row.id for row in connection.execute(query)}
    for one in wanted:
        meaning = _meaning(one)
        if meaning in there:
            raise Conflict(
                f"Security group rule already exists. Rule id is {there[meaning]}.",
                kind="SecurityGroupRuleExists",
            )
        there[meaning] = one.id


def delete_rule(db: Database, rule_id: str) -> None:
    """Remove a rule. One transaction. Raises NotFound."""
    with db.write() as connection:
        gone = connection.execute(
            security_group_rules.delete().where(security_group_rules.c.id == rule_id)
        )
        if not gone.rowcount:
            raise _rule_not_found(rule_id)
