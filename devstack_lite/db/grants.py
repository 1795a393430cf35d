"""Who has which role where, which role implies which, who is in which group, revoked tokens."""

from __future__ import annotations

import datetime
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from devstack_lite.clock import utcnow
from devstack_lite.db import identity
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import revoked_tokens, role_assignments
from devstack_lite.db.schema_identity import group_members, implied_roles, user_groups
from devstack_lite.db.standings import IMPLIED
from devstack_lite.exceptions import Forbidden, NotFound
from devstack_lite.objects.identity import Assignment, Domain, Group, Project, Role, User


def grant_role(db: Database, assignment: Assignment) -> None:
    """Give a user a role on a target. One transaction. Raises NotFound for what is not there.

    Delivered twice, or given already: nothing changes.
    """
    target = {"project": Project, "domain": Domain}.get(assignment.target_type)
    with db.write() as connection:
        for kind, thing_id in (
            (_holder(connection, assignment.user_id), assignment.user_id),
            (Role, assignment.role_id),
            (target, assignment.target_id),
        ):
            if kind is not None:
                own = identity.TABLES[kind].c.id
                # Locked, so that nobody removes it before the assignment is there.
                query = sa.select(own).where(own == thing_id).with_for_update()
                if connection.execute(query).first() is None:
                    raise identity.missing(kind, thing_id)
        there = sa.select(role_assignments.c.role_id).where(_same(assignment))
        if connection.execute(there).first() is None:
            connection.execute(role_assignments.insert().values(asdict(assignment)))


def _holder(connection: Connection, holder_id: str) -> type[Any]:
    """Return which kind of thing holds a role: a Group when one has this id, else a User."""
    own = user_groups.c
    found = connection.execute(sa.select(own.id).where(own.id == holder_id)).first()
    return User if found is None else Group


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


# --------------------------------------------------------------------------- inference rules


def imply_role(db: Database, *, prior_id: str, implied_id: str) -> None:
    """Have a role imply another. One transaction. Raises NotFound, Forbidden for admin.

    Delivered twice, or implied already: nothing changes.
    """
    own = implied_roles.c
    with db.write() as connection:
        prior, implied = (_role(connection, role_id) for role_id in (prior_id, implied_id))
        if implied.name == "admin":
            raise Forbidden(f"{implied_id} cannot be an implied roles.")
        there = sa.select(own.prior_id).where(
            own.prior_id == prior_id, own.implied_id == implied_id
        )
        if IMPLIED.get(prior.name) != implied.name and connection.execute(there).first() is None:
            connection.execute(
                implied_roles.insert().values(prior_id=prior_id, implied_id=implied_id)
            )


def unimply_role(db: Database, *, prior_id: str, implied_id: str) -> None:
    """End that a role implies another. One transaction. NotFound; Forbidden when built in."""
    own = implied_roles.c
    with db.write() as connection:
        prior, implied = (_role(connection, role_id) for role_id in (prior_id, implied_id))
        if IMPLIED.get(prior.name) == implied.name:
            raise Forbidden(f"Unable to change or delete immutable role resource: {prior_id}.")
        gone = implied_roles.delete().where(own.prior_id == prior_id, own.implied_id == implied_id)
        if not connection.execute(gone).rowcount:
            raise rule_missing(prior_id, implied_id)


def rule_missing(prior_id: str, implied_id: str) -> NotFound:
    """Return the error for a rule that is not there, in Keystone's words."""
    return NotFound(f"{prior_id} does not imply {implied_id}.", kind="role")


def _role(connection: Connection, role_id: str) -> Any:
    own = identity.TABLES[Role]
    query = sa.select(own).where(own.c.id == role_id).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        raise identity.missing(Role, role_id)
    return row


# ------------------------------------------------------------------------------------ groups


def list_members(db: Database, group_id: str) -> list[User]:
    """Return the users in a group, by name."""
    own = identity.TABLES[User]
    inside = sa.select(group_members.c.user_id).where(group_members.c.group_id == group_id)
    query = sa.select(own).where(own.c.id.in_(inside)).order_by(own.c.name, own.c.id)
    with db.read() as connection:
        return [User(**row._mapping) for row in connection.execute(query)]


def list_groups_of(db: Database, user_id: str) -> list[Group]:
    """Return the groups that a user is in, by name."""
    held = sa.select(group_members.c.group_id).where(group_members.c.user_id == user_id)
    own = user_groups.c
    query = sa.select(user_groups).where(own.id.in_(held)).order_by(own.name, own.id)
    with db.read() as connection:
        return [Group(**row._mapping) for row in connection.execute(query)]


def add_member(db: Database, *, group_id: str, user_id: str) -> None:
    """Put a user into a group. One transaction. Raises NotFound. Delivered twice: still in it."""
    with db.write() as connection:
        for kind, thing_id in ((Group, group_id), (User, user_id)):
            own = identity.TABLES[kind].c.id
            query = sa.select(own).where(own == thing_id).with_for_update()
            if connection.execute(query).first() is None:
                raise identity.missing(kind, thing_id)
        own_members = group_members.c
        there = sa.select(own_members.user_id).where(
            own_members.group_id == group_id, own_members.user_id == user_id
        )
        if connection.execute(there).first() is None:
            connection.execute(group_members.insert().values(group_id=group_id, user_id=user_id))


def remove_member(db: Database, *, group_id: str, user_id: str) -> None:
    """Take a user out of a group. One transaction. Raises NotFound."""
    own = group_members.c
    gone = group_members.delete().where(own.group_id == group_id, own.user_id == user_id)
    with db.write() as connection:
        if not connection.execute(gone).rowcount:
            raise member_missing(group_id, user_id)


def member_missing(group_id: str, user_id: str) -> NotFound:
    """Return the error for a user who is not in the group, in Keystone's words."""
    return NotFound(f"User '{user_id}' not found in group '{group_id}'.", kind="user")
