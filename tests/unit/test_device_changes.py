"""A change of an instance's devices: fenced, handed out again, ended once, undone when it fails."""

from __future__ import annotations

import datetime

import pytest
import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import (
    actions,
    deletes,
    device_changes,
    device_tags,
    instances,
    interface_changes,
    schema,
    volume_attachments,
    volume_changes,
    volumes,
)
from devstack_lite.db.engine import Database
from devstack_lite.db.operations import MAX_ATTEMPTS, Bounds
from devstack_lite.exceptions import InstanceInvalidState, Invalid
from devstack_lite.names import port_id_of
from devstack_lite.objects.compute import Progress
from devstack_lite.objects.device import DeviceChange
from devstack_lite.objects.volume import Volume, VolumeAttachment, VolumeQuota
from devstack_lite.states import PowerState, TaskState, VmState
from tests.unit.test_builds import build_to_active

NOW = Bounds(unowned_s=0.0, owned_s=0.0)
NEVER = Bounds(unowned_s=3600.0, owned_s=3600.0)


@pytest.fixture
def uuid(db: Database, context: RequestContext) -> str:
    """An instance that is ACTIVE on host1, beside a volume that is available."""
    volume = Volume(id="volume", project_id="a-project", user_id="a-user", size_gb=1,
                    status="available", created_at=utcnow())  # fmt: skip
    volumes.create_volume(db, volume=volume, quota=VolumeQuota())
    return build_to_active(db, context)


def asks(number: int = 1) -> RequestContext:
    """Return the context of another request."""
    return RequestContext(
        user_id="a-user", project_id="a-project", roles=["member"], request_id=f"req-{number}"
    )


def attach(db: Database, uuid: str, context: RequestContext | None = None) -> DeviceChange:
    wanted = VolumeAttachment(id="attachment", volume_id="volume", instance_uuid=uuid)
    return volume_changes.begin_attach_volume(
        db, context or asks(), uuid, change_id="change", attachment=wanted
    )


def detach(db: Database, uuid: str, context: RequestContext | None = None) -> DeviceChange:
    return volume_changes.begin_detach_volume(
        db, context or asks(2), uuid, change_id="change-2", volume_id="volume"
    )


def finish(db: Database, change: DeviceChange, error: str | None = None) -> bool:
    result = {"device": "/dev/vdc"}
    return device_changes.finish_change(
        db, change.id, attempt=change.attempt, result=result, error=error
    )


def status(db: Database) -> str:
    return volumes.get_volume(db, "volume").status


def ended(db: Database, uuid: str, action: str) -> list[tuple[str | None, str | None]]:
    """Return result and message of the actions of that name."""
    found = [one for one in instances.list_actions(db, uuid) if one.action == action]
    return [(instances.list_action_events(db, one.id)[0].result, one.message) for one in found]


def test_attach_and_detach(db: Database, uuid: str) -> None:
    """The volume goes from available to in-use where the host says, and back."""
    change = attach(db, uuid)
    assert (change.arguments["device"], change.attempt, status(db)) == ("/dev/vdb", 1, "reserved")
    assert instances.get_instance(db, uuid).task_state is None
    assert finish(db, change)
    [there] = volume_attachments.list_attachments(db)
    assert (there.status, there.mountpoint, status(db)) == ("attached", "/dev/vdc", "in-use")
    leaving = detach(db, uuid)
    assert status(db) == "detaching"
    assert finish(db, leaving)
    assert (volume_attachments.list_attachments(db), status(db)) == ([], "available")
    assert [*ended(db, uuid, "attach_volume"), *ended(db, uuid, "detach_volume")] == [
        ("Success", None), ("Success", None)
    ]  # fmt: skip
    assert not device_changes.is_under_way(db, change.id)


def test_a_request_that_is_repeated_begins_once(db: Database, uuid: str) -> None:
    """It is told the same; when the change is over, that it is."""
    first = attach(db, uuid)
    assert attach(db, uuid) == first
    finish(db, first)
    assert attach(db, uuid).attempt == 0
    leaving = detach(db, uuid)
    assert detach(db, uuid) == leaving
    finish(db, leaving)
    assert detach(db, uuid).attempt == 0


def test_a_volume_goes_one_way_at_a_time(db: Database, uuid: str) -> None:
    """What is attaching is not detached, what is there not attached, both in Nova's words."""
    change = attach(db, uuid)
    with pytest.raises(Invalid, match="Volume status must be 'in-use'"):
        detach(db, uuid)
    with pytest.raises(Invalid, match="volume volume already attached"):
        attach(db, uuid, asks(3))
    finish(db, change)
    detach(db, uuid)
    with pytest.raises(Invalid, match="Unable to detach volume"):
        detach(db, uuid, asks(4))


def test_failures_are_undone(db: Database, uuid: str) -> None:
    """A failed attach frees the volume, a failed detach leaves it; the action says why."""
    assert finish(db, attach(db, uuid), error="it broke")
    assert (volume_attachments.list_attachments(db), status(db)) == ([], "available")
    assert ended(db, uuid, "attach_volume") == [("Error", "it broke")]
    finish(db, attach(db, uuid, asks(5)))
    assert finish(db, detach(db, uuid), error="it stays")
    assert status(db) == "in-use"
    assert ended(db, uuid, "detach_volume") == [("Error", "it stays")]


