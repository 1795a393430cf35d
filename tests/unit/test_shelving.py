"""Shelved instances that leave their hosts: what they hold meanwhile, and how they come back."""

from __future__ import annotations

import datetime

import pytest
import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import (
    actions,
    builds,
    claims,
    deletes,
    failed_builds,
    instances,
    networks,
    operations,
    shelves,
    volume_attachments,
    volume_changes,
    volumes,
)
from devstack_lite.db import images as image_records
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import images, ports
from devstack_lite.db.schema import instances as rows
from devstack_lite.exceptions import InstanceInvalidState
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.image import Image
from devstack_lite.objects.network import Network
from devstack_lite.objects.volume import Volume, VolumeAttachment, VolumeQuota
from devstack_lite.states import PowerState, TaskState, Verdict, VmState
from devstack_lite.steps import StepLog
from services.conductor.dispatch import boot_request_of
from tests.unit.conftest import outcomes
from tests.unit.test_builds import build_to_active, claim_of, used
from tests.unit.test_evacuate import FREE, SILENT, TAKEN, result, start

IMAGE = "11111111-0000-4000-8000-000000000000"
VOLUME = "22222222-0000-4000-8000-000000000000"


def asks(request_id: str) -> RequestContext:
    return RequestContext(user_id="a-user", project_id="a-project", request_id=request_id)


@pytest.fixture
def uuid(db: Database, context: RequestContext) -> str:
    """Return an instance that is ACTIVE on host1, with a port and a volume."""
    uuid = build_to_active(db, context)
    now = utcnow()
    networks.create_networks(db, [Network(id="n", project_id="a-project", name="private")])
    with db.write() as connection:
        connection.execute(ports.insert().values(
            id="a-port", network_id="n", project_id="a-project", name="", description="",
            mac_address="fa:16:3e:00:00:01", admin_state_up=True, status="ACTIVE",
            device_id=uuid, device_owner="compute:nova", host_id="host1", extra={},
            created_at=now, updated_at=now,
        ))  # fmt: skip
    shelved = Image(id=IMAGE, name="vm-shelved", owner="a-project", created_at=now)
    image_records.create_image(db, image=shelved)
    with db.write() as connection:
        connection.execute(images.update().values(status="active"))
    kept = Volume(id=VOLUME, project_id="a-project", user_id="a-user", size_gb=1)
    unlimited = VolumeQuota(volumes=-1, gigabytes=-1, snapshots=-1, per_volume_gigabytes=-1)
    volumes.create_volume(db, volume=kept, quota=unlimited)
    volume_attachments.create_attachment(db, attachment=VolumeAttachment(
        id="an-attachment", volume_id=VOLUME, instance_uuid=uuid, status="attached",
        attached_host="host1", connector={"host": "host1"},
    ))  # fmt: skip
    return uuid


def shelve(db: Database, uuid: str, vm_state: VmState = VmState.SHELVED_OFFLOADED) -> Instance:
    going = actions.begin_action(
        db, asks("req-shelve"), uuid, action="shelve", event="compute_shelve_instance",
        vm_states=(VmState.ACTIVE,), task_state=TaskState.SHELVING, arguments={"image_id": IMAGE},
    )  # fmt: skip
    assert actions.finish_action(
        db, uuid, action="shelve", attempt=going.attempt, vm_state=vm_state,
        power_state=PowerState.NOSTATE,
    )  # fmt: skip
    return instances.get_instance(db, uuid)


def unshelve(db: Database, uuid: str, request_id: str = "req-unshelve") -> Instance:
    return shelves.begin_unshelve(
        db, asks(request_id), uuid, target_host=None, zone=None, is_zone_given=False
    )


def bound_to(db: Database) -> str:
    with db.read() as connection:
        return str(connection.execute(sa.select(ports.c.host_id)).scalar_one())


def image_ids(db: Database) -> list[str]:
    with db.read() as connection:
        return list(connection.execute(sa.select(images.c.id)).scalars())


def test_offloaded_it_holds_no_host(db: Database, uuid: str) -> None:
    """Its claim is released, its port and volume are its own and bound to nobody."""
    shelved = shelve(db, uuid)
    assert (shelved.vm_state, shelved.task_state) == ("shelved_offloaded", None)
    assert (shelved.host, shelved.node) == (None, None)
    assert used(db) == FREE
    assert bound_to(db) == ""
    held = volume_attachments.get_attachment(db, "an-attachment")
    assert (held.status, held.attached_host, held.instance_uuid) == ("reserved", None, uuid)
    assert volumes.get_volume(db, VOLUME).status == "reserved"
    assert image_ids(db) == [IMAGE]
    assert instances.get_usage(db, "a-project")["instances"] == 1


