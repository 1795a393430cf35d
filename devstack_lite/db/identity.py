"""Users, projects, roles, who has which role where, and revoked tokens."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from devstack_lite.db import project_tree
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import (
    domains,
    projects,
    role_assignments,
    roles,
    users,
)
from devstack_lite.db.schema_identity import (
    application_credentials,
    credentials,
    group_members,
    implied_roles,
    policies,
    trusts,
    user_groups,
)
from devstack_lite.exceptions import Conflict, Forbidden, NotFound
from devstack_lite.objects.identity import Assignment, Domain, Group, Policy, Project, Role, User
from devstack_lite.objects.registry import Json

T = TypeVar("T")
Thing = TypeVar("Thing", Domain, Project, User, Role, Group, Policy)

BUILT_IN_ROLES = ("admin", "manager", "member", "reader", "service")
"""Keystone bootstraps them as immutable; the policies of every service name them."""

DEFAULT_DOMAIN_ID = "default"

SYSTEM_ID = "all"
"""The target of a role on the whole system; no project or domain has this id."""

TABLES: dict[type[Any], sa.Table] = {
    Domain: domains,
    Project: projects,
    User: users,
    Role: roles,
    Group: user_groups,
    Policy: policies,
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
    return _one(db, Domain, _is_domain(id_or_name), id_or_name)


def get(db: Database, kind: type[Thing], thing_id: str) -> Thing:
    """Return a Domain, Project, User or Role by id. Raises NotFound."""
    return _one(db, kind, TABLES[kind].c.id == thing_id, thing_id)


def _in_domain(table: sa.Table, domain: str) -> sa.ColumnElement[bool]:
    return table.c.domain_id.in_(sa.select(domains.c.id).where(_is_domain(domain)))


def _is_domain(id_or_name: str) -> sa.ColumnElement[bool]:
    """Return the condition of being the domain of an id, or of a name that is no domain's id."""
    other = domains.alias("other")
    is_id = sa.exists(sa.select(other.c.id).where(other.c.id == id_or_name))
    own = domains.c
    return sa.or_(own.id == id_or_name, sa.and_(own.name == id_or_name, ~is_id))


def _one(db: Database, kind: type[Thing], condition: sa.ColumnElement[bool], wanted: str) -> Thing:
    with db.read() as connection:
        row = connection.execute(sa.select(TABLES[kind]).where(condition)).first()
    if row is None:
        raise missing(kind, wanted)
    return _thing(kind, row)


def _thing(kind: type[Thing], row: sa.Row[Any]) -> Thing:
    """Return the thing of a row."""
    values = dict(row._mapping)
    if "tags" in values:
        values["tags"] = tuple(values["tags"] or ())
    return kind(**values)


def missing(kind: type[Any], wanted: str) -> NotFound:
    """Return the error for a thing that is not there, in Keystone's words."""
    name = kind.__name__.lower()
    return NotFound(f"Could not find {name}: {wanted}.", kind=name)


def list_all(db: Database, kind: type[Thing]) -> list[Thing]:
    """Return every Domain, Project, User or Role, by name. One read."""
    own = TABLES[kind]
    with db.read() as connection:
        found = connection.execute(sa.select(own).order_by(own.c.get("name", own.c.id), own.c.id))
        return [_thing(kind, row) for row in found]


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


def list_rules(db: Database) -> list[tuple[str, str]]:
    """Return which role implies which besides the built-in rules, as pairs of ids."""
    with db.read() as connection:
        return [(row.prior_id, row.implied_id) for row in connection.execute(_RULES)]


_RULES = sa.select(implied_roles).order_by(implied_roles.c.prior_id, implied_roles.c.implied_id)


def list_targets_of(db: Database, kind: type[Thing], user_id: str) -> list[Thing]:
    """Return the projects, or the domains, on which a user has a role, by name."""
    own = TABLES[kind]
    groups = sa.select(group_members.c.group_id).where(group_members.c.user_id == user_id)
    holder = role_assignments.c.user_id
    held = sa.select(role_assignments.c.target_id).where(
        sa.or_(holder == user_id, holder.in_(groups))
    )
    query = sa.select(own).where(own.c.id.in_(held)).order_by(own.c.name, own.c.id)
    with db.read() as connection:
        return [_thing(kind, row) for row in connection.execute(query)]


# ---------------------------------------------------------------------------------- to write


