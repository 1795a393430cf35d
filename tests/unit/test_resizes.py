"""A resize in the database: two places until it is confirmed, and never stuck between them."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

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
    resizes,
)
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits
from devstack_lite.exceptions import InstanceInvalidState, QuotaExceeded
from devstack_lite.objects.compute import (
    BuildOrder,
    BuildResult,
    Claim,
    Flavor,
    FoundDomain,
    Instance,
)
from devstack_lite.states import PowerState, TaskState, Verdict, VmState
from devstack_lite.steps import StepLog
from tests.unit.conftest import TINY, outcomes
from tests.unit.test_builds import UNLIMITED, build_to_active, used

SMALL = Flavor(id="2", name="m1.small", vcpus=2, memory_mb=1024, root_gb=5)
TAKEN, LARGER, FREE = (1, 512, 1, 1, 0), (2, 1024, 5, 1, 0), (0, 0, 0, 0, 0)
SILENT = operations.Bounds(unowned_s=-1, owned_s=-1)
BEFORE = {"instances": 1, "cores": 1, "ram": 512}
AFTER = {"instances": 1, "cores": 2, "ram": 1024}


@pytest.fixture
def uuid(db: Database, context: RequestContext) -> str:
    """Return an instance that is ACTIVE on host1."""
    return build_to_active(db, context)


def asked(request_id: str) -> RequestContext:
    return RequestContext(user_id="a-user", project_id="a-project", request_id=request_id)


def begin(
    db: Database, uuid: str, request_id: str = "req-resize", limits: Limits = UNLIMITED
) -> Instance:
    return resizes.begin_resize(
        db, asked(request_id), uuid, flavor=SMALL, target_host=None, may_stay_on_host=False,
        limits=limits,
    )  # fmt: skip


def start(db: Database, instance: Instance, host: str = "host2") -> list[Instance]:
    """Claim a place on host for what it shall be, and have a worker of it begin."""
    wanted = moves.wanted_flavor(instance)
    claim = Claim(
        instance_uuid=instance.uuid, host=host, node=host, vcpus=wanted.vcpus,
        memory_mb=wanted.memory_mb, disk_gb=wanted.disk_gb, attempt=instance.attempt,
    )  # fmt: skip
    assert outcomes(claims.claim_nodes(db, [claim])) == [claims.CLAIMED]
    order = BuildOrder(instance_uuid=instance.uuid, node=host, attempt=instance.attempt)
    return builds.start_builds(db, host, "me", [order], StepLog())


def result(instance: Instance, host: str = "host2", **more: Any) -> BuildResult:
    made = BuildResult(
        instance_uuid=instance.uuid, attempt=instance.attempt, node=host, power_state=1
    )
    return replace(made, **more)


def resized(db: Database, uuid: str) -> Instance:
    moving = begin(db, uuid)
    start(db, moving)
    assert builds.finish_builds(db, [result(moving)], "nova") == {uuid: Verdict.MINE}
    return instances.get_instance(db, uuid)


def finish(db: Database, instance: Instance, action: str, **more: Any) -> bool:
    outcome = {"vm_state": VmState.ACTIVE, "power_state": PowerState.RUNNING, **more}
    return actions.finish_action(
        db, instance.uuid, action=action, attempt=instance.attempt, **outcome
    )


def status(db: Database, uuid: str) -> str:
    return migration_reads.list_migrations(db, instance_uuid=uuid)[0].status


def usage(db: Database) -> dict[str, int]:
    return instances.get_usage(db, "a-project")


def test_it_holds_both_places_until_it_is_confirmed(db: Database, uuid: str) -> None:
    """The old claim and the old guest stay; the quota counts the new flavor from the beginning."""
    moving = begin(db, uuid)
    assert (moving.vm_state, moving.task_state, moving.flavor) == ("active", "resize_prep", TINY)
    assert (usage(db), status(db, uuid)) == (AFTER, "pre-migrating")
    (granted,) = start(db, moving)
    assert (granted.host, granted.task_state, granted.flavor.id) == (
        "host2", "resize_migrating", "2",
    )  # fmt: skip
    assert status(db, uuid) == "migrating"
    builds.finish_builds(db, [result(moving)], "nova")
    there = instances.get_instance(db, uuid)
    assert (there.host, there.vm_state, there.task_state) == ("host2", "resized", None)
    assert (there.flavor.id, status(db, uuid)) == ("2", "finished")
    assert (used(db, "host1"), used(db, "host2")) == (TAKEN, LARGER)

    ending = resizes.begin_confirm(db, asked("req-confirm"), uuid)
    assert operations.host_of(ending) == "host1"
    assert status(db, uuid) == "confirming"
    assert finish(db, ending, moves.CONFIRM)
    assert not finish(db, ending, moves.CONFIRM)
    over = instances.get_instance(db, uuid)
    assert (over.host, over.vm_state, over.task_state) == ("host2", "active", None)
    assert (used(db, "host1"), used(db, "host2")) == (FREE, LARGER)
    assert (usage(db), status(db, uuid)) == (AFTER, "confirmed")


def test_a_revert_brings_all_of_it_back(db: Database, uuid: str) -> None:
    """Host, flavor, claim and quota are as before; the new place is free."""
    resized(db, uuid)
    back = resizes.begin_revert(db, asked("req-revert"), uuid)
    assert (operations.host_of(back), status(db, uuid)) == ("host1", "reverting")
    assert finish(db, back, moves.REVERT)
    over = instances.get_instance(db, uuid)
    assert (over.host, over.node, over.vm_state, over.flavor) == ("host1", "host1", "active", TINY)
    assert (used(db, "host1"), used(db, "host2")) == (TAKEN, FREE)
    assert (usage(db), status(db, uuid)) == (BEFORE, "reverted")


def test_one_that_finds_no_host_goes_on_where_it_was(db: Database, uuid: str) -> None:
    """Not in ERROR, as in Nova: its host has it run again, and its action says why it failed."""
    moving = begin(db, uuid)
    no = result(moving, "", error="No valid host was found.", can_retry=False)
    (back,), ended = failed_builds.fail_builds(db, [no], max_attempts=3)
    assert (ended, back.host, back.task_state) == ([], "host1", "resize_reverting")
    assert back.attempt == moving.attempt + 1
    assert finish(db, back, moves.ABANDON)
    stays = instances.get_instance(db, uuid)
    assert (stays.host, stays.vm_state, stays.task_state) == ("host1", "active", None)
    assert (usage(db), status(db, uuid), used(db)) == (BEFORE, "error", TAKEN)
    (action, _create) = instances.list_actions(db, uuid)
    assert (action.action, action.message) == ("resize", "No valid host was found.")
    (event,) = instances.list_action_events(db, action.id)
    assert event.result == "Error"


def test_a_worker_that_dies_over_it_loses_the_new_place_only(db: Database, uuid: str) -> None:
    """Handed out again it is on its way from where it was; what the dead one built is in vain."""
    moving = begin(db, uuid)
    start(db, moving)
    (again,) = operations.hand_out_silent(db, SILENT)
    assert (again.host, again.task_state) == ("host1", TaskState.RESIZE_PREP)
    assert (used(db, "host1"), used(db, "host2")) == (TAKEN, FREE)
    start(db, again, "host3")
    assert builds.finish_builds(db, [result(moving)], "nova") == {uuid: Verdict.ELSEWHERE}
    assert builds.finish_builds(db, [result(again, "host3")], "nova") == {uuid: Verdict.MINE}
    assert len(migration_reads.list_migrations(db, instance_uuid=uuid)) == 1


def test_one_that_never_ends_gives_its_quota_back(db: Database, uuid: str) -> None:
    """After the last attempt it is in ERROR where it was, of its old flavor."""
    begin(db, uuid)
    for _ in range(operations.MAX_ATTEMPTS):
        operations.hand_out_silent(db, SILENT)
    failed = instances.get_instance(db, uuid)
    assert (failed.vm_state, failed.host, failed.flavor) == (VmState.ERROR, "host1", TINY)
    assert (usage(db), status(db, uuid), used(db)) == (BEFORE, "error", TAKEN)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_delete_takes_both_places(db: Database, uuid: str, is_there: bool) -> None:
    """Whether it has arrived or is on its way; the host is told of the other place."""
    if is_there:
        resized(db, uuid)
    else:
        start(db, begin(db, uuid))
    going = deletes.begin_delete(db, asked("req-delete"), uuid)
    assert (going.operation or {})["arguments"] == {
        "elsewhere": [{"host": "host1", "node": "host1"}]
    }
    assert deletes.finish_delete(db, uuid)
    assert (used(db, "host1"), used(db, "host2")) == (FREE, FREE)
    assert usage(db) == {"instances": 0, "cores": 0, "ram": 0}
    assert status(db, uuid) == ("confirmed" if is_there else "error")


def test_the_quota_bounds_what_it_grows_to(db: Database, uuid: str) -> None:
    """It says what is over in Nova's words, and nothing has begun."""
    limits = Limits(instances=1, cores=1, ram=-1)
    with pytest.raises(QuotaExceeded, match="for cores: Requested 1, but already used 1 of 1"):
        begin(db, uuid, limits=limits)
    assert (usage(db), instances.get_instance(db, uuid).task_state) == (BEFORE, None)
    assert migration_reads.list_migrations(db) == []


