"""A live migration in the database: one place more while it lasts, and one at its end."""

from __future__ import annotations

from typing import Any

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.db import (
    actions,
    builds,
    claims,
    failed_builds,
    instances,
    live_migrations,
    migration_reads,
    moves,
    operations,
)
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Conflict, InstanceInvalidState
from devstack_lite.objects.compute import ABORT, FORCE_COMPLETE, BuildOrder, Instance
from devstack_lite.states import MIGRATION_CANCELLED, PowerState, VmState
from devstack_lite.steps import StepLog
from tests.unit.conftest import outcomes
from tests.unit.test_builds import build_to_active, claim_of, used
from tests.unit.test_resizes import FREE, SILENT, TAKEN, asked, result, status


@pytest.fixture
def uuid(db: Database, context: RequestContext) -> str:
    """Return an instance that is ACTIVE on host1."""
    return build_to_active(db, context)


def begin(db: Database, uuid: str) -> Instance:
    return live_migrations.begin_live_migration(db, asked("req-live"), uuid, target_host=None)


def start(db: Database, instance: Instance, host: str = "host2") -> list[Instance]:
    claim = claim_of(instance.uuid, host, instance.attempt)
    assert outcomes(claims.claim_nodes(db, [claim])) == [claims.CLAIMED]
    order = BuildOrder(instance_uuid=instance.uuid, node=host, attempt=instance.attempt)
    return builds.start_builds(db, host, "me", [order], StepLog())


def finish(db: Database, instance: Instance, **more: Any) -> bool:
    outcome = {"vm_state": VmState.ACTIVE, "power_state": PowerState.RUNNING, **more}
    return actions.finish_action(
        db, instance.uuid, action=moves.RUN_LIVE, attempt=instance.attempt, **outcome
    )


def test_the_host_that_it_leaves_takes_it_there(db: Database, uuid: str) -> None:
    """It is shown where it is until it has arrived, though the new host may bind its ports."""
    moving = begin(db, uuid)
    assert (moving.host, moving.task_state, status(db, uuid)) == ("host1", "migrating", "accepted")
    (leaving,) = start(db, moving)
    assert (leaving.host, leaving.operation_host) == ("host1", "host1")
    # Delivered twice: whoever was told first may have died before it told the host.
    order = BuildOrder(instance_uuid=uuid, node="host2", attempt=moving.attempt)
    assert builds.start_builds(db, "host2", "me", [order], StepLog()) == [leaving]
    assert (moves.holder_of(leaving), leaving.attempt) == ("host2", moving.attempt + 1)
    assert (used(db, "host1"), used(db, "host2")) == (TAKEN, (1, 512, 1, 1, 1))
    live_migrations.note_progress(db, uuid, attempt=moving.attempt, progress={"late": 1})
    assert status(db, uuid) == "preparing"
    live_migrations.note_progress(db, uuid, attempt=leaving.attempt, progress={"on_time": 1})
    assert migration_reads.list_migrations(db)[0].progress == {"on_time": 1}
    assert finish(db, leaving)
    there = instances.get_instance(db, uuid)
    assert (there.host, there.node, there.vm_state) == ("host2", "host2", "active")
    assert (used(db, "host1"), used(db, "host2")) == (FREE, TAKEN)
    assert status(db, uuid) == "completed"


@pytest.mark.parametrize(
    ("error", "wanted"), [(f"x: {MIGRATION_CANCELLED}", "cancelled"), ("x: no", "failed")]
)
def test_one_that_fails_stays(db: Database, uuid: str, error: str, wanted: str) -> None:
    """ACTIVE where it was, with the old claim alone; its action says why."""
    (leaving,) = start(db, begin(db, uuid))
    assert finish(db, leaving, error=error)
    stays = instances.get_instance(db, uuid)
    assert (stays.host, stays.vm_state, stays.task_state) == ("host1", "active", None)
    assert (used(db, "host1"), used(db, "host2")) == (TAKEN, FREE)
    assert (status(db, uuid), instances.list_actions(db, uuid)[0].message) == (wanted, error)


def test_one_that_no_host_takes_stays(db: Database, uuid: str) -> None:
    moving = begin(db, uuid)
    no = result(moving, "", error="No valid host was found.", can_retry=False)
    assert failed_builds.fail_builds(db, [no], max_attempts=3) == ([], [])
    stays = instances.get_instance(db, uuid)
    assert (stays.vm_state, stays.task_state, status(db, uuid)) == ("active", None, "failed")


def test_a_worker_that_dies_over_it_does_not_change_where_it_goes(db: Database, uuid: str) -> None:
    """The guest may be there already: the claim stays, and the same host is asked again."""
    moving = begin(db, uuid)
    (leaving,) = start(db, moving)
    (again,) = operations.hand_out_silent(db, SILENT)
    assert (again.operation_host, again.attempt) == ("host1", leaving.attempt + 1)
    assert used(db, "host2") == (1, 512, 1, 1, 1)
    assert not finish(db, leaving)
    # The request for a place, delivered once more, places nothing.
    assert outcomes(claims.claim_nodes(db, [claim_of(uuid, "host3", moving.attempt)])) == ["stale"]
    assert finish(db, again)
    assert instances.get_instance(db, uuid).host == "host2"


def test_one_that_is_on_its_way_does_not_go_elsewhere(db: Database, uuid: str) -> None:
    """Said in the API's name for it."""
    start(db, begin(db, uuid))
    with pytest.raises(InstanceInvalidState, match="Cannot 'os-migrateLive' instance"):
        live_migrations.begin_live_migration(db, asked("req-more"), uuid, target_host=None)


def test_an_abort_outlives_whoever_was_told(db: Database, uuid: str) -> None:
    """The wish stays with the operation, and is an action of its own, once."""
    (leaving,) = start(db, begin(db, uuid))
    for _ in range(2):
        live_migrations.note_end(db, asked("req-abort"), uuid, wish=ABORT)
    said = live_migrations.note_progress(db, uuid, attempt=leaving.attempt, progress={})
    assert said == ABORT
    (again,) = operations.hand_out_silent(db, SILENT)
    assert (again.operation or {})["arguments"]["wish"] == ABORT
    assert finish(db, again, error=MIGRATION_CANCELLED)
    noted = [one for one in instances.list_actions(db, uuid) if one.action != "create"]
    assert [(one.action, one.message) for one in noted] == [
        ("live_migration_cancel", None), ("live-migration", MIGRATION_CANCELLED),
    ]  # fmt: skip
    (event,) = instances.list_action_events(db, noted[0].id)
    assert (event.event, event.result) == ("compute_live_migration_abort", "Success")
    assert leaving.attempt == again.attempt - 1


def test_who_is_not_on_its_way_has_no_end(db: Database, uuid: str) -> None:
    """And no action of that name."""
    begin(db, uuid)
    with pytest.raises(Conflict, match="is not on its way"):
        live_migrations.note_end(db, asked("req-force"), uuid, wish=FORCE_COMPLETE)
    assert instances.list_actions(db, uuid)[0].action == "live-migration"