def test_what_is_silent_is_handed_out_again(db: Database, uuid: str) -> None:
    """With the next attempt; the older one ends nothing, and the newer one once."""
    old = attach(db, uuid)
    assert device_changes.hand_out_silent(db, NEVER) == []
    [(instance, new)] = device_changes.hand_out_silent(db, NOW)
    assert (instance.uuid, new.id, new.attempt) == (uuid, old.id, 2)
    assert not finish(db, old)
    assert [finish(db, new), finish(db, new)] == [True, False]
    assert status(db) == "in-use"


def test_what_is_reported_is_left_alone(db: Database, uuid: str) -> None:
    """A worker that reports it keeps it; one with an older attempt is told that it lost it."""
    change = attach(db, uuid)
    report = Progress(instance_uuid=change.id, attempt=1, owner="host1/1/10-a")
    assert device_changes.note_progress(db, [report]) == []
    assert device_changes.hand_out_silent(db, Bounds(unowned_s=0.0, owned_s=3600.0)) == []
    device_changes.hand_out_silent(db, NOW)
    assert device_changes.note_progress(db, [report]) == [change.id]


def test_a_dead_workers_changes_are_its_successors(db: Database, uuid: str) -> None:
    """What it had in hand, and what was on its way to it; other hosts' are left alone."""
    change = attach(db, uuid)
    device_changes.note_progress(
        db, [Progress(instance_uuid=change.id, attempt=1, owner="host1/1/10-a")]
    )
    later = utcnow() + datetime.timedelta(seconds=1)

    def left_on(host: str) -> list[int]:
        found = device_changes.hand_out_of_worker(
            db, host=host, predecessors=f"{host}/1/", successor=f"{host}/1/11-b", started_at=later
        )
        return [one.attempt for _, one in found]

    assert left_on("host2") == []
    assert left_on("host1") == [2]
    assert left_on("host1") == [3]


def test_an_instance_under_way_is_waited_for(db: Database, uuid: str) -> None:
    """Nothing is begun on it, handed out for it or ended; afterwards the host does it again."""
    change = attach(db, uuid)
    actions.begin_action(
        db, asks(6), uuid, action="rebuild", event="e", vm_states=[VmState.ACTIVE],
        task_state=TaskState.REBUILDING,
    )  # fmt: skip
    with pytest.raises(InstanceInvalidState, match="while it is in task_state rebuilding"):
        attach(db, uuid, asks(7))
    assert not finish(db, change)
    assert device_changes.hand_out_silent(db, NOW) == []
    actions.finish_action(
        db, uuid, action="rebuild", attempt=2, vm_state=VmState.ACTIVE,
        power_state=PowerState.RUNNING,
    )  # fmt: skip
    assert not finish(db, change), "the domain that it changed may be gone"
    [(_, again)] = device_changes.hand_out_silent(db, NOW)
    assert finish(db, again)


def test_a_host_that_is_down_is_waited_for(db: Database, uuid: str) -> None:
    """No attempt is lost on the dead."""
    attach(db, uuid)
    assert device_changes.hand_out_silent(db, NOW, down_hosts={"host1"}) == []
    assert device_changes.hand_out_silent(db, NOW, held={uuid}) == []
    [(_, change)] = device_changes.hand_out_silent(db, NOW)
    assert change.attempt == 2


def test_it_ends_after_the_last_attempt(db: Database, uuid: str) -> None:
    """The volume is free then, and the action says why."""
    attach(db, uuid)
    for _ in range(MAX_ATTEMPTS):
        device_changes.hand_out_silent(db, NOW)
    assert status(db) == "available"
    [(result, message)] = ended(db, uuid, "attach_volume")
    assert result == "Error"
    assert "handed out 30 times and never finished" in str(message)


def test_a_tag_stays_with_its_port(db: Database, uuid: str) -> None:
    """Whichever port comes or goes, and in whatever order they are shown."""
    ports = [{"port_id": port_id_of(uuid, 0)}, {"port_id": "given"}]
    with db.write() as connection:
        connection.execute(schema.instances.update().values(network_info=ports))
        device_tags.set_tag(connection, uuid, port_id_of(uuid, 0), "front")
        device_tags.set_tag(connection, uuid, "given", "back")
    change = interface_changes.begin_detach_interface(
        db, asks(), uuid, change_id="change", port_id=port_id_of(uuid, 0)
    )
    assert finish(db, change)
    left = instances.get_instance(db, uuid)
    assert [one["port_id"] for one in left.network_info] == ["given"]
    assert device_tags.list_tags(db, uuid) == {"given": "back"}


def test_it_goes_with_its_instance(db: Database, uuid: str, context: RequestContext) -> None:
    """A delete takes the change away; a host that comes late ends nothing."""
    change = attach(db, uuid)
    deletes.begin_delete(db, context, uuid)
    assert deletes.finish_delete(db, uuid)
    assert not finish(db, change)
    with db.read() as connection:
        query = sa.select(sa.func.count()).select_from(schema.device_changes)
        assert connection.execute(query).scalar() == 0


@pytest.mark.parametrize("vm_state", [VmState.ERROR, VmState.BUILDING])
def test_a_state_may_forbid_it(db: Database, uuid: str, vm_state: VmState) -> None:
    """In Nova's words, and nothing is reserved."""
    with db.write() as connection:
        connection.execute(schema.instances.update().values(vm_state=vm_state))
    with pytest.raises(InstanceInvalidState, match=f"while it is in vm_state {vm_state}"):
        attach(db, uuid)
    assert status(db) == "available"