def test_shelved_on_its_host_it_is_offloaded_later(db: Database, uuid: str) -> None:
    """It keeps its place until it has been shelved for long enough, or somebody asks."""
    shelved = shelve(db, uuid, VmState.SHELVED)
    assert (shelved.host, used(db)) == ("host1", TAKEN)
    with pytest.raises(InstanceInvalidState):
        unshelve(db, uuid)
    assert shelves.shelved_since(db, older_than_s=60) == []
    assert shelves.shelved_since(db, older_than_s=-1) == [uuid]
    leaving = shelves.begin_offload(db, asks("req-offload"), uuid)
    assert (leaving.task_state, leaving.operation_host) == ("shelving_offloading", "host1")
    assert shelves.begin_offload(db, asks("req-offload"), uuid).attempt == leaving.attempt
    assert shelves.shelved_since(db, older_than_s=-1) == []
    assert actions.finish_action(
        db, uuid, action="shelveOffload", attempt=leaving.attempt,
        vm_state=VmState.SHELVED_OFFLOADED, power_state=PowerState.NOSTATE,
    )  # fmt: skip
    assert (instances.get_instance(db, uuid).host, used(db)) == (None, FREE)
    assert unshelve(db, uuid).task_state is TaskState.UNSHELVING


def test_it_is_built_again_from_its_image(db: Database, uuid: str) -> None:
    """Wherever there is room; the image goes when it is ACTIVE, and its own image stays its own."""
    shelve(db, uuid)
    coming = unshelve(db, uuid)
    assert (coming.host, coming.task_state) == (None, "unshelving")
    assert (coming.operation or {})["arguments"]["shelved_image_id"] == IMAGE
    (granted,) = start(db, coming, "host2")
    assert (granted.host, granted.task_state) == ("host2", "spawning")
    assert image_ids(db) == [IMAGE]
    assert builds.finish_builds(db, [result(coming, "host2")], "nova") == {uuid: Verdict.MINE}
    back = instances.get_instance(db, uuid)
    assert (back.host, back.vm_state, back.task_state) == ("host2", "active", None)
    assert (back.image_ref, back.system_metadata) == ("an-image", {})
    assert (used(db, "host1"), used(db, "host2")) == (FREE, TAKEN)
    assert image_ids(db) == []
    done = {one.action: one.finished_at for one in instances.list_actions(db, uuid)}
    assert done.keys() == {"create", "shelve", "unshelve"}
    assert None not in done.values()


def test_where_no_host_takes_it_it_stays_offloaded(db: Database, uuid: str) -> None:
    """No ERROR: it may be asked for again, and holds nothing of the host that failed."""
    shelve(db, uuid)
    coming = unshelve(db, uuid)
    start(db, coming, "host2")
    no = result(coming, "host2", error="No valid host was found.", can_retry=False)
    assert failed_builds.fail_builds(db, [no], max_attempts=3) == ([], [])
    stays = instances.get_instance(db, uuid)
    assert (stays.vm_state, stays.task_state, stays.host) == ("shelved_offloaded", None, None)
    assert (used(db, "host2"), image_ids(db)) == (FREE, [IMAGE])
    assert unshelve(db, uuid, "req-again").task_state is TaskState.UNSHELVING


def test_a_worker_that_dies_over_it_loses_the_place_only(db: Database, uuid: str) -> None:
    """Handed out again it waits for the scheduler, without a host; the late one built in vain."""
    shelve(db, uuid)
    coming = unshelve(db, uuid)
    start(db, coming, "host2")
    (again,) = operations.hand_out_silent(db, SILENT)
    assert (again.host, again.task_state, again.attempt) == (
        None, TaskState.UNSHELVING, coming.attempt + 1,
    )  # fmt: skip
    assert used(db, "host2") == FREE
    start(db, again, "host3")
    late = builds.finish_builds(db, [result(coming, "host2")], "nova")
    assert late == {uuid: Verdict.ELSEWHERE}
    assert builds.finish_builds(db, [result(again, "host3")], "nova") == {uuid: Verdict.MINE}


