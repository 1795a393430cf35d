"""What a token is worth now: its user, what it is for, and the roles there. One read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from devstack_lite.db.engine import Database
from devstack_lite.db.project_tree import project_of
from devstack_lite.db.schema import (
    domains,
    projects,
    revoked_tokens,
    role_assignments,
    roles,
    users,
)
from devstack_lite.db.schema_identity import group_members, implied_roles
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.identity import Domain, Project, Role, Standing, User

IMPLIED = {"admin": "manager", "manager": "member", "member": "reader"}
"""Keystone's default hierarchy: whoever has the first has the second, too."""

_USER, _PROJECT = (tuple(field.name for field in fields(kind)) for kind in (User, Project))
_ROLE = ("id", "name", "description")
_AT = len(_USER) + len(_PROJECT)
"""Where in a row the three domains are."""
_DOMAIN = ("name", "enabled")
"""What a token needs of a domain; its id is known."""


def _plain(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return a column whose value is taken as the database gives it: flags are 0 or 1.

    A row with a flag is converted value by value, which takes longer than the query's search.
    """
    return sa.type_coerce(column, sa.Integer) if isinstance(column.type, sa.Boolean) else column


def _standing_query() -> sa.Select[Any]:
    """Return the one query of every validation: a row per role there is, user and project in each.

    All roles come along, held or not, because what a role implies is known by name; a role with
    rules of its own has a row for each of them.
    """
    target: sa.BindParameter[str | None] = sa.bindparam("target_id")
    user: sa.BindParameter[str] = sa.bindparam("user_id", type_=sa.String)
    homes, owners, targets = (domains.alias(name) for name in ("homes", "owners", "targets"))
    groups = sa.select(group_members.c.group_id).where(group_members.c.user_id == user)
    held = sa.and_(
        role_assignments.c.role_id == roles.c.id,
        role_assignments.c.user_id.in_(sa.union_all(sa.select(user), groups)),
        role_assignments.c.target_id == target,
    )
    revoked = sa.select(revoked_tokens.c.audit_id).where(
        revoked_tokens.c.audit_id == sa.bindparam("audit_id")
    )
    return (
        sa.select(
            *(_plain(users.c[name]) for name in _USER),
            *(_plain(projects.c[name]) for name in _PROJECT),
            *(_plain(domain.c[name]) for domain in (homes, owners, targets) for name in _DOMAIN),
            *(roles.c[name] for name in _ROLE),
            implied_roles.c.implied_id,
            _plain(sa.exists(revoked)),
            role_assignments.c.role_id,
        )
        .select_from(users)
        .join(homes, homes.c.id == users.c.domain_id)
        .outerjoin(projects, projects.c.id == target)
        .outerjoin(owners, owners.c.id == projects.c.domain_id)
        .outerjoin(targets, targets.c.id == target)
        .outerjoin(roles, sa.true())
        .outerjoin(implied_roles, implied_roles.c.prior_id == roles.c.id)
        .outerjoin(role_assignments, held)
        .where(users.c.id == user)
    )


_STANDING = _standing_query()


def get_standing(
    db: Database, *, user_id: str, target_id: str | None, audit_id: str = ""
) -> Standing:
    """Return a user's roles on a target as they are now, by groups and implied ones included.

    target_id: a project's, a domain's, SYSTEM_ID, or None for no roles at all. One read: this is
    on the path of every request. Raises NotFound for a user who is gone; a project or domain that
    is gone is None in the answer.
    """
    asked = {"user_id": user_id, "target_id": target_id, "audit_id": audit_id}
    with db.read() as connection:
        rows = connection.execute(_STANDING, asked).all()
    if not rows:
        raise NotFound(f"Could not find user: {user_id}.", kind="user")
    first = rows[0]
    user = User(**_flagged(_USER, first))
    project = _flagged(_PROJECT, first[len(_USER) :])
    homes, owners, targets = (
        first[_AT : _AT + 2],
        first[_AT + 2 : _AT + 4],
        first[_AT + 4 : _AT + 6],
    )
    return Standing(
        user=user,
        user_domain=_domain(user.domain_id, *homes),
        project=project_of(project) if project["id"] is not None else None,
        project_domain=_domain(project["domain_id"], *owners) if project["id"] else None,
        domain=_domain(str(target_id), *targets) if targets[0] is not None else None,
        roles=_roles_in(rows),
        is_revoked=bool(first[-2]),
    )


def _flagged(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    """Return the columns at the beginning of a row by name, the flag among them as one."""
    values = dict(zip(names, row, strict=False))
    values["enabled"] = bool(values["enabled"])
    return values


def _domain(domain_id: str, name: str, enabled: int) -> Domain:
    return Domain(id=domain_id, name=name, enabled=bool(enabled))


def _roles_in(rows: Sequence[Any]) -> tuple[Role, ...]:
    """Return the roles held, and those implied."""
    known: dict[str, Role] = {}
    held, rules = [], []
    for row in rows:
        role_id, name, description, implied_id, _is_revoked, held_id = row[-6:]
        if role_id is None:
            continue
        if role_id not in known:
            known[role_id] = Role(id=role_id, name=name, description=description)
        if implied_id is not None:
            rules.append((role_id, implied_id))
        if held_id is not None:
            held.append(held_id)
    return with_implied(held, known, rules)


def with_implied(
    held: Iterable[str], known: Mapping[str, Role], rules: Iterable[tuple[str, str]]
) -> tuple[Role, ...]:
    """Return the roles of these ids and those which they imply, each once.

    known: every role by id; rules: pairs of ids, the second implied by the first, besides IMPLIED.
    """
    by_name = {role.name: role for role in known.values()}
    more: dict[str, list[Role]] = {}
    for prior_id, implied_id in rules:
        more.setdefault(prior_id, []).append(known[implied_id])
    found: dict[str, Role] = {}
    # Grows while it is gone through.
    left = [known[role_id] for role_id in held if role_id in known]
    for role in left:
        if role.id in found:
            continue
        found[role.id] = role
        then = by_name.get(IMPLIED.get(role.name, ""))
        if then is not None:
            left.append(then)
        left += more.get(role.id, ())
    return tuple(found.values())