def create(db: Database, thing: Thing) -> Thing:
    """Record a Project, User or Role. One transaction. Raises Conflict when its name is taken.

    Delivered twice: answers with what the first recorded.
    """
    kind = type(thing)
    try:
        with db.write() as connection:
            if isinstance(thing, Project):
                project_tree.check_new(connection, thing)
            connection.execute(TABLES[kind].insert().values(asdict(thing)))
    except IntegrityError as error:
        try:
            return get(db, kind, thing.id)
        except NotFound:
            raise _taken(
                kind, getattr(thing, "name", thing.id), getattr(thing, "domain_id", None)
            ) from error
    return thing


def update(db: Database, kind: type[Thing], thing_id: str, values: Json) -> Thing:
    """Change columns of a Project, User or Role; extra is added to what there is. One transaction.

    Raises NotFound, Conflict when the new name is taken, Forbidden for a built-in role and a
    project whose parents or children are in the way.
    """
    own = TABLES[kind]
    domain_id = None
    try:
        with db.write() as connection:
            found = _locked(connection, kind, thing_id)
            domain_id = getattr(found, "domain_id", None)
            if values.get("extra"):
                values = {**values, "extra": {**(found.extra or {}), **values["extra"]}}
            if isinstance(found, Project) and "enabled" in values:
                project_tree.check_switch(connection, found, enabled=values["enabled"])
            if values:
                connection.execute(own.update().where(own.c.id == thing_id).values(**values))
            row = connection.execute(sa.select(own).where(own.c.id == thing_id)).one()
    except IntegrityError as error:
        raise _taken(kind, str(values.get("name")), domain_id) from error
    return _thing(kind, row)


def delete(db: Database, kind: type[Thing], thing_id: str) -> None:
    """Remove a Domain, Project, User, Role or Group with all that hangs on it. One transaction.

    Raises NotFound, Forbidden for a built-in role, the default domain, one that is enabled and a
    project with others below it.
    """
    with db.write() as connection:
        found = _locked(connection, kind, thing_id)
        if isinstance(found, Domain):
            _refuse_to_delete(found)
            for inner in (User, Group, Project):
                own = TABLES[inner].c
                inside = sa.select(own.id).where(own.domain_id == thing_id)
                _remove(connection, inner, list(connection.execute(inside).scalars()))
        if isinstance(found, Project):
            project_tree.check_leaf(connection, thing_id)
        _remove(connection, kind, [thing_id])


def _refuse_to_delete(domain: Domain) -> None:
    if domain.id == DEFAULT_DOMAIN_ID:
        raise Forbidden(
            "You are not authorized to perform the requested action: delete the default domain."
        )
    if domain.enabled:
        raise Forbidden("Cannot delete a domain that is enabled, please disable it first.")


_HANGING: dict[type[Any], tuple[sa.Column[Any], ...]] = {
    Domain: (role_assignments.c.target_id,),
    Project: (
        role_assignments.c.target_id,
        application_credentials.c.project_id,
        trusts.c.project_id,
        credentials.c.project_id,
    ),
    User: (
        role_assignments.c.user_id,
        group_members.c.user_id,
        application_credentials.c.user_id,
        trusts.c.trustor_user_id,
        trusts.c.trustee_user_id,
        credentials.c.user_id,
    ),
    Role: (role_assignments.c.role_id, implied_roles.c.prior_id, implied_roles.c.implied_id),
    Group: (role_assignments.c.user_id, group_members.c.group_id),
    Policy: (),
}
"""What is removed with a thing: the rows whose column names it."""


def _remove(connection: Connection, kind: type[Any], ids: list[str]) -> None:
    for column in _HANGING[kind]:
        connection.execute(sa.delete(column.table).where(column.in_(ids)))
    if kind is Project:
        home = users.c.default_project_id
        connection.execute(users.update().where(home.in_(ids)).values(default_project_id=None))
    own = TABLES[kind]
    connection.execute(own.delete().where(own.c.id.in_(ids)))


def _locked(connection: Connection, kind: type[Thing], thing_id: str) -> Thing:
    """Return what is about to be changed. Raises NotFound, Forbidden."""
    own = TABLES[kind]
    query = sa.select(own).where(own.c.id == thing_id).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        raise missing(kind, thing_id)
    if kind is Role and row.name in BUILT_IN_ROLES:
        raise Forbidden(f"Unable to change or delete immutable role resource: {thing_id}.")
    return _thing(kind, row)


def _taken(kind: type[Any], name: str, domain_id: str | None) -> Conflict:
    what = kind.__name__.lower()
    where = f" at domain ID {domain_id}" if domain_id else ""
    return Conflict(
        f"Conflict occurred attempting to store {what} - Duplicate entry found with name"
        f" {name}{where}.",
        kind=what,
    )