def test_it_may_be_pinned_to_a_zone(db: Database, uuid: str) -> None:
    """A zone that is given holds from then on; where it was forced to once does not."""
    with db.write() as connection:
        connection.execute(rows.update().values(boot_request={"forced_host": "host1"}))
    shelve(db, uuid)
    coming = shelves.begin_unshelve(
        db, asks("req-zone"), uuid, target_host="host3", zone="blue", is_zone_given=True
    )
    wanted = boot_request_of(coming)
    assert (wanted.availability_zone, wanted.forced_host) == ("blue", "")
    assert (coming.operation or {})["arguments"]["target_host"] == "host3"


def test_deleted_it_takes_its_image_along(db: Database, uuid: str) -> None:
    """No host is asked: the instance, its claim and what it was kept in are gone at once."""
    shelve(db, uuid)
    gone = deletes.begin_delete(db, asks("req-delete"), uuid)
    assert gone.deleted_at is not None
    assert image_ids(db) == []
    assert volumes.get_volume(db, VOLUME).status == "available"


def test_started_where_it_is_it_needs_its_image_no_more(db: Database, uuid: str) -> None:
    """Unshelved in place, it is as if it had never been shelved; said twice, it is the same."""
    shelve(db, uuid, VmState.SHELVED)
    coming = actions.begin_action(
        db, asks("req-unshelve"), uuid, action="unshelve", event="compute_unshelve_instance",
        vm_states=(VmState.SHELVED,), task_state=TaskState.UNSHELVING,
    )  # fmt: skip
    assert image_ids(db) == [IMAGE]
    ended = [
        actions.finish_action(
            db, uuid, action="unshelve", attempt=coming.attempt, vm_state=VmState.ACTIVE,
            power_state=PowerState.RUNNING,
        )
        for _ in range(2)
    ]  # fmt: skip
    back = instances.get_instance(db, uuid)
    assert (ended, back.vm_state, back.host) == ([True, False], "active", "host1")
    assert (back.system_metadata, image_ids(db)) == ({}, [])


@pytest.mark.parametrize("vm_state", [VmState.SOFT_DELETED, VmState.ERROR])
def test_deleted_in_another_state_it_takes_its_image_along(
    db: Database, uuid: str, vm_state: VmState
) -> None:
    """Soft deleted while it was shelved, or in ERROR since its unshelving failed."""
    shelve(db, uuid)
    with db.write() as connection:
        connection.execute(rows.update().values(vm_state=vm_state))
    assert deletes.begin_delete(db, asks("req-delete"), uuid).deleted_at is not None
    assert image_ids(db) == []


def test_shelved_again_it_is_kept_in_one_image(db: Database, uuid: str) -> None:
    """What an unshelving that ended in ERROR left goes with the next shelving."""
    with db.write() as connection:
        left = {"shelved_image_id": "an-older-one"}
        connection.execute(rows.update().values(system_metadata=left))
        found = connection.execute(sa.select(images).where(images.c.id == IMAGE)).one()
        older = {**found._mapping, "id": "an-older-one"}
        connection.execute(images.insert().values(**older))
    shelve(db, uuid)
    assert image_ids(db) == [IMAGE]


def test_its_volumes_change_at_once(db: Database, uuid: str) -> None:
    """Nobody has to be asked: one that is attached is in-use, one that is detached is free."""
    shelve(db, uuid)
    out = volume_changes.begin_detach_volume(
        db, asks("req-detach"), uuid, change_id="c1", volume_id=VOLUME
    )
    assert (out.attempt, volumes.get_volume(db, VOLUME).status) == (0, "available")
    back = VolumeAttachment(id="another", volume_id=VOLUME, instance_uuid=uuid)
    into = volume_changes.begin_attach_volume(
        db, asks("req-attach"), uuid, change_id="c2", attachment=back
    )
    assert (into.attempt, into.arguments["device"]) == (0, "/dev/vdb")
    assert volumes.get_volume(db, VOLUME).status == "in-use"
    again = volume_changes.begin_attach_volume(
        db, asks("req-attach"), uuid, change_id="c2", attachment=back
    )
    assert again.attempt == 0
    assert outcomes(claims.claim_nodes(db, [claim_of(uuid)])) != [claims.CLAIMED]
    since = [one.finished_at for one in instances.list_actions(db, uuid)]
    assert all(isinstance(one, datetime.datetime) for one in since)
    assert builds.start_builds(db, "host1", "me", [], StepLog()) == []
