"""A boot in the database: fenced by its attempt, counted once, whatever is delivered twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from devstack_lite.context import RequestContext
from devstack_lite.db import (
    actions,
    builds,
    claims,
    deletes,
    failed_builds,
    hosts,
    instances,
    operations,
    schema,
    user_quotas,
)
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits
from devstack_lite.exceptions import InstanceInvalidState, NotFound, QuotaExceeded
from devstack_lite.objects.compute import (
    BootRequest,
    BuildOrder,
    BuildResult,
    Claim,
    Instance,
    Progress,
)
from devstack_lite.states import PowerState, TaskState, Verdict, VmState
from devstack_lite.steps import StepLog
from tests.unit.conftest import make_boot, outcomes

UNLIMITED = Limits(instances=-1, cores=-1, ram=-1)


def claim_of(uuid: str, host: str = "host1", attempt: int = 1) -> Claim:
    return Claim(
        instance_uuid=uuid, host=host, node=host, vcpus=1, memory_mb=512, disk_gb=1,
        attempt=attempt,
    )  # fmt: skip


def order_of(uuid: str, attempt: int = 1) -> BuildOrder:
    return BuildOrder(instance_uuid=uuid, node="host1", attempt=attempt)


def create(db: Database, context: RequestContext, boot: BootRequest) -> list[Instance]:
    return builds.create_instances(db, context, boot, UNLIMITED)


def build_to_active(db: Database, context: RequestContext) -> str:
    boot = make_boot()
    uuid = boot.instance_uuids[0]
    create(db, context, boot)
    claims.claim_nodes(db, [claim_of(uuid)])
    builds.start_builds(db, "host1", "me", [order_of(uuid)], StepLog())
    result = BuildResult(instance_uuid=uuid, attempt=1, node="host1", power_state=1)
    assert {uuid: Verdict.MINE} == builds.finish_builds(db, [result], "nova")
    return uuid


def used(db: Database, host: str = "host1") -> tuple[int, int, int, int, int]:
    node = next(node for node in hosts.list_nodes(db) if node.host == host)
    return (
        node.vcpus_used, node.memory_mb_used, node.disk_gb_used, node.instances, node.io_ops
    )  # fmt: skip


def test_create_delivered_twice_creates_once(db: Database, context: RequestContext) -> None:
    """The second delivery answers with the instances of the first and counts no quota."""
    boot = make_boot(3)
    first = create(db, context, boot)
    second = create(db, context, boot)
    assert {one.uuid for one in first} == {one.uuid for one in second}
    assert instances.get_usage(db, "a-project") == {"instances": 3, "cores": 3, "ram": 1536}


def test_quota_refuses_all_or_none(db: Database, context: RequestContext) -> None:
    """A request over the quota leaves no row and says what is over in Nova's words."""
    limits = Limits(instances=2, cores=-1, ram=-1)
    with pytest.raises(QuotaExceeded, match="Quota exceeded for instances: Requested 3, but"):
        builds.create_instances(db, context, make_boot(3), limits)
    with db.read() as connection:
        assert connection.execute(sa.select(sa.func.count(schema.instances.c.uuid))).scalar() == 0
    builds.create_instances(db, context, make_boot(2), limits)
    with pytest.raises(QuotaExceeded, match="but already used 2 of 2 instances"):
        builds.create_instances(db, context, make_boot(1), limits)


def test_quota_grants_what_it_has_room_for(db: Database, context: RequestContext) -> None:
    """Of 2 to 50 servers with room for 10, ten are made; of 11 to 50, none."""
    limits = Limits(instances=-1, cores=10, ram=-1)
    with pytest.raises(QuotaExceeded):
        builds.create_instances(db, context, replace(make_boot(50), min_count=11), limits)
    made = builds.create_instances(db, context, replace(make_boot(50), min_count=2), limits)
    assert len(made) == 10
    assert instances.get_usage(db, "a-project")["cores"] == 10


def test_a_users_quota_bounds_within_the_project_s(db: Database, context: RequestContext) -> None:
    """It counts that user's servers alone; what it refuses is not counted to the project."""
    other = RequestContext(user_id="another", project_id="a-project", roles=["member"])
    limits = Limits(instances=-1, cores=-1, ram=-1, of_user={"cores": 3, "ram": -1})
    builds.create_instances(db, other, make_boot(4), UNLIMITED)
    builds.create_instances(db, context, make_boot(2), limits)
    with pytest.raises(QuotaExceeded, match="for cores: Requested 2, but already used 2 of 3"):
        builds.create_instances(db, context, make_boot(2), limits)
    assert instances.get_usage(db, "a-project")["cores"] == 6
    assert user_quotas.get_usage(db, "a-project", "a-user")["cores"] == 2
    made = builds.create_instances(db, context, replace(make_boot(50), min_count=1), limits)
    assert len(made) == 1
    assert instances.get_usage(db, "a-project")["cores"] == 7


