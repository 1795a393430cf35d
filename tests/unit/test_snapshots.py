"""Images made of instances: what is noted, what a failure leaves, and what is swept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import (
    actions,
    deletes,
    images,
    instance_changes,
    instances,
    operations,
    snapshots,
)
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import NotFound, Unavailable
from devstack_lite.names import snapshot_id_of
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.image import Image
from devstack_lite.states import PowerState, TaskState, VmState
from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri
from services.compute import operations as host_operations
from services.compute.build import Peers
from services.compute.driver import LibvirtDriver
from tests.unit.test_builds import build_to_active
from tests.unit.test_compute_driver import NODE, make_guest

SILENT = operations.Bounds(unowned_s=-1, owned_s=-1)


@pytest.fixture
def uuid(db: Database, context: RequestContext) -> str:
    """Return an instance that is ACTIVE on host1."""
    return build_to_active(db, context)


def begin(db: Database, uuid: str, request_id: str = "req-1") -> Instance:
    asked = RequestContext(user_id="a-user", project_id="a-project", request_id=request_id)
    image_id = snapshot_id_of(uuid, request_id)
    return actions.begin_action(
        db, asked, uuid, action="createImage", event="compute_snapshot_instance",
        vm_states=[VmState.ACTIVE], task_state=TaskState.IMAGE_SNAPSHOT_PENDING,
        arguments={"image_id": image_id, "image": {"id": image_id, "name": "snap"}},
    )  # fmt: skip


def record(db: Database, uuid: str, image_id: str, **more: Any) -> Image:
    made = Image(
        id=image_id, created_at=utcnow(), owner="a-project",
        properties={"instance_uuid": uuid, "image_type": "snapshot"}, **more,
    )  # fmt: skip
    return images.create_image(db, image=made)


def finish(db: Database, instance: Instance, error: str | None = None) -> bool:
    return actions.finish_action(
        db, instance.uuid, action="createImage", attempt=instance.attempt,
        vm_state=instance.vm_state, power_state=PowerState.RUNNING, error=error,
    )  # fmt: skip


def test_one_that_failed_leaves_the_instance_what_it_was(db: Database, uuid: str) -> None:
    """The action says why; the instance is ACTIVE, and free."""
    assert finish(db, begin(db, uuid), error="no such disk")
    after = instances.get_instance(db, uuid)
    assert (after.vm_state, after.task_state, after.operation) == (VmState.ACTIVE, None, None)
    assert instances.list_actions(db, uuid)[0].message == "no such disk"
    assert begin(db, uuid, "req-2").task_state is TaskState.IMAGE_SNAPSHOT_PENDING


def test_one_that_never_ends_leaves_the_instance_what_it_was(db: Database, uuid: str) -> None:
    """After the last attempt it is free, not in ERROR."""
    begin(db, uuid)
    while operations.hand_out_silent(db, SILENT):
        pass
    after = instances.get_instance(db, uuid)
    assert (after.vm_state, after.task_state) == (VmState.ACTIVE, None)
    assert "never finished" in str(instances.list_actions(db, uuid)[0].message)


def test_a_lock_keeps_no_snapshot_away(db: Database, context: RequestContext, uuid: str) -> None:
    instance_changes.set_lock(db, context, uuid, is_locked=True)
    assert begin(db, uuid).task_state is TaskState.IMAGE_SNAPSHOT_PENDING


def test_what_nobody_fills_is_swept(db: Database, uuid: str) -> None:
    """Not while the operation is under way, and no user's own image."""
    instance = begin(db, uuid)
    image_id = snapshot_id_of(uuid, "req-1")
    record(db, uuid, "11111111-2222-3333-4444-555555555555")
    finish(db, instance, error="image was away")
    record(db, uuid, image_id)
    begin(db, uuid, "req-2")
    record(db, uuid, snapshot_id_of(uuid, "req-2"))
    assert snapshots.sweep_snapshots(db, older_than_s=60) == 0
    assert snapshots.sweep_snapshots(db, older_than_s=-1) == 1
    with pytest.raises(NotFound):
        images.get_image(db, image_id)
    assert images.get_image(db, snapshot_id_of(uuid, "req-2")).status == "queued"
    assert len(images.list_image_ids(db)) == 2


@pytest.mark.parametrize("end", ["delete", "evacuate", "fail", "give up"])
def test_what_ends_without_data_takes_its_image_along(
    db: Database, context: RequestContext, uuid: str, end: str
) -> None:
    """In the same transaction, and only while it has no data."""
    for status in ("saving", "active"):
        request_id = f"req-{status}"
        instance = begin(db, uuid, request_id)
        image = record(db, uuid, snapshot_id_of(uuid, request_id), status=status)
        if end == "delete" and status == "saving":
            deletes.begin_delete(db, context, uuid)
        elif end == "evacuate" and status == "saving":
            actions.begin_action(
                db, RequestContext(request_id="req-evacuate"), uuid, action="evacuate",
                event="rebuild_server", vm_states=[VmState.ACTIVE],
                task_state=TaskState.REBUILDING, is_overtaking=True,
            )  # fmt: skip
        elif end == "give up":
            while operations.hand_out_silent(db, SILENT):
                pass
        else:
            finish(db, instance, error="no such disk")
        assert (image.id in images.list_image_ids(db)) is (status == "active")
        if instances.get_instance(db, uuid).task_state is not None:
            return


