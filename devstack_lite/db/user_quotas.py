"""What one user may have of what a project may: checked beside the project's quota, where set.

Nothing is kept of what users have: it is counted from the instances when there is a limit, in the
transaction that has changed the project's count and so holds its row until it ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.engine import Database
from devstack_lite.db.moves import wanted_flavor
from devstack_lite.db.quotas import COUNTED, Limits, size_of
from devstack_lite.db.schema import instances
from devstack_lite.exceptions import QuotaExceeded
from devstack_lite.objects.compute import Flavor
from devstack_lite.states import is_counted


def check_user(
    connection: Connection,
    project_id: str,
    user_id: str,
    more: Mapping[str, int],
    limits: Limits,
) -> None:
    """Raise QuotaExceeded, in Nova's words, when a user would have more than is allowed.

    more: what comes to what the instances show. In the transaction that counted it to the project.
    """
    bounded = {
        name: limit
        for name, limit in limits.of_user.items()
        if limit >= 0 and more.get(name, 0) > 0
    }
    if not bounded:
        return
    used = used_by(connection, project_id, user_id)
    over = [name for name, limit in bounded.items() if used[name] + more[name] > limit]
    if over:
        wanted, has, may = (
            ", ".join(str(numbers[name]) for name in over) for numbers in (more, used, bounded)
        )
        names = ", ".join(over)
        raise QuotaExceeded(
            f"Quota exceeded for {names}: Requested {wanted}, but already used {has} of {may}"
            f" {names}",
            kind="quota",
        )


def user_headroom(
    connection: Connection, project_id: str, user_id: str, flavor: Flavor, limits: Limits
) -> int | None:
    """Return how many servers of flavor a user may still have; None is any number."""
    each = size_of(flavor)
    bounded = {
        name: limit
        for name, limit in limits.of_user.items()
        if limit >= 0 and each.get(name, 0) > 0
    }
    if not bounded:
        return None
    used = used_by(connection, project_id, user_id)
    return min((limit - used[name]) // each[name] for name, limit in bounded.items())


def get_usage(db: Database, project_id: str, user_id: str) -> dict[str, int]:
    """Return the instances, cores and MiB of ram that a user's instances in a project count for."""
    with db.read() as connection:
        return _sum(connection.execute(_of(project_id, user_id)))


def used_by(connection: Connection, project_id: str, user_id: str) -> dict[str, int]:
    """Return what a user's instances in a project count for, as it is now.

    Whoever changes it holds the lock of the project's usage by then: no row needs one of its own,
    which others hold that wait for that lock.
    """
    return _sum(connection.execute(_of(project_id, user_id)))


def _of(project_id: str, user_id: str) -> sa.Select[Any]:
    own = instances.c
    return sa.select(own.flavor, own.operation, own.vm_state, own.task_state).where(
        own.project_id == project_id, own.user_id == user_id, own.deleted_at.is_(None)
    )


def _sum(rows: Iterable[Any]) -> dict[str, int]:
    used: dict[str, int] = dict.fromkeys(COUNTED, 0)
    for row in rows:
        if is_counted(row.vm_state, row.task_state):
            for name, amount in size_of(wanted_flavor(row)).items():
                used[name] += amount
    return used