def test_claim_never_over_allocates(db: Database, context: RequestContext) -> None:
    """Of six servers for a node with room for four, four are claimed and two are told `full`."""
    boot = make_boot(6)
    create(db, context, boot)
    answers = outcomes(claims.claim_nodes(db, [claim_of(uuid) for uuid in boot.instance_uuids]))
    assert answers == [claims.CLAIMED] * 4 + [claims.FULL] * 2
    assert used(db) == (4, 2048, 4, 4, 4)


def test_claim_delivered_twice_takes_once(db: Database, context: RequestContext) -> None:
    """The second delivery answers `claimed` and takes nothing."""
    boot = make_boot()
    create(db, context, boot)
    wanted = [claim_of(boot.instance_uuids[0])]
    assert outcomes(claims.claim_nodes(db, wanted)) == [claims.CLAIMED]
    assert outcomes(claims.claim_nodes(db, wanted)) == [claims.CLAIMED]
    assert used(db) == (1, 512, 1, 1, 1)


def test_claim_of_older_attempt_is_stale(db: Database, context: RequestContext) -> None:
    """An instance that was handed out again refuses what its earlier attempt asks."""
    boot = make_boot()
    uuid = boot.instance_uuids[0]
    create(db, context, boot)
    claims.claim_nodes(db, [claim_of(uuid)])
    failed = BuildResult(instance_uuid=uuid, attempt=1, error="no", can_retry=True)
    again, ended = failed_builds.fail_builds(db, [failed], max_attempts=3)
    assert ([one.attempt for one in again], ended) == ([2], [])
    assert used(db) == (0, 0, 0, 0, 0)
    assert outcomes(claims.claim_nodes(db, [claim_of(uuid)])) == [claims.STALE]
    assert outcomes(claims.claim_nodes(db, [claim_of(uuid, "host2", 2)])) == [claims.CLAIMED]


def test_build_is_granted_to_one_owner(db: Database, context: RequestContext) -> None:
    """The same owner may ask again; another one gets nothing."""
    boot = make_boot()
    uuid = boot.instance_uuids[0]
    create(db, context, boot)
    claims.claim_nodes(db, [claim_of(uuid)])

    def granted(owner: str) -> list[str]:
        made = builds.start_builds(db, "host1", owner, [order_of(uuid)], StepLog())
        return [one.uuid for one in made]

    assert [granted("me"), granted("other"), granted("me")] == [[uuid], [], [uuid]]


def test_finished_build_is_active_and_counts_no_io(db: Database, context: RequestContext) -> None:
    """ACTIVE has no task, its action is finished, its claim stays and its I/O is over."""
    uuid = build_to_active(db, context)
    instance = instances.get_instance(db, uuid)
    assert (instance.vm_state, instance.task_state) == (VmState.ACTIVE, None)
    assert instance.launched_at is not None
    assert used(db) == (1, 512, 1, 1, 0)
    [action] = instances.list_actions(db, uuid)
    [event] = instances.list_action_events(db, action.id)
    assert (action.action, event.event, event.result) == (
        "create",
        builds.EVENTS["create"],
        "Success",
    )


def test_finish_of_older_attempt_changes_nothing(db: Database, context: RequestContext) -> None:
    """A slow builder whose instance went elsewhere is told to undo its work."""
    boot = make_boot()
    uuid = boot.instance_uuids[0]
    create(db, context, boot)
    claims.claim_nodes(db, [claim_of(uuid)])
    builds.start_builds(db, "host1", "me", [order_of(uuid)], StepLog())
    failed = BuildResult(instance_uuid=uuid, attempt=1, error="no", can_retry=True)
    failed_builds.fail_builds(db, [failed], max_attempts=3)
    late = BuildResult(instance_uuid=uuid, attempt=1, node="host1", power_state=1)
    assert builds.finish_builds(db, [late], "nova") == {uuid: Verdict.LEAVE}
    report = Progress(instance_uuid=uuid, attempt=1, owner="me", task_state=TaskState.SPAWNING)
    assert operations.note_progress(db, [report]) == [uuid]
    instance = instances.get_instance(db, uuid)
    assert (instance.vm_state, instance.task_state) == (VmState.BUILDING, TaskState.SCHEDULING)


def test_last_attempt_ends_in_error_with_fault(db: Database, context: RequestContext) -> None:
    """After max_attempts an instance is in ERROR, holds nothing, and says why."""
    boot = make_boot()
    uuid = boot.instance_uuids[0]
    create(db, context, boot)
    claims.claim_nodes(db, [claim_of(uuid)])
    failed = BuildResult(instance_uuid=uuid, attempt=1, error="it broke", can_retry=True)
    assert failed_builds.fail_builds(db, [failed], max_attempts=1) == ([], [uuid])
    assert instances.get_instance(db, uuid).vm_state is VmState.ERROR
    assert instances.get_faults(db, [uuid])[uuid].message == "it broke"
    assert used(db) == (0, 0, 0, 0, 0)


