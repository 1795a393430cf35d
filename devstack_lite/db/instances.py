"""Instances as they are read: by the api's read-only connection and inside the conductor."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from devstack_lite.db import pages
from devstack_lite.db.engine import FAILED_FUNCTION, Database
from devstack_lite.db.rows import instance_of
from devstack_lite.db.schema import (
    action_events,
    boot_steps,
    instance_actions,
    instance_faults,
    instances,
    ip_allocations,
    ports,
    quota_usages,
)
from devstack_lite.db.tag_conditions import with_all, with_any
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.objects.compute import ActionEvent, Fault, Instance, InstanceAction
from devstack_lite.states import VmState
from devstack_lite.steps import StepRecord

SORT_KEYS = {
    **{
        name: name
        for name in (
            "access_ip_v4", "access_ip_v6", "availability_zone", "config_drive", "created_at",
            "host", "hostname", "image_ref", "key_name", "launch_index", "launched_at", "name",
            "node", "power_state", "progress", "project_id", "task_state", "terminated_at",
            "updated_at", "user_id", "uuid", "vm_state",
        )
    },
    "display_name": "name",
    "display_description": "description",
    "locked": "is_locked",
}  # fmt: skip
"""Nova's names of what a list may be in the order of, and the columns."""

_NOT_LISTED = frozenset({"boot_request", "operation", "system_metadata"})
_LISTED = tuple(column for column in instances.c if column.name not in _NOT_LISTED)
_WITH_REQUEST = (*_LISTED, instances.c.boot_request)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFilter:
    """Which instances a list holds, in which order, and which page of it."""

    project_id: str | None = None
    equals: tuple[tuple[str, Any], ...] = ()
    """Column and value; a list as value means any of them."""
    name_pattern: str | None = None
    ip_patterns: tuple[str, ...] = ()
    """Regular expressions, as name_pattern is: one of its addresses matches each."""
    vm_states: tuple[VmState, ...] = ()
    flavor_id: str | None = None
    changes_since: datetime.datetime | None = None
    changes_before: datetime.datetime | None = None
    all_tags: tuple[str, ...] = ()
    """Only instances with each of them; with one of any_tags; not with all; with none of."""
    any_tags: tuple[str, ...] = ()
    not_all_tags: tuple[str, ...] = ()
    not_any_tags: tuple[str, ...] = ()
    is_deleted: bool | None = False
    """None lists the deleted ones besides the others."""
    sort: tuple[tuple[str, str], ...] = (("created_at", "desc"), ("uuid", "desc"))
    marker: str | None = None
    limit: int = 1000

    @property
    def patterns(self) -> str:
        """What a client wants to be looked for, for a message."""
        return ", ".join(filter(None, (self.name_pattern, *self.ip_patterns)))


def get_instance(
    db: Database, uuid: str, *, project_id: str | None = None, with_deleted: bool = False
) -> Instance:
    """Return an instance that is not deleted, of project_id when given. Raises NotFound."""
    query = _one_query(with_deleted=with_deleted, is_of_project=project_id is not None)
    with db.read() as connection:
        row = connection.execute(query, {"uuid": uuid, "project_id": project_id}).one_or_none()
    if row is None:
        raise NotFound(f"Instance {uuid} could not be found.", kind="instance")
    return instance_of(row)


@functools.cache
def _one_query(*, with_deleted: bool, is_of_project: bool) -> sa.Select[Any]:
    query = sa.select(instances).where(instances.c.uuid == sa.bindparam("uuid"))
    if not with_deleted:
        query = query.where(instances.c.deleted_at.is_(None))
    if is_of_project:
        query = query.where(instances.c.project_id == sa.bindparam("project_id"))
    return query


def list_instances(
    db: Database, wanted: InstanceFilter, *, with_request: bool = False
) -> list[Instance]:
    """Return one page, without what only who works on an instance reads: _NOT_LISTED.

    with_request: with what each was booted by, all the same. Raises Invalid for a marker that names
    nothing, or an unbearable pattern.
    """
    columns = _WITH_REQUEST if with_request else _LISTED
    return [instance_of(row) for row in _read_page(db, list_query(wanted, *columns), wanted)]


def list_names(db: Database, wanted: InstanceFilter) -> list[tuple[str, str]]:
    """Return uuid and name of one page's instances. Raises as list_instances."""
    query = list_query(wanted, instances.c.uuid, instances.c.name)
    return [(row.uuid, row.name) for row in _read_page(db, query, wanted)]


def _read_page(
    db: Database, query: sa.Select[Any], wanted: InstanceFilter
) -> Sequence[sa.Row[Any]]:
    with db.read() as connection:
        if wanted.marker is not None:
            marked = connection.execute(
                sa.select(instances).where(instances.c.uuid == wanted.marker)
            ).one_or_none()
            if marked is None:
                raise Invalid(f"marker [{wanted.marker}] not found")
            query = query.where(pages.behind(instances, marked, _order(wanted)))
        try:
            return connection.execute(query).all()
        except (sa.exc.DataError, sa.exc.OperationalError) as error:
            if not isinstance(error, sa.exc.DataError) and FAILED_FUNCTION not in str(error.orig):
                raise
            raise Invalid(f"{wanted.patterns} is no pattern to look for.") from error