def test_the_users_quota_bounds_it_too(db: Database, uuid: str) -> None:
    """The project's is as before then."""
    limits = Limits(instances=-1, cores=-1, ram=-1, of_user={"cores": 1})
    with pytest.raises(QuotaExceeded, match="for cores: Requested 1, but already used 1 of 1"):
        begin(db, uuid, limits=limits)
    assert (usage(db), instances.get_instance(db, uuid).task_state) == (BEFORE, None)


def test_what_is_not_resized_is_not_confirmed(db: Database, uuid: str) -> None:
    with pytest.raises(InstanceInvalidState, match="Cannot 'confirmResize' instance"):
        resizes.begin_confirm(db, asked("req-confirm"), uuid)
    with pytest.raises(InstanceInvalidState, match="while it is in vm_state active"):
        resizes.begin_revert(db, asked("req-revert"), uuid)


def test_the_old_guest_is_no_leftover(db: Database, uuid: str) -> None:
    """Its host leaves it alone until the resize is confirmed, and removes what is left then."""
    resized(db, uuid)
    domain = FoundDomain(uuid=uuid, node="host1", power_state=4)

    def look() -> tuple[FoundDomain, ...]:
        later = utcnow() + datetime.timedelta(seconds=leftovers.SETTLE_S + 1)
        return leftovers.compare_host(db, host="host1", domains=[domain], seen_at=later).ownerless

    assert look() == ()
    finish(db, resizes.begin_confirm(db, asked("req-confirm"), uuid), moves.CONFIRM)
    assert look() == (domain,)


