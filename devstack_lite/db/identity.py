"""Users, projects, roles, who has which role where, and revoked tokens."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, fields
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

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
from devstack_lite.exceptions import Conflict, Forbidden, NotFound
from devstack_lite.objects.identity import Assignment, Domain, Project, Role, Standing, User
from devstack_lite.objects.registry import Json

T = TypeVar("T")
Thing = TypeVar("Thing", Domain, Project, User, Role)

IMPLIED = {"admin": "manager", "manager": "member", "member": "reader"}
"""Keystone's default hierarchy: whoever has the first has the second, too."""

BUILT_IN_ROLES = ("admin", "manager", "member", "reader", "service")
"""Keystone bootstraps them as immutable; the policies of every service name them."""

SYSTEM_ID = "all"
"""The target of a role on the whole system; no project or domain has this id."""

TABLES: dict[type[Any], sa.Table] = {
    Domain: domains,
    Project: projects,
    User: users,
    Role: roles,
    Assignment: role_assignments,
}

# ----------------------------------------------------------------------------------- to read


def find_user(db: Database, *, user_id: str | None, name: str | None, domain: str) -> User:
    """Return a user by id, or by name in a domain named by id or name. Raises NotFound."""
    if user_id is not None:
        return get(db, User, user_id)
    condition = sa.and_(users.c.name == name, _in_domain(users, domain))
    return _one(db, User, condition, str(name))


def find_project(db: Database, *, project_id: str | None, name: str | None, domain: str) -> Project:
    """Return a project by id, or by name in a domain named by id or name. Raises NotFound."""
    if project_id is not None:
        return get(db, Project, project_id)
    condition = sa.and_(projects.c.name == name, _in_domain(projects, domain))
    return _one(db, Project, condition, str(name))


def find_domain(db: Database, *, id_or_name: str) -> Domain:
    """Return a domain. Raises NotFound."""
    own = domains.c
    return _one(db, Domain, sa.or_(own.id == id_or_name, own.name == id_or_name), id_or_name)


def get(db: Database, kind: type[Thing], thing_id: str) -> Thing:
    """Return a Domain, Project, User or Role by id. Raises NotFound."""
    return _one(db, kind, TABLES[kind].c.id == thing_id, thing_id)


def _in_domain(table: sa.Table, domain: str) -> sa.ColumnElement[bool]:
    found = sa.select(domains.c.id).where(sa.or_(domains.c.id == domain, domains.c.name == domain))
    return table.c.domain_id.in_(found)


def _one(db: Database, kind: type[Thing], condition: sa.ColumnElement[bool], wanted: str) -> Thing:
    with db.read() as connection:
        row = connection.execute(sa.select(TABLES[kind]).where(condition)).first()
    if row is None:
        raise _missing(kind, wanted)
    return kind(**row._mapping)


def _missing(kind: type[Any], wanted: str) -> NotFound:
    name = kind.__name__.lower()
    return NotFound(f"Could not find {name}: {wanted}.", kind=name)


def list_all(db: Database, kind: type[Thing]) -> list[Thing]:
    """Return every Domain, Project, User or Role, by name. One read."""
    own = TABLES[kind]
    with db.read() as connection:
        found = connection.execute(sa.select(own).order_by(own.c.name, own.c.id))
        return [kind(**row._mapping) for row in found]


def list_assignments(
    db: Database,
    *,
    user_id: str | None = None,
    role_id: str | None = None,
    target_id: str | None = None,
) -> list[Assignment]:
    """Return who has which role where, as assigned: implied roles are not among them."""
    own = role_assignments.c
    query = sa.select(role_assignments).order_by(own.target_type, own.target_id, own.user_id)
    wanted = ((own.user_id, user_id), (own.role_id, role_id), (own.target_id, target_id))
    for column, value in wanted:
        if value is not None:
            query = query.where(column == value)
    with db.read() as connection:
        return [Assignment(**row._mapping) for row in connection.execute(query)]


def list_targets_of(db: Database, kind: type[Thing], user_id: str) -> list[Thing]:
    """Return the projects, or the domains, on which a user has a role, by name."""
    own = TABLES[kind]
    held = sa.select(role_assignments.c.target_id).where(role_assignments.c.user_id == user_id)
    query = sa.select(own).where(own.c.id.in_(held)).order_by(own.c.name, own.c.id)
    with db.read() as connection:
        return [kind(**row._mapping) for row in connection.execute(query)]


