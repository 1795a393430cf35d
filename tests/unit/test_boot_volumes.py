"""Volumes of a boot: one each, whatever attempts it takes, and gone with what came to nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import sqlalchemy as sa

from devstack_lite.context import RequestContext
from devstack_lite.db import builds, claims, deletes, device_tags, failed_builds, instances
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import volume_attachments, volumes
from devstack_lite.names import port_id_of, volume_id_of
from devstack_lite.objects.compute import BuildResult, NetworkRequest
from devstack_lite.objects.volume import BlockDevice
from devstack_lite.states import TaskState
from devstack_lite.steps import StepLog
from services.compute.build import boot_volume_of
from tests.unit.conftest import make_boot
from tests.unit.test_builds import UNLIMITED, claim_of, order_of


def boot_of(*devices: BlockDevice, **more: Any) -> Any:
    kept = tuple(dataclasses.asdict(device) for device in devices)
    return make_boot(image_ref="", volumes=kept, **more)


def root(**more: Any) -> BlockDevice:
    return BlockDevice(size_gb=1, boot_index=0, bootable=True, **more)


def record(db: Database, context: RequestContext, *devices: BlockDevice) -> str:
    boot = boot_of(*devices)
    [instance] = builds.create_instances(db, context, boot, UNLIMITED)
    return instance.uuid


def statuses(db: Database) -> dict[str, str]:
    with db.read() as connection:
        return {row.id: row.status for row in connection.execute(sa.select(volumes))}


def attached(db: Database) -> list[str]:
    with db.read() as connection:
        return [row.id for row in connection.execute(sa.select(volume_attachments))]


def fail(db: Database, uuid: str, *, max_attempts: int) -> None:
    claims.claim_nodes(db, [claim_of(uuid)])
    builds.start_builds(db, "host1", "me", [order_of(uuid)], StepLog())
    failed = BuildResult(instance_uuid=uuid, attempt=1, error="no", can_retry=True)
    failed_builds.fail_builds(db, [failed], max_attempts=max_attempts)


def test_another_attempt_has_the_same_volume(db: Database, context: RequestContext) -> None:
    """A build that is tried elsewhere finds the volume and the attachment of the first."""
    uuid = record(db, context, root(delete_on_termination=True))
    before = (statuses(db), attached(db))
    fail(db, uuid, max_attempts=3)
    assert instances.get_instance(db, uuid).attempt == 2
    assert (statuses(db), attached(db)) == before


def test_tags_of_a_boots_devices_are_kept(db: Database, context: RequestContext) -> None:
    """By the ids that its volumes and ports will have, or have already; gone with the server."""
    there = "a-port"
    boot = dataclasses.replace(
        boot_of(root(tag="system"), BlockDevice(size_gb=1)),
        networks=(
            NetworkRequest(network_id="n"), NetworkRequest(network_id="n", tag="lan"),
            NetworkRequest(port_id=there, tag="wan"),
        ),
    )  # fmt: skip
    [instance] = builds.create_instances(db, context, boot, UNLIMITED)
    uuid = instance.uuid
    assert device_tags.list_tags(db, uuid) == {
        volume_id_of(uuid, 0): "system", port_id_of(uuid, 1): "lan", there: "wan",
    }  # fmt: skip
    deletes.begin_delete(db, context, uuid)
    assert device_tags.list_tags(db, uuid) == {}


def test_what_came_to_nothing_keeps_no_volume(db: Database, context: RequestContext) -> None:
    """After the last attempt a volume that was to go is gone, and another available."""
    uuid = record(db, context, root(delete_on_termination=True), BlockDevice(size_gb=1))
    fail(db, uuid, max_attempts=1)
    assert statuses(db) == {volume_id_of(uuid, 1): "available"}
    assert attached(db) == []


def test_a_delete_of_what_no_host_has_takes_the_volume(
    db: Database, context: RequestContext
) -> None:
    """Before any host is chosen, the delete ends everything at once."""
    uuid = record(db, context, root(delete_on_termination=True))
    assert deletes.begin_delete(db, context, uuid).task_state is not TaskState.SCHEDULING
    assert statuses(db) == {}


def test_the_boot_volume_is_known_to_the_host(db: Database, context: RequestContext) -> None:
    """By what the instance keeps of its request; an instance with an image has none."""
    uuid = record(db, context, root())
    made = instances.get_instance(db, uuid)
    assert boot_volume_of(made) == volume_id_of(uuid, 0)
    given = dataclasses.asdict(root(volume_id="given"))
    taken = dataclasses.replace(made, boot_request={"volumes": [given]})
    assert boot_volume_of(taken) == "given"
    assert boot_volume_of(dataclasses.replace(made, image_ref="image")) is None
    assert boot_volume_of(dataclasses.replace(made, boot_request={})) is None
