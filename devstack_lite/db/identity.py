"""Users, projects, roles and revoked tokens."""

from __future__ import annotations

import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import (
    domains,
    projects,
    revoked_tokens,
    role_assignments,
    roles,
    users,
)
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.identity import Assignment, Domain, Project, Role, Standing, User

T = TypeVar("T")

IMPLIED = {"admin": "manager", "manager": "member", "member": "reader"}
"""Keystone's default hierarchy: whoever has the first has the second, too."""


def find_user(db: Database, *, user_id: str | None, name: str | None, domain: str) -> User:
    """Return a user by id, or by name in a domain named by id or name. Raises NotFound."""
    if user_id is not None:
        condition = users.c.id == user_id
    else:
        condition = sa.and_(users.c.name == name, _in_domain(users, domain))
    return _one(db, users, condition, User, f"Could not find user: {user_id or name}.")


def find_project(db: Database, *, project_id: str | None, name: str | None, domain: str) -> Project:
    """Return a project by id, or by name in a domain named by id or name. Raises NotFound."""
    if project_id is not None:
        condition = projects.c.id == project_id
    else:
        condition = sa.and_(projects.c.name == name, _in_domain(projects, domain))
    what = f"Could not find project: {project_id or name}."
    return _one(db, projects, condition, Project, what)


def _in_domain(table: sa.Table, domain: str) -> sa.ColumnElement[bool]:
    found = sa.select(domains.c.id).where(sa.or_(domains.c.id == domain, domains.c.name == domain))
    return table.c.domain_id.in_(found)


def _one(
    db: Database, table: sa.Table, condition: sa.ColumnElement[bool], cls: type[T], missing: str
) -> T:
    with db.read() as connection:
        row = connection.execute(sa.select(table).where(condition)).one_or_none()
    if row is None:
        raise NotFound(missing)
    return cls(**row._mapping)


def get_standing(
    db: Database, *, user_id: str, project_id: str | None, audit_id: str = ""
) -> Standing:
    """Return a user's roles on a project as they are now, implied ones included.

    project_id None: unscoped, no roles; `all`: the system. One connection, three short reads; this
    is on the path of every request. Raises NotFound for a user or project that is gone.
    """
    with db.read() as connection:
        user = connection.execute(sa.select(users).where(users.c.id == user_id)).one_or_none()
        revoked = connection.execute(
            sa.select(revoked_tokens.c.audit_id).where(revoked_tokens.c.audit_id == audit_id)
        ).first()
        project = None
        rows: list[Any] = []
        if project_id is not None:
            project = connection.execute(
                sa.select(projects).where(projects.c.id == project_id)
            ).one_or_none()
            rows = list(
                connection.execute(
                    sa.select(roles, role_assignments.c.user_id).join_from(
                        roles,
                        role_assignments,
                        sa.and_(
                            role_assignments.c.role_id == roles.c.id,
                            role_assignments.c.user_id == user_id,
                            role_assignments.c.target_id == project_id,
                        ),
                        isouter=True,
                    )
                )
            )
    if user is None or (project is None and project_id not in {None, "all"}):
        raise NotFound("Could not find the token's user or project.")
    return Standing(
        user=User(**user._mapping),
        project=Project(**project._mapping) if project is not None else None,
        roles=_with_implied(rows),
        is_revoked=revoked is not None,
    )


def _with_implied(rows: list[Any]) -> tuple[Role, ...]:
    """Return the roles that are assigned, and those which they imply."""
    known = {row.name: Role(id=row.id, name=row.name, description=row.description) for row in rows}
    held: dict[str, Role] = {}
    for row in rows:
        name: str | None = row.name if row.user_id is not None else None
        while name is not None and name in known and name not in held:
            held[name] = known[name]
            name = IMPLIED.get(name)
    return tuple(held.values())


def list_projects_of(db: Database, user_id: str) -> list[Project]:
    """Return the projects on which a user has a role, by name."""
    own = sa.select(role_assignments.c.target_id).where(
        role_assignments.c.user_id == user_id, role_assignments.c.target_type == "project"
    )
    query = sa.select(projects).where(projects.c.id.in_(own)).order_by(projects.c.name)
    with db.read() as connection:
        return [Project(**row._mapping) for row in connection.execute(query)]


def list_all(db: Database, kind: type[T]) -> list[T]:
    """Return every Domain, Project, User, Role or Assignment."""
    table = {
        Domain: domains,
        Project: projects,
        User: users,
        Role: roles,
        Assignment: role_assignments,
    }[kind]
    with db.read() as connection:
        return [kind(**row._mapping) for row in connection.execute(sa.select(table))]


def revoke_token(db: Database, *, audit_id: str, expires_at: datetime.datetime) -> None:
    """Refuse a token from now on, and forget those that have expired anyway. One transaction.

    Delivered twice: the token stays revoked.
    """
    with db.write() as connection:
        connection.execute(revoked_tokens.delete().where(revoked_tokens.c.expires_at < utcnow()))
        there = connection.execute(
            sa.select(revoked_tokens.c.audit_id).where(revoked_tokens.c.audit_id == audit_id)
        ).first()
        if there is None:
            connection.execute(
                revoked_tokens.insert().values(audit_id=audit_id, expires_at=expires_at)
            )