def test_delete_gives_everything_back(db: Database, context: RequestContext) -> None:
    """A deleted instance is gone from lists, claims and quota; a second delete finds nothing."""
    uuid = build_to_active(db, context)
    going = deletes.begin_delete(db, context, uuid)
    assert (going.task_state, going.deleted_at) == (TaskState.DELETING, None)
    assert deletes.finish_delete(db, uuid)
    assert not deletes.finish_delete(db, uuid)
    assert used(db) == (0, 0, 0, 0, 0)
    assert instances.get_usage(db, "a-project") == {"instances": 0, "cores": 0, "ram": 0}
    with pytest.raises(NotFound):
        instances.get_instance(db, uuid)


def test_delete_while_building_wins(db: Database, context: RequestContext) -> None:
    """A build whose instance is being deleted is not made ACTIVE."""
    boot = make_boot()
    uuid = boot.instance_uuids[0]
    create(db, context, boot)
    claims.claim_nodes(db, [claim_of(uuid)])
    builds.start_builds(db, "host1", "me", [order_of(uuid)], StepLog())
    deletes.begin_delete(db, context, uuid)
    result = BuildResult(instance_uuid=uuid, attempt=1, node="host1", power_state=1)
    assert builds.finish_builds(db, [result], "nova") == {uuid: Verdict.GONE}


def test_delete_without_host_is_done_at_once(db: Database, context: RequestContext) -> None:
    """An instance that no host has, claimed or not, is removed in one transaction."""
    boot = make_boot()
    uuid = boot.instance_uuids[0]
    create(db, context, boot)
    claims.claim_nodes(db, [claim_of(uuid)])
    assert deletes.begin_delete(db, context, uuid).deleted_at is not None
    assert used(db) == (0, 0, 0, 0, 0)
    assert builds.start_builds(db, "host1", "me", [order_of(uuid)], StepLog()) == []


def test_a_delete_that_is_asked_again_is_answered_again(
    db: Database, context: RequestContext
) -> None:
    """The answer was lost, and the instance is gone meanwhile: the same request is no NotFound."""
    uuid = build_to_active(db, context)
    deletes.begin_delete(db, context, uuid)
    assert deletes.finish_delete(db, uuid)
    assert deletes.begin_delete(db, context, uuid).deleted_at is not None
    with pytest.raises(NotFound):
        deletes.begin_delete(db, RequestContext(user_id="u", project_id="a-project"), uuid)


def test_a_delete_ends_what_it_overtook(db: Database, context: RequestContext) -> None:
    """A boot that was under way has an end, too, and says why."""
    boot = make_boot()
    uuid = boot.instance_uuids[0]
    create(db, context, boot)
    deletes.begin_delete(db, context, uuid)
    ends = {one.action: one for one in instances.list_actions(db, uuid)}
    assert all(one.finished_at is not None for one in ends.values())
    assert ends["create"].message == "The instance was deleted."
    assert ends["delete"].message is None


def test_action_is_compare_and_swap(db: Database, context: RequestContext) -> None:
    """One action at a time; the same request again is the same action; the end is once."""
    uuid = build_to_active(db, context)

    def stop(who: RequestContext) -> Instance:
        return actions.begin_action(
            db, who, uuid, action="stop", event="compute_stop_instance",
            vm_states=[VmState.ACTIVE], task_state=TaskState.POWERING_OFF,
        )  # fmt: skip

    assert stop(context).task_state is TaskState.POWERING_OFF
    assert stop(context).task_state is TaskState.POWERING_OFF
    with pytest.raises(InstanceInvalidState, match="while it is in task_state powering-off"):
        stop(RequestContext(user_id="a-user", project_id="a-project"))

    def finish() -> bool:
        return actions.finish_action(
            db, uuid, action="stop", attempt=2,
            vm_state=VmState.STOPPED, power_state=PowerState.SHUTDOWN,
        )  # fmt: skip

    assert [finish(), finish()] == [True, False]
    assert instances.get_instance(db, uuid).vm_state is VmState.STOPPED


def test_steps_are_kept_once(db: Database, context: RequestContext) -> None:
    """Records that are delivered twice stand once, in order."""
    boot = make_boot()
    uuid = boot.instance_uuids[0]
    create(db, context, boot)
    claims.claim_nodes(db, [claim_of(uuid)])
    log = StepLog()
    for number in (2, 4):
        with log.step(number):
            pass
    for _ in range(2):
        builds.start_builds(db, "host1", "me", [order_of(uuid)], log)
    attempt, records = instances.list_boot_steps(db, uuid)
    assert (attempt, [record.step for record in records]) == (1, [2, 4])