def list_query(wanted: InstanceFilter, *columns: sa.Column[Any]) -> sa.Select[Any]:
    """Return the query for the first page of a list, of these columns or of all."""
    query = sa.select(*(columns or (instances,))).where(*_conditions(wanted))
    return pages.in_order(query, instances, _order(wanted)).limit(wanted.limit)


def _order(wanted: InstanceFilter) -> list[tuple[str, str]]:
    return [(SORT_KEYS[key], direction) for key, direction in wanted.sort]


def _conditions(wanted: InstanceFilter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.is_deleted is not None:
        # What is soft-deleted is listed with the deleted, as Nova does.
        deleted_at, vm_state = instances.c.deleted_at, instances.c.vm_state
        if wanted.is_deleted:
            found.append(sa.or_(deleted_at.is_not(None), vm_state == VmState.SOFT_DELETED))
        else:
            found += [deleted_at.is_(None), vm_state != VmState.SOFT_DELETED]
    if wanted.project_id is not None:
        found.append(instances.c.project_id == wanted.project_id)
    for name, value in wanted.equals:
        own = instances.c[name]
        found.append(own.in_(value) if isinstance(value, (list, tuple)) else own == value)
    if wanted.vm_states:
        found.append(instances.c.vm_state.in_([str(state) for state in wanted.vm_states]))
    if wanted.name_pattern:
        found.append(instances.c.name.regexp_match(wanted.name_pattern))
    found += [_has_address(pattern) for pattern in wanted.ip_patterns]
    if wanted.flavor_id is not None:
        found.append(instances.c.flavor["id"].as_string() == wanted.flavor_id)
    found += _tagged(wanted)
    if wanted.changes_since is not None:
        found.append(instances.c.updated_at >= wanted.changes_since)
    if wanted.changes_before is not None:
        found.append(instances.c.updated_at <= wanted.changes_before)
    return found


def _tagged(wanted: InstanceFilter) -> list[sa.ColumnElement[bool]]:
    found = [
        with_all(wanted.all_tags), with_any(wanted.any_tags),
        sa.not_(with_all(wanted.not_all_tags)), sa.not_(with_any(wanted.not_any_tags)),
    ]  # fmt: skip
    asked = (wanted.all_tags, wanted.any_tags, wanted.not_all_tags, wanted.not_any_tags)
    return [one for one, tags in zip(found, asked, strict=True) if tags]


def _has_address(pattern: str) -> sa.ColumnElement[bool]:
    """Return the condition of an address that matches; looked for instance by instance.

    A pattern has no index. So a list of one project never looks at another's addresses.
    """
    return (
        sa.select(sa.literal(1))
        .select_from(ports)
        .join(ip_allocations, ip_allocations.c.port_id == ports.c.id)
        .where(
            ports.c.device_id == instances.c.uuid,
            ip_allocations.c.ip_address.regexp_match(pattern),
        )
        .exists()
    )


def count_by_state(db: Database) -> dict[str, int]:
    """Return how many instances there are in each vm_state."""
    query = (
        sa.select(instances.c.vm_state, sa.func.count())
        .where(instances.c.deleted_at.is_(None))
        .group_by(instances.c.vm_state)
    )
    with db.read() as connection:
        return dict(connection.execute(query).tuples().all())


def get_faults(db: Database, uuids: Sequence[str]) -> dict[str, Fault]:
    """Return the faults of those instances that have one."""
    if not uuids:
        return {}
    query = sa.select(instance_faults).where(instance_faults.c.instance_uuid.in_(uuids))
    with db.read() as connection:
        return {row.instance_uuid: Fault(**row._mapping) for row in connection.execute(query)}


def list_actions(db: Database, uuid: str) -> list[InstanceAction]:
    """Return what was asked of an instance, the latest first."""
    query = (
        sa.select(instance_actions)
        .where(instance_actions.c.instance_uuid == uuid)
        .order_by(instance_actions.c.started_at.desc(), instance_actions.c.id.desc())
    )
    with db.read() as connection:
        return [InstanceAction(**row._mapping) for row in connection.execute(query)]


def list_action_events(db: Database, action_id: int) -> list[ActionEvent]:
    """Return the parts of an action, the latest first."""
    own = action_events.c
    query = (
        sa.select(own.event, own.started_at, own.finished_at, own.result, own.host, own.details)
        .where(own.action_id == action_id)
        .order_by(own.id.desc())
    )
    with db.read() as connection:
        return [ActionEvent(**row._mapping) for row in connection.execute(query)]


def list_boot_steps(db: Database, uuid: str) -> tuple[int, list[StepRecord]]:
    """Return the last attempt's number and its steps, in order."""
    own = boot_steps.c
    query = sa.select(boot_steps).where(own.instance_uuid == uuid).order_by(own.attempt, own.step)
    with db.read() as connection:
        rows = connection.execute(query).all()
    if not rows:
        return 0, []
    attempt = rows[-1].attempt
    names = StepRecord.__dataclass_fields__
    return attempt, [
        StepRecord(**{name: row._mapping[name] for name in names})
        for row in rows
        if row.attempt == attempt
    ]


def get_usage(db: Database, project_id: str) -> dict[str, int]:
    """Return the instances, cores and MiB of ram that a project uses."""
    query = sa.select(quota_usages).where(quota_usages.c.project_id == project_id)
    with db.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        return {"instances": 0, "cores": 0, "ram": 0}
    return {"instances": row.instances, "cores": row.cores, "ram": row.ram}