def test_what_awaits_confirmation_for_too_long_is_found(db: Database, uuid: str) -> None:
    resized(db, uuid)
    assert resizes.unconfirmed(db, older_than_s=60) == []
    assert resizes.unconfirmed(db, older_than_s=-1) == [uuid]
    resizes.begin_confirm(db, asked("req-confirm"), uuid)
    assert resizes.unconfirmed(db, older_than_s=-1) == []


def test_a_host_that_is_down_is_waited_for(db: Database, uuid: str) -> None:
    """What a revert needs of either host loses no attempt while that one is down."""
    resized(db, uuid)
    resizes.begin_revert(db, asked("req-revert"), uuid)
    for host in ("host1", "host2"):
        assert operations.hand_out_silent(db, SILENT, down_hosts={host}) == []
    assert len(operations.hand_out_silent(db, SILENT)) == 1


def test_the_ports_follow_a_revert(db: Database, uuid: str) -> None:
    """The host that it came from may bind them as soon as it is to be there again."""
    assert moves.holder_of(resized(db, uuid)) == "host2"
    assert moves.holder_of(resizes.begin_revert(db, asked("req-revert"), uuid)) == "host1"


def test_a_fenced_attempt_is_told_so(db: Database, uuid: str) -> None:
    """Whoever it asks to stop or start a guest leaves that alone."""
    moving = begin(db, uuid)
    assert operations.is_under_way(db, uuid, moving.attempt)
    (again,) = operations.hand_out_silent(db, SILENT)
    assert not operations.is_under_way(db, uuid, moving.attempt)
    start(db, again)
    builds.finish_builds(db, [result(again)], "nova")
    assert not operations.is_under_way(db, uuid, again.attempt)


def test_what_a_dead_worker_should_have_ended_is_known_by_the_host_it_came_from(
    db: Database, uuid: str
) -> None:
    """A confirmation is the old host's: its next worker has it handed out, the new host's not."""
    resized(db, uuid)
    ending = resizes.begin_confirm(db, asked("req-confirm"), uuid)

    def take(host: str) -> list[Instance]:
        return operations.hand_out_of_worker(
            db, service="compute", host=host, predecessors=f"{host}/1/", successor=f"{host}/1/2",
            started_at=utcnow() + datetime.timedelta(minutes=1), grace_s=-60,
        )  # fmt: skip

    assert take("host2") == []
    assert [one.attempt for one in take("host1")] == [ending.attempt + 1]