class _Images:
    """The image service, as far as a host asks it."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}
        self.refusal: Exception | None = None

    def get_image(self, _context: Any, image_id: str) -> tuple[dict[str, Any], None]:
        if image_id not in self.found:
            raise NotFound("gone")
        return self.found[image_id], None

    def create_image(self, _context: Any, image: dict[str, Any]) -> None:
        self.found.setdefault(image["id"], {**image, "status": "queued"})

    def upload(self, _context: Any, image_id: str, octets: bytes) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.found[image_id].update(status="active", data=octets)

    def list_images(self, _context: Any, **query: str) -> list[dict[str, Any]]:
        return [
            image
            for image in reversed(self.found.values())
            if all(image.get(key) == value for key, value in query.items())
        ]

    def delete_image(self, _context: Any, image_id: str) -> None:
        self.found.pop(image_id, None)


class _Conductor:
    """What a host says of an operation's end."""

    def __init__(self) -> None:
        self.ends: list[dict[str, Any]] = []

    def finish_action(self, _context: Any, **end: Any) -> bool:
        self.ends.append(end)
        return True


@pytest.fixture
def peers(tmp_path: Path) -> Any:
    driver = LibvirtDriver(libvirt, lambda node: make_uri(tmp_path, node), nodes=(NODE,))
    shown: list[TaskState] = []
    in_hand = SimpleNamespace(show=lambda _uuid, _attempt, state: shown.append(state), shown=shown)
    return SimpleNamespace(driver=driver, image=_Images(), in_hand=in_hand)


def carry_out(
    db: Database,
    peers: Any,
    uuid: str,
    name: str = "createImage",
    **arguments: Any,
) -> _Conductor:
    """Have the host do it to a guest that runs."""
    peers.driver.spawn(make_guest(uuid=uuid))
    image_id = arguments.setdefault("image_id", snapshot_id_of(uuid, "req-1"))
    arguments.setdefault("image", {"id": image_id, "name": "snap"})
    operation = {"name": name, "arguments": arguments}
    instance = replace(instances.get_instance(db, uuid), node=NODE, operation=operation)
    conductor = _Conductor()
    host_operations.run(
        RequestContext(), instance, peers=cast(Peers, peers), conductor=cast(Any, conductor)
    )
    return conductor


def test_the_host_brings_the_data(db: Database, peers: Any, uuid: str) -> None:
    """Also of an image that nobody has recorded; the content names the instance; twice is once."""
    for _ in range(2):
        conductor = carry_out(db, peers, uuid)
        assert [(end["error"], end["vm_state"]) for end in conductor.ends] == [(None, "active")]
    (image,) = peers.image.found.values()
    assert image["status"] == "active"
    assert len(image["data"]) == 64 * 1024
    assert f"instance: {uuid}\n".encode() in image["data"]
    assert peers.in_hand.shown == [
        TaskState.IMAGE_SNAPSHOT, TaskState.IMAGE_PENDING_UPLOAD, TaskState.IMAGE_UPLOADING,
    ]  # fmt: skip


def test_what_fails_for_now_is_not_ended(db: Database, peers: Any, uuid: str) -> None:
    """What may come right is left to the next attempt; what cannot ends the operation."""
    peers.image.refusal = Unavailable("being uploaded")
    with pytest.raises(Unavailable):
        carry_out(db, peers, uuid)
    peers.image.refusal = NotFound("no more")
    assert "no more" in carry_out(db, peers, uuid).ends[0]["error"]


@pytest.mark.parametrize(
    ("rotation", "left"), [(0, []), (2, ["b2", "b3"]), (9, ["b1", "b2", "b3"])]
)
def test_only_so_many_backups_stay(
    db: Database, peers: Any, uuid: str, rotation: int, left: list[str]
) -> None:
    """The oldest of that type go, also the newest for a rotation of 0; other types stay."""
    peers.image.found["other"] = {"id": "other", "status": "active", "backup_type": "weekly"}
    for image_id in ("b1", "b2", "b3"):
        image = {
            "id": image_id, "instance_uuid": uuid, "image_type": "backup",
            "backup_type": "daily",
        }  # fmt: skip
        kept = rotation if image_id == "b3" else 9
        carry_out(
            db, peers, uuid, "createBackup",
            image_id=image_id, image=image, backup_type="daily", rotation=kept,
        )  # fmt: skip
    assert list(peers.image.found) == ["other", *left]
