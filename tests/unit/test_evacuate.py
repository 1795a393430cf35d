"""An instance that leaves a dead host: claimed twice until it has arrived, and never lost."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import (
    actions,
    builds,
    claims,
    deletes,
    failed_builds,
    instances,
    leftovers,
    migration_reads,
    moves,
    operations,
)
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import InstanceInvalidState
from devstack_lite.objects.compute import BuildOrder, BuildResult, FoundDomain, Instance
from devstack_lite.states import PowerState, TaskState, Verdict, VmState
from devstack_lite.steps import StepLog
from services.compute.build import shall_be_stopped
from tests.unit.conftest import outcomes
from tests.unit.test_builds import build_to_active, claim_of, used

SILENT = operations.Bounds(unowned_s=-1, owned_s=-1)
TAKEN, FREE = (1, 512, 1, 1, 0), (0, 0, 0, 0, 0)
STATES = (VmState.ACTIVE, VmState.STOPPED, VmState.ERROR)


@pytest.fixture
def uuid(db: Database, context: RequestContext) -> str:
    """Return an instance that is ACTIVE on host1."""
    return build_to_active(db, context)


def begin(db: Database, uuid: str, request_id: str = "req-evacuate") -> Instance:
    asked = RequestContext(user_id="a-user", project_id="a-project", request_id=request_id)
    return actions.begin_action(
        db, asked, uuid, action=operations.EVACUATE, event="rebuild_server", vm_states=STATES,
        task_state=TaskState.REBUILDING, is_overtaking=True,
        alongside=lambda connection, row: moves.begin_evacuation(
            connection, asked, row, utcnow()
        ),
    )  # fmt: skip


def start(db: Database, instance: Instance, host: str) -> list[Instance]:
    """Claim a place on host, and have a worker of it begin."""
    claim = claim_of(instance.uuid, host, instance.attempt)
    assert outcomes(claims.claim_nodes(db, [claim])) == [claims.CLAIMED]
    order = BuildOrder(instance_uuid=instance.uuid, node=host, attempt=instance.attempt)
    return builds.start_builds(db, host, "me", [order], StepLog())


def result(instance: Instance, host: str, **more: object) -> BuildResult:
    made = BuildResult(
        instance_uuid=instance.uuid, attempt=instance.attempt, node=host, power_state=1
    )
    return replace(made, **more)  # type: ignore[arg-type]


def test_it_holds_both_places_until_it_has_arrived(db: Database, uuid: str) -> None:
    """The old claim goes when the instance is ACTIVE on the new host, not before."""
    moving = begin(db, uuid)
    assert (moving.vm_state, moving.task_state, moving.host) == ("active", "rebuilding", "host1")
    (granted,) = start(db, moving, "host2")
    assert (granted.host, granted.task_state) == ("host2", "rebuild_block_device_mapping")
    assert used(db, "host1") == TAKEN
    assert used(db, "host2") == (1, 512, 1, 1, 1)
    assert builds.finish_builds(db, [result(moving, "host2")], "nova") == {uuid: Verdict.MINE}
    arrived = instances.get_instance(db, uuid)
    assert (arrived.host, arrived.vm_state, arrived.task_state) == ("host2", "active", None)
    assert (used(db, "host1"), used(db, "host2")) == (FREE, TAKEN)
    assert [one.finished_at is not None for one in instances.list_actions(db, uuid)] == [True] * 2


def test_one_that_was_off_is_off_again(db: Database, uuid: str) -> None:
    moving = begin(db, uuid)
    start(db, moving, "host2")
    off = result(moving, "host2", power_state=int(PowerState.SHUTDOWN))
    builds.finish_builds(db, [off], "nova")
    assert instances.get_instance(db, uuid).vm_state is VmState.STOPPED


def test_one_that_finds_no_host_stays_where_it_was(db: Database, uuid: str) -> None:
    """It is in ERROR with the reason, has its old claim, and may be evacuated again."""
    moving = begin(db, uuid)
    start(db, moving, "host2")
    no = result(moving, "host2", error="No valid host was found.", can_retry=False)
    assert failed_builds.fail_builds(db, [no], max_attempts=3) == ([], [uuid])
    stays = instances.get_instance(db, uuid)
    assert (stays.host, stays.node, stays.vm_state) == ("host1", "host1", "error")
    assert (used(db, "host1"), used(db, "host2")) == (TAKEN, FREE)
    assert begin(db, uuid, "req-again").task_state is TaskState.REBUILDING


def test_a_worker_that_dies_over_it_loses_the_new_place_only(db: Database, uuid: str) -> None:
    """Handed out again it is on its way from where it was; what the dead one built is in vain."""
    moving = begin(db, uuid)
    start(db, moving, "host2")
    (again,) = operations.hand_out_silent(db, SILENT)
    assert (again.host, again.task_state, again.attempt) == (
        "host1", TaskState.REBUILDING, moving.attempt + 1,
    )  # fmt: skip
    assert (used(db, "host1"), used(db, "host2")) == (TAKEN, FREE)
    late = result(moving, "host2")
    # The next attempt may choose the same node: the domain is not the late one's to remove.
    assert builds.finish_builds(db, [late], "nova") == {uuid: Verdict.LEAVE}
    start(db, again, "host3")
    assert builds.finish_builds(db, [late], "nova") == {uuid: Verdict.ELSEWHERE}
    assert builds.finish_builds(db, [result(again, "host3")], "nova") == {uuid: Verdict.MINE}


def test_a_choice_that_was_not_claimed_is_not_built(db: Database, uuid: str) -> None:
    """The request came twice and two hosts were told: only the one with the claim builds."""
    moving = begin(db, uuid)
    claims.claim_nodes(db, [claim_of(uuid, "host2", moving.attempt)])
    claims.claim_nodes(db, [claim_of(uuid, "host3", moving.attempt)])
    orders = {
        host: BuildOrder(instance_uuid=uuid, node=host, attempt=moving.attempt)
        for host in ("host2", "host3")
    }
    assert builds.start_builds(db, "host2", "me", [orders["host2"]], StepLog()) == []
    assert len(builds.start_builds(db, "host3", "me", [orders["host3"]], StepLog())) == 1


def test_what_the_dead_host_should_have_done_ends(db: Database, uuid: str) -> None:
    """A reboot that waits for its host is overtaken; a second evacuation is not."""
    actions.begin_action(
        db, RequestContext(request_id="req-reboot"), uuid, action="reboot", event="reboot",
        vm_states=STATES, task_state=TaskState.REBOOTING,
    )  # fmt: skip
    begin(db, uuid)
    messages = {one.action: one.message for one in instances.list_actions(db, uuid)}
    assert messages["reboot"] == "Ended by evacuate."
    with pytest.raises(InstanceInvalidState):
        begin(db, uuid, "req-other")


def test_no_attempt_is_lost_on_a_host_that_is_down(db: Database, uuid: str) -> None:
    """What only the host can do waits for it, however long that is."""
    asked = actions.begin_action(
        db, RequestContext(request_id="req-stop"), uuid, action="stop", event="stop",
        vm_states=STATES, task_state=TaskState.POWERING_OFF,
    )  # fmt: skip
    for _ in range(operations.MAX_ATTEMPTS + 1):
        assert operations.hand_out_silent(db, SILENT, down_hosts={"host1"}) == []
    (again,) = operations.hand_out_silent(db, SILENT)
    assert again.attempt == asked.attempt + 1


def test_the_old_host_removes_its_domain_when_it_is_back(db: Database, uuid: str) -> None:
    """Not while the instance is on its way, when nobody knows where it will be."""
    moving = begin(db, uuid)
    start(db, moving, "host2")
    domain = FoundDomain(uuid=uuid, node="host1", power_state=1)
    later = utcnow() + datetime.timedelta(seconds=leftovers.SETTLE_S + 1)

    def look() -> leftovers.HostFindings:
        return leftovers.compare_host(db, host="host1", domains=[domain], seen_at=later)

    under_way = look()
    assert (under_way.ownerless, under_way.look_again_s) == ((), leftovers.SETTLE_S)
    builds.finish_builds(db, [result(moving, "host2")], "nova")
    assert look().ownerless == (domain,)


def test_a_delete_does_not_wait_for_a_dead_host(
    db: Database, context: RequestContext, uuid: str
) -> None:
    assert deletes.begin_delete(db, context, uuid).deleted_at is None
    leftovers.delete_without_host(db, uuid)
    assert deletes.begin_delete(db, context, uuid).deleted_at is not None
    assert used(db, "host1") == FREE


def test_it_is_among_the_migrations(db: Database, uuid: str) -> None:
    """With Nova's statuses: accepted, then done, or error when it ends so."""

    def seen() -> list[tuple[str, str, str | None]]:
        found = migration_reads.list_migrations(db, instance_uuid=uuid)
        return [(one.migration_type, one.status, one.dest_compute) for one in found]

    moving = begin(db, uuid)
    assert seen() == [("evacuation", "accepted", None)]
    start(db, moving, "host2")
    assert seen() == [("evacuation", "pre-migrating", "host2")]
    builds.finish_builds(db, [result(moving, "host2")], "nova")
    assert seen() == [("evacuation", "done", "host2")]
    again = begin(db, uuid, "req-again")
    no = result(again, "", error="No valid host was found.", can_retry=False)
    failed_builds.fail_builds(db, [no], max_attempts=3)
    assert seen()[0] == ("evacuation", "error", None)


@pytest.mark.parametrize(
    ("was", "is_asked", "shall"),
    [("active", False, False), ("active", True, True), ("stopped", False, True),
     ("error", True, False)],
)  # fmt: skip
def test_which_shall_be_off(db: Database, uuid: str, was: str, is_asked: bool, shall: bool) -> None:
    """What was off, and from 2.95 on all but what was in ERROR."""
    kept = {"vm_state": was, "is_stopped": is_asked}
    moving = replace(begin(db, uuid), operation={"name": "evacuate", "arguments": kept})
    assert shall_be_stopped(moving) is shall
