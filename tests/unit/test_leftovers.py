"""What outlived its instance is swept; what is somebody's stays."""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import builds, deletes, leftovers, schema, volume_attachments, volumes
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits
from devstack_lite.objects.volume import Volume, VolumeAttachment, VolumeQuota
from tests.unit.conftest import make_boot


def make_volume(db: Database, name: str, **more: Any) -> None:
    volume = Volume(id=name, project_id="p", user_id="u", size_gb=1, **more)
    volumes.create_volume(db, volume=volume, quota=VolumeQuota())


def attach(db: Database, volume_id: str, uuid: str, *, is_reserved_only: bool = False) -> None:
    made = VolumeAttachment(id=f"{volume_id}/{uuid}", volume_id=volume_id, instance_uuid=uuid)
    volume_attachments.create_attachment(db, attachment=made)
    if not is_reserved_only:
        volume_attachments.complete_attachment(db, attachment_id=made.id)


def make_old(db: Database) -> None:
    """Have everything happened an hour ago."""
    then = utcnow() - datetime.timedelta(hours=1)
    with db.write() as connection:
        connection.execute(
            schema.volume_attachments.update()
            .where(schema.volume_attachments.c.attached_at.is_not(None))
            .values(attached_at=then)
        )
        connection.execute(schema.volumes.update().values(updated_at=then))


def left(db: Database) -> dict[str, str]:
    """Return the status of each volume, and the attachments."""
    with db.read() as connection:
        held = connection.execute(sa.select(schema.volume_attachments.c.id)).scalars()
        found = dict.fromkeys(held, "attached")
        rows = connection.execute(sa.select(schema.volumes.c.id, schema.volumes.c.status))
        return found | {row.id: row.status for row in rows}


def make_instances(db: Database, context: RequestContext) -> tuple[str, str]:
    """Return the uuids of an instance that is there and of one that was deleted."""
    boot = make_boot(2)
    unlimited = Limits(instances=-1, cores=-1, ram=-1)
    builds.create_instances(db, context, boot, unlimited)
    there, gone = boot.instance_uuids
    deletes.begin_delete(db, context, gone)
    return there, gone


def test_attachments_of_instances_that_are_gone_are_removed(
    db: Database, context: RequestContext
) -> None:
    """The volume is free again, unless another instance has it, too."""
    there, gone = make_instances(db, context)
    for name in ("own", "shared"):
        make_volume(db, name, multiattach=name == "shared")
        attach(db, name, gone)
    attach(db, "shared", there)
    make_old(db)
    assert leftovers.sweep_leftovers(db, older_than_s=60)["attachments"] == 2
    assert left(db) == {"own": "available", "shared": "in-use", f"shared/{there}": "attached"}


def test_attachments_of_no_instance_stay(db: Database, context: RequestContext) -> None:
    """A volume that is attached to a host itself is its user's affair."""
    make_volume(db, "host")
    attach(db, "host", "")
    make_old(db)
    assert leftovers.sweep_leftovers(db, older_than_s=60)["attachments"] == 0
    assert left(db) == {"host": "in-use", "host/": "attached"}


def test_a_fresh_reservation_is_left_alone(db: Database, context: RequestContext) -> None:
    """It has no time of its own; its volume's last change says how old it is."""
    _, gone = make_instances(db, context)
    make_volume(db, "reserved")
    attach(db, "reserved", gone, is_reserved_only=True)
    assert leftovers.sweep_leftovers(db, older_than_s=60)["attachments"] == 0
    make_old(db)
    assert leftovers.sweep_leftovers(db, older_than_s=60)["attachments"] == 1
    assert left(db) == {"reserved": "available"}