# ------------------------------------------------------------------- what a token is worth

_USER, _PROJECT, _ROLE = (
    tuple(field.name for field in fields(kind)) for kind in (User, Project, Role)
)


def _standing_query() -> sa.Select[Any]:
    """Return the one query of every validation: a row per role there is, user and project in each.

    All roles come along, held or not, because what a role implies is known by name.
    """
    target: sa.BindParameter[str | None] = sa.bindparam("target_id")
    held = sa.and_(
        role_assignments.c.role_id == roles.c.id,
        role_assignments.c.user_id == users.c.id,
        role_assignments.c.target_id == target,
    )
    revoked = sa.select(revoked_tokens.c.audit_id).where(
        revoked_tokens.c.audit_id == sa.bindparam("audit_id")
    )
    return (
        sa.select(
            *(users.c[name] for name in _USER),
            *(projects.c[name] for name in _PROJECT),
            *(roles.c[name] for name in _ROLE),
            sa.exists(revoked),
            role_assignments.c.role_id,
        )
        .select_from(users)
        .outerjoin(projects, projects.c.id == target)
        .outerjoin(roles, sa.true())
        .outerjoin(role_assignments, held)
        .where(users.c.id == sa.bindparam("user_id"))
    )


_STANDING = _standing_query()


def get_standing(
    db: Database, *, user_id: str, target_id: str | None, audit_id: str = ""
) -> Standing:
    """Return a user's roles on a target as they are now, implied ones included.

    target_id: a project's, a domain's, SYSTEM_ID, or None for no roles at all. One read, for a
    domain two: this is on the path of every request. Raises NotFound for a user who is gone; a
    project or domain that is gone is None in the answer.
    """
    asked = {"user_id": user_id, "target_id": target_id, "audit_id": audit_id}
    with db.read() as connection:
        rows = connection.execute(_STANDING, asked).all()
    if not rows:
        raise _missing(User, user_id)
    values = iter(rows[0])
    user = {name: next(values) for name in _USER}
    project = {name: next(values) for name in _PROJECT}
    has_project = project["id"] is not None
    domain = None
    if not has_project and target_id not in {None, SYSTEM_ID}:
        with suppress(NotFound):
            domain = get(db, Domain, str(target_id))
    return Standing(
        user=User(**user),
        project=Project(**project) if has_project else None,
        domain=domain,
        roles=_roles_in([row[len(_USER) + len(_PROJECT) :] for row in rows]),
        is_revoked=bool(rows[0][-2]),
    )


def _roles_in(rows: list[Any]) -> tuple[Role, ...]:
    """Return the roles held, and those implied, of rows of (id, name, description, …, held)."""
    known = {row[1]: Role(**dict(zip(_ROLE, row, strict=False))) for row in rows if row[0]}
    held = [row[1] for row in rows if row[-1] is not None]
    return tuple(known[name] for name in with_implied(held) if name in known)


def with_implied(held: Iterable[str]) -> list[str]:
    """Return the names of roles and of those which they imply, each once."""
    found: dict[str, None] = {}
    for first in held:
        name: str | None = first
        while name is not None and name not in found:
            found[name] = None
            name = IMPLIED.get(name)
    return list(found)


# ---------------------------------------------------------------------------------- to write


def create(db: Database, thing: Thing) -> Thing:
    """Record a Project, User or Role. One transaction. Raises Conflict when its name is taken.

    Delivered twice: answers with what the first recorded.
    """
    kind = type(thing)
    try:
        with db.write() as connection:
            connection.execute(TABLES[kind].insert().values(asdict(thing)))
    except IntegrityError as error:
        try:
            return get(db, kind, thing.id)
        except NotFound:
            raise _taken(kind, thing.name, getattr(thing, "domain_id", None)) from error
    return thing


