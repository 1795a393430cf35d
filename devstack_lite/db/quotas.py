"""Quotas of instances, cores and ram: counted in one row per project, taken by one statement.

used equals what is counted from the instances; `devstack-lite check` compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.rows import instance_of
from devstack_lite.db.schema import quota_usages
from devstack_lite.exceptions import QuotaExceeded
from devstack_lite.objects.compute import Flavor
from devstack_lite.states import is_counted

COUNTED = ("instances", "cores", "ram")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a project may have; ram in MiB; -1 is any number.

    of_user: what the user may have of it, where that was set; see user_quotas.
    """

    instances: int
    cores: int
    ram: int
    of_user: Mapping[str, int] = field(default_factory=dict)


def size_of(flavor: Flavor, count: int = 1) -> dict[str, int]:
    """Return what servers of a flavor count for."""
    return {"instances": count, "cores": count * flavor.vcpus, "ram": count * flavor.memory_mb}


def take_quota(
    connection: Connection, project_id: str, flavor: Flavor, count: int, limits: Limits
) -> None:
    """Count `count` servers of flavor to the project, in the caller's transaction.

    Raises QuotaExceeded in Nova's words; nothing was counted then.
    """
    own = quota_usages.c
    wanted = size_of(flavor, count)
    bounds = {f"most_{resource}": getattr(limits, resource) for resource in COUNTED}
    more = {f"more_{resource}": amount for resource, amount in wanted.items()}
    if connection.execute(_TAKE, {"b_project_id": project_id, **more, **bounds}).rowcount:
        return
    row = connection.execute(
        sa.select(quota_usages).where(own.project_id == project_id)
    ).one_or_none()
    used = dict.fromkeys(wanted, 0) if row is None else dict(row._mapping)
    over = [
        resource
        for resource, amount in wanted.items()
        if 0 <= getattr(limits, resource) < used[resource] + amount
    ]
    if over:
        raise QuotaExceeded(_message(over, wanted, used, limits), kind="quota")
    connection.execute(quota_usages.insert().values(project_id=project_id, **wanted))


def _more(resource: str) -> sa.ColumnElement[int]:
    return quota_usages.c[resource] + sa.bindparam(f"more_{resource}", type_=sa.Integer)


def _has_room(resource: str) -> sa.ColumnElement[bool]:
    most = sa.bindparam(f"most_{resource}", type_=sa.Integer)
    return sa.or_(most < 0, _more(resource) <= most)


_COUNT = (
    quota_usages.update()
    .where(quota_usages.c.project_id == sa.bindparam("b_project_id"))
    .values({resource: _more(resource) for resource in COUNTED})
)
_TAKE = _COUNT.where(*(_has_room(resource) for resource in COUNTED))


def change_quota(
    connection: Connection, project_id: str, old: Flavor, new: Flavor, limits: Limits | None
) -> None:
    """Count a server as one of new instead of old, in the caller's transaction.

    limits bound what grows; None: whatever it makes. Raises QuotaExceeded; nothing changed then.
    """
    own = quota_usages.c
    grown = {"cores": new.vcpus - old.vcpus, "ram": new.memory_mb - old.memory_mb}
    if not any(grown.values()):
        return
    bounded = {
        resource: amount
        for resource, amount in grown.items()
        if limits is not None and amount > 0 and getattr(limits, resource) >= 0
    }
    change = quota_usages.update().where(
        own.project_id == project_id,
        *(own[resource] + amount <= getattr(limits, resource)
          for resource, amount in bounded.items()),
    ).values({resource: own[resource] + amount for resource, amount in grown.items()})  # fmt: skip
    if connection.execute(change).rowcount or limits is None:
        return
    row = connection.execute(sa.select(quota_usages).where(own.project_id == project_id)).one()
    used = dict(row._mapping)
    over = [name for name, more in bounded.items() if used[name] + more > getattr(limits, name)]
    raise QuotaExceeded(_message(over, grown, used, limits), kind="quota")


def headroom(connection: Connection, project_id: str, flavor: Flavor, limits: Limits) -> int | None:
    """Return how many servers of flavor the project may still have; None is any number.

    In the caller's transaction; the project's row is locked until its end.
    """
    row = connection.execute(
        sa.select(quota_usages).where(quota_usages.c.project_id == project_id).with_for_update()
    ).one_or_none()
    used = {} if row is None else dict(row._mapping)
    each = size_of(flavor)
    rooms = [
        (getattr(limits, resource) - used.get(resource, 0)) // amount
        for resource, amount in each.items()
        if getattr(limits, resource) >= 0 and amount > 0
    ]
    return min(rooms, default=None)


def _message(over: list[str], wanted: dict[str, int], used: dict[str, int], limits: Limits) -> str:
    def listed(numbers: dict[str, int]) -> str:
        return ", ".join(str(numbers[resource]) for resource in over)

    allowed = {resource: getattr(limits, resource) for resource in over}
    return (
        f"Quota exceeded for {', '.join(over)}: Requested {listed(wanted)}, but already used"
        f" {listed(used)} of {listed(allowed)} {', '.join(over)}"
    )


def give_back(connection: Connection, project_id: str, flavor: Flavor) -> None:
    """Count one server of flavor off the project, in the caller's transaction."""
    less = {f"more_{resource}": -amount for resource, amount in size_of(flavor).items()}
    connection.execute(_COUNT, {"b_project_id": project_id, **less})


def recount(connection: Connection, row: Any, vm_state: str, task_state: str | None) -> None:
    """Count an instance, or count it off, as it goes from its row's states to these.

    No limit holds it up. In the caller's transaction.
    """
    was, will_be = is_counted(row.vm_state, row.task_state), is_counted(vm_state, task_state)
    if was == will_be:
        return
    instance = instance_of(row)
    if was:
        give_back(connection, instance.project_id, instance.flavor)
    else:
        anything = Limits(instances=-1, cores=-1, ram=-1)
        take_quota(connection, instance.project_id, instance.flavor, 1, anything)
