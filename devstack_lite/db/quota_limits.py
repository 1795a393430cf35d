"""What projects may have: the configuration's numbers, the default class's, its own, a user's.

The later ones go before the earlier ones. -1 is any number.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.engine import Database
from devstack_lite.db.schema import quota_limits, quota_usages
from devstack_lite.db.user_quotas import used_by
from devstack_lite.exceptions import Invalid

CONFIGURED = (
    "instances", "cores", "ram", "key_pairs", "metadata_items", "server_groups",
    "server_group_members",
)  # fmt: skip
"""What is bounded here, each an option of [quota]."""
UNCOUNTED = {
    "injected_files": 5,
    "injected_file_content_bytes": 10240,
    "injected_file_path_bytes": 255,
    "fixed_ips": -1,
    "floating_ips": -1,
    "security_groups": -1,
    "security_group_rules": -1,
}
"""Nova's defaults for what this API does not have, or leaves to network."""
DEFAULT_CLASS = "default"


class Scope(StrEnum):
    """Whose limits they are."""

    PROJECT = "project"
    CLASS = "class"
    USER = "user"
    """Of one user in a project: see user_key."""


_LIMITS = sa.select(quota_limits).where(
    sa.or_(
        *(
            sa.and_(quota_limits.c.scope == scope, quota_limits.c.name == sa.bindparam(scope))
            for scope in Scope
        )
    )
)


def user_key(project_id: str, user_id: str) -> str:
    """Return the name under which a user's limits in a project are kept."""
    return f"{project_id}/{user_id}"


def limits_of(
    db: Database, project_id: str | None, configured: Any, *, user_id: str | None = None
) -> dict[str, int]:
    """Return all limits of a project, or of a user in it.

    None: of a project that has none of its own. configured: the options of [quota], by name.
    """
    limits, of_user = read_limits(db, project_id, user_id, configured)
    return {**limits, **of_user}


def read_limits(
    db: Database, project_id: str | None, user_id: str | None, configured: Any
) -> tuple[dict[str, int], dict[str, int]]:
    """Return all limits of a project, and those that a user has of their own there. One read."""
    user = user_key(str(project_id), user_id) if user_id is not None else None
    kept: dict[str, str | None] = {
        Scope.CLASS: DEFAULT_CLASS, Scope.PROJECT: str(project_id), Scope.USER: user,
    }  # fmt: skip
    found = {**{name: int(configured[name]) for name in CONFIGURED}, **UNCOUNTED}
    with db.read() as connection:
        rows = connection.execute(_LIMITS, kept).all()
    for scope in (Scope.CLASS, Scope.PROJECT):
        found |= {row.resource: row.hard_limit for row in rows if row.scope == scope}
    return found, {row.resource: row.hard_limit for row in rows if row.scope == Scope.USER}


def update_limits(
    db: Database, *, scope: Scope, name: str, values: Mapping[str, int], is_forced: bool
) -> None:
    """Set limits of a project, class or user. One transaction; may be repeated.

    Raises Invalid for a project or user with more already, unless is_forced.
    """
    own = quota_limits.c
    with db.write() as connection:
        if scope is not Scope.CLASS and not is_forced:
            _check_used(connection, scope, name, values)
        connection.execute(
            quota_limits.delete().where(
                own.scope == scope, own.name == name, own.resource.in_(list(values))
            )
        )
        if values:
            connection.execute(
                quota_limits.insert(),
                [
                    {"scope": scope, "name": name, "resource": resource, "hard_limit": limit}
                    for resource, limit in values.items()
                ],
            )


def delete_limits(db: Database, *, project_id: str, user_id: str | None = None) -> None:
    """Have a project, or a user in it, have no limits of its own; none is fine. One transaction.

    With a project's go those of its users.
    """
    own = quota_limits.c
    of_project = sa.or_(
        sa.and_(own.scope == Scope.PROJECT, own.name == project_id),
        sa.and_(own.scope == Scope.USER, own.name.startswith(f"{project_id}/", autoescape=True)),
    )
    of_user = sa.and_(own.scope == Scope.USER, own.name == user_key(project_id, str(user_id)))
    with db.write() as connection:
        connection.execute(quota_limits.delete().where(of_user if user_id else of_project))


def _check_used(connection: Connection, scope: Scope, name: str, values: Mapping[str, int]) -> None:
    project_id, _, user_id = name.partition("/") if scope is Scope.USER else (name, "", "")
    row = connection.execute(
        sa.select(quota_usages).where(quota_usages.c.project_id == project_id).with_for_update()
    ).one_or_none()
    used = {} if row is None else dict(row._mapping)
    if scope is Scope.USER:
        used = dict(used_by(connection, project_id, user_id))
    for resource, limit in values.items():
        minimum = used.get(resource, 0)
        if 0 <= limit < minimum:
            raise Invalid(
                f"Quota limit {limit} for {resource} must be greater than or equal to already used"
                f" and reserved {minimum}.",
                kind="quota",
            )
