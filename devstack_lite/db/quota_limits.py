"""What projects may have: the configuration's numbers, the default class's, a project's own.

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


def limits_of(db: Database, project_id: str | None, configured: Any) -> dict[str, int]:
    """Return all limits of a project; None: of one that has none of its own. One read.

    configured: the options of [quota], by name.
    """
    own = quota_limits.c
    query = sa.select(quota_limits).where(
        sa.or_(
            sa.and_(own.scope == Scope.CLASS, own.name == DEFAULT_CLASS),
            sa.and_(own.scope == Scope.PROJECT, own.name == str(project_id)),
        )
    )
    found = {**{name: int(configured[name]) for name in CONFIGURED}, **UNCOUNTED}
    with db.read() as connection:
        rows = connection.execute(query).all()
    for scope in (Scope.CLASS, Scope.PROJECT):
        found |= {row.resource: row.hard_limit for row in rows if row.scope == scope}
    return found


def update_limits(
    db: Database, *, scope: Scope, name: str, values: Mapping[str, int], is_forced: bool
) -> None:
    """Set limits of a project or class. One transaction; may be repeated.

    Raises Invalid for a project that uses more already, unless is_forced.
    """
    own = quota_limits.c
    with db.write() as connection:
        if scope is Scope.PROJECT and not is_forced:
            _check_used(connection, name, values)
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


def delete_limits(db: Database, *, project_id: str) -> None:
    """Have a project have no limits of its own; none is fine. One transaction."""
    own = quota_limits.c
    with db.write() as connection:
        connection.execute(
            quota_limits.delete().where(own.scope == Scope.PROJECT, own.name == project_id)
        )


def _check_used(connection: Connection, project_id: str, values: Mapping[str, int]) -> None:
    row = connection.execute(
        sa.select(quota_usages).where(quota_usages.c.project_id == project_id).with_for_update()
    ).one_or_none()
    used = {} if row is None else dict(row._mapping)
    for resource, limit in values.items():
        minimum = used.get(resource, 0)
        if 0 <= limit < minimum:
            raise Invalid(
                f"Quota limit {limit} for {resource} must be greater than or equal to already used"
                f" and reserved {minimum}.",
                kind="quota",
            )