def update(db: Database, kind: type[Thing], thing_id: str, values: Json) -> Thing:
    """Change columns of a Project, User or Role. One transaction.

    Raises NotFound, Conflict when the new name is taken, Forbidden for a built-in role.
    """
    own = TABLES[kind]
    domain_id = None
    try:
        with db.write() as connection:
            found = _locked(connection, kind, thing_id)
            domain_id = getattr(found, "domain_id", None)
            if values:
                connection.execute(own.update().where(own.c.id == thing_id).values(**values))
            row = connection.execute(sa.select(own).where(own.c.id == thing_id)).one()
    except IntegrityError as error:
        raise _taken(kind, str(values.get("name")), domain_id) from error
    return kind(**row._mapping)


def delete(db: Database, kind: type[Thing], thing_id: str) -> None:
    """Remove a Project, User or Role with its assignments. One transaction.

    Raises NotFound, Forbidden for a built-in role.
    """
    own, held = TABLES[kind], role_assignments.c
    column = {Project: held.target_id, User: held.user_id, Role: held.role_id}[kind]
    with db.write() as connection:
        _locked(connection, kind, thing_id)
        connection.execute(role_assignments.delete().where(column == thing_id))
        if kind is Project:
            connection.execute(
                users.update()
                .where(users.c.default_project_id == thing_id)
                .values(default_project_id=None)
            )
        connection.execute(own.delete().where(own.c.id == thing_id))


def _locked(connection: Connection, kind: type[Thing], thing_id: str) -> Thing:
    """Return what is about to be changed. Raises NotFound, Forbidden."""
    own = TABLES[kind]
    query = sa.select(own).where(own.c.id == thing_id).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        raise _missing(kind, thing_id)
    if kind is Role and row.name in BUILT_IN_ROLES:
        raise Forbidden(f"Unable to change or delete immutable role resource: {thing_id}.")
    return kind(**row._mapping)


def _taken(kind: type[Any], name: str, domain_id: str | None) -> Conflict:
    what = kind.__name__.lower()
    where = f" at domain ID {domain_id}" if domain_id else ""
    return Conflict(
        f"Conflict occurred attempting to store {what} - Duplicate entry found with name"
        f" {name}{where}.",
        kind=what,
    )


def grant_role(db: Database, assignment: Assignment) -> None:
    """Give a user a role on a target. One transaction. Raises NotFound for what is not there.

    Delivered twice, or given already: nothing changes.
    """
    target = {"project": Project, "domain": Domain}.get(assignment.target_type)
    with db.write() as connection:
        for kind, thing_id in (
            (User, assignment.user_id),
            (Role, assignment.role_id),
            (target, assignment.target_id),
        ):
            if kind is not None:
                own = TABLES[kind].c.id
                # Locked, so that nobody removes it before the assignment is there.
                query = sa.select(own).where(own == thing_id).with_for_update()
                if connection.execute(query).first() is None:
                    raise _missing(kind, thing_id)
        there = sa.select(role_assignments.c.role_id).where(_same(assignment))
        if connection.execute(there).first() is None:
            connection.execute(role_assignments.insert().values(asdict(assignment)))


def revoke_role(db: Database, assignment: Assignment) -> None:
    """Take a role on a target from a user. One transaction. Raises NotFound."""
    with db.write() as connection:
        if not connection.execute(role_assignments.delete().where(_same(assignment))).rowcount:
            raise assignment_missing(assignment)


def assignment_missing(assignment: Assignment) -> NotFound:
    """Return the error for a role that the user does not have, in Keystone's words."""
    return NotFound(
        f"Could not find role assignment with role: {assignment.role_id}, user or group:"
        f" {assignment.user_id}, project, domain, or system: {assignment.target_id}.",
        kind="role_assignment",
    )


def _same(assignment: Assignment) -> sa.ColumnElement[bool]:
    own = role_assignments.c
    return sa.and_(*(own[name] == value for name, value in asdict(assignment).items()))


def revoke_token(db: Database, *, audit_id: str, expires_at: datetime.datetime) -> None:
    """Refuse a token from now on, and forget those that have expired anyway. One transaction.

    Delivered twice: the token stays revoked.
    """
    own = revoked_tokens.c
    with suppress(IntegrityError), db.write() as connection:
        connection.execute(revoked_tokens.delete().where(own.expires_at < utcnow()))
        connection.execute(revoked_tokens.insert().values(audit_id=audit_id, expires_at=expires_at))
