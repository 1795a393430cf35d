"""Deletes that can be taken back: the quota, the restore, the reclaim, and what overtakes what."""

from __future__ import annotations

import datetime

import pytest

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import actions, deferred_delete, deletes, instances, leftovers, operations
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits
from devstack_lite.exceptions import InstanceInvalidState, NotFound, QuotaExceeded
from devstack_lite.objects.compute import FoundDomain, Instance
from devstack_lite.states import PowerState, TaskState, VmState
from tests.unit.test_builds import build_to_active, used
from tests.unit.test_leftovers import attach, left, make_volume

LIMITS = Limits(instances=10, cores=20, ram=51200)
SILENT = operations.Bounds(unowned_s=-1, owned_s=-1)
STATES = [state for state in VmState if state not in {VmState.BUILDING, VmState.DELETED}]


@pytest.fixture
def uuid(db: Database, context: RequestContext) -> str:
    """Return an instance that is ACTIVE on host1."""
    return build_to_active(db, context)


def asked_as(request_id: str) -> RequestContext:
    return RequestContext(user_id="a-user", project_id="a-project", request_id=request_id)


def begin(db: Database, uuid: str, request_id: str = "req-soft") -> Instance:
    return actions.begin_action(
        db, asked_as(request_id), uuid, action="soft_delete", event="compute_soft_delete_instance",
        vm_states=STATES, task_state=TaskState.SOFT_DELETING, is_overtaking=True,
    )  # fmt: skip


def finish(db: Database, instance: Instance, vm_state: VmState, error: str | None = None) -> bool:
    return actions.finish_action(
        db, instance.uuid, action=str((instance.operation or {})["name"]),
        attempt=instance.attempt, vm_state=vm_state, power_state=PowerState.SHUTDOWN, error=error,
    )  # fmt: skip


def soft_deleted(db: Database, uuid: str, request_id: str = "req-soft") -> Instance:
    assert finish(db, begin(db, uuid, request_id), VmState.SOFT_DELETED)
    return instances.get_instance(db, uuid)


def counted(db: Database) -> int:
    return instances.get_usage(db, "a-project")["instances"]


def restore(db: Database, uuid: str, limits: Limits = LIMITS) -> Instance:
    return deferred_delete.begin_restore(db, asked_as("req-restore"), uuid, limits)


def test_it_is_counted_until_it_is_deleted_and_from_its_restore(db: Database, uuid: str) -> None:
    """Its claim stays all the while: it has its place when it is restored."""
    instance = begin(db, uuid)
    assert (instance.task_state, counted(db)) == (TaskState.SOFT_DELETING, 1)
    finish(db, instance, VmState.SOFT_DELETED)
    assert (instances.get_instance(db, uuid).vm_state, counted(db)) == ("soft-delete", 0)
    assert used(db) == (1, 512, 1, 1, 0)
    restoring = restore(db, uuid)
    assert (restoring.task_state, counted(db)) == (TaskState.RESTORING, 1)
    assert restore(db, uuid).attempt == restoring.attempt
    finish(db, restoring, VmState.ACTIVE)
    assert (instances.get_instance(db, uuid).vm_state, counted(db)) == ("active", 1)


def test_a_restore_needs_room_in_the_quota(db: Database, uuid: str) -> None:
    with pytest.raises(InstanceInvalidState, match=r"'restore' .* vm_state active"):
        restore(db, uuid)
    soft_deleted(db, uuid)
    with pytest.raises(QuotaExceeded):
        restore(db, uuid, Limits(instances=0, cores=20, ram=51200))
    with pytest.raises(QuotaExceeded):
        restore(db, uuid, Limits(instances=-1, cores=-1, ram=-1, of_user={"instances": 0}))
    assert (instances.get_instance(db, uuid).task_state, counted(db)) == (None, 0)


def test_what_fails_leaves_the_books_right(db: Database, uuid: str) -> None:
    """A delete leaves the instance what it was; a restore leaves it in ERROR, and counted."""
    finish(db, begin(db, uuid), VmState.ACTIVE, error="no")
    assert (instances.get_instance(db, uuid).vm_state, counted(db)) == ("active", 1)
    soft_deleted(db, uuid, "req-again")
    finish(db, restore(db, uuid), VmState.ACTIVE, error="no")
    assert (instances.get_instance(db, uuid).vm_state, counted(db)) == ("error", 1)


def test_a_delete_overtakes_a_restore(db: Database, context: RequestContext, uuid: str) -> None:
    """It is counted off then, and once."""
    soft_deleted(db, uuid)
    restore(db, uuid)
    again = begin(db, uuid, "req-again")
    assert counted(db) == 0
    finish(db, again, VmState.SOFT_DELETED)
    deferred_delete.begin_restore(db, asked_as("req-r2"), uuid, LIMITS)
    deletes.begin_delete(db, context, uuid)
    assert counted(db) == 0
    assert deletes.finish_delete(db, uuid)
    assert (counted(db), used(db)) == (0, (0, 0, 0, 0, 0))


def test_a_delete_that_never_ends_leaves_it_counted(
    db: Database, context: RequestContext, uuid: str
) -> None:
    soft_deleted(db, uuid)
    deletes.begin_delete(db, context, uuid)
    while operations.hand_out_silent(db, SILENT):
        pass
    assert (instances.get_instance(db, uuid).vm_state, counted(db)) == ("error", 1)


def test_it_is_reclaimed_with_all_that_it_holds(db: Database, uuid: str) -> None:
    """When its time is over, and by nobody's token."""
    assert deferred_delete.reclaim(db, older_than_s=-60) == []
    soft_deleted(db, uuid)
    make_volume(db, "vol")
    attach(db, "vol", uuid)
    assert deferred_delete.reclaim(db, older_than_s=60) == []
    (instance,) = deferred_delete.reclaim(db, older_than_s=-60)
    assert instance.task_state is TaskState.DELETING
    assert (instance.operation or {})["arguments"] == {"is_reclaim": True}
    assert deferred_delete.reclaim(db, older_than_s=-60) == []
    assert deletes.finish_delete(db, uuid)
    with pytest.raises(NotFound):
        instances.get_instance(db, uuid)
    assert left(db) == {"vol": "available"}


def test_one_that_is_restored_is_not_reclaimed(db: Database, uuid: str) -> None:
    soft_deleted(db, uuid)
    restoring = restore(db, uuid)
    assert deferred_delete.reclaim(db, older_than_s=-60) == []
    finish(db, restoring, VmState.ACTIVE)
    assert deferred_delete.reclaim(db, older_than_s=-60) == []


def test_a_guest_that_runs_all_the_same_is_shut_down(db: Database, uuid: str) -> None:
    """A late worker has started it; the host's comparison sees it."""
    soft_deleted(db, uuid)
    domain = FoundDomain(uuid=uuid, node="host1", power_state=int(PowerState.RUNNING))
    later = utcnow() + datetime.timedelta(seconds=leftovers.SETTLE_S + 1)
    found = leftovers.compare_host(db, host="host1", domains=[domain], seen_at=later)
    assert found.should_be_off == (domain,)


def test_lists_have_it_with_the_deleted(db: Database, uuid: str) -> None:
    soft_deleted(db, uuid)
    for is_deleted, expected in ((False, []), (True, [uuid]), (None, [uuid])):
        wanted = instances.InstanceFilter(is_deleted=is_deleted)
        assert [one.uuid for one in instances.list_instances(db, wanted)] == expected
