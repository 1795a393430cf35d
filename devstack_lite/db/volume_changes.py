"""How a volume begins to go to an instance that exists, or to leave it."""

from __future__ import annotations

import string
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.context import RequestContext
from devstack_lite.db import volume_attachments as attachments
from devstack_lite.db import volumes as records
from devstack_lite.db.device_changes import (
    begin,
    check_instance,
    end_at_once,
    find_change,
    has_left,
)
from devstack_lite.db.device_tags import set_tag
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import volume_attachments
from devstack_lite.exceptions import Forbidden, Invalid, NotFound
from devstack_lite.objects.device import ChangeKind, DeviceChange
from devstack_lite.objects.volume import VolumeAttachment


def begin_attach_volume(
    db: Database,
    context: RequestContext,
    uuid: str,
    *,
    change_id: str,
    attachment: VolumeAttachment,
    tag: str | None = None,
) -> DeviceChange:
    """Reserve a volume for an instance, and note that it shall be attached. One transaction.

    arguments of the change: attachment_id, device (/dev/vdb, as it will probably be). Delivered
    twice: the same change, of attempt 0 when it is over. Raises NotFound, InstanceInvalidState,
    Invalid for a volume that cannot be had, Forbidden for one too many.
    """
    volume_id = attachment.volume_id
    with db.write() as connection:
        row, is_heard = check_instance(connection, context, uuid, ChangeKind.ATTACH_VOLUME)
        there = _attachment(connection, uuid, volume_id)
        if is_heard:
            return find_change(connection, uuid, volume_id) or DeviceChange(
                id=change_id, instance_uuid=uuid, kind=ChangeKind.ATTACH_VOLUME,
                device_id=volume_id, attempt=0,
                arguments={"device": there.mountpoint if there else None},
            )  # fmt: skip
        if there is not None:
            raise Invalid(f"Invalid volume: volume {volume_id} already attached", kind="volume")
        if tag and has_left(row):
            raise Invalid(
                "Tagged volume attachment is not supported for shelved-offloaded instances."
            )
        attachments.reserve(connection, attachment)
        set_tag(connection, uuid, volume_id, tag)
        device = _next_device(connection, uuid)
        connection.execute(
            volume_attachments.update()
            .where(volume_attachments.c.id == attachment.id)
            .values(mountpoint=device)
        )
        arguments = {"attachment_id": attachment.id, "device": device}
        if has_left(row):
            # In-use all the same, as with Nova: it is connected when the instance is unshelved.
            attachments.complete(connection, attachment.id, mountpoint=device)
            return end_at_once(
                connection, context, row, kind=ChangeKind.ATTACH_VOLUME, device_id=volume_id,
                arguments=arguments,
            )  # fmt: skip
        return begin(
            connection, context, row, change_id=change_id, kind=ChangeKind.ATTACH_VOLUME,
            device_id=volume_id, arguments=arguments,
        )  # fmt: skip


def begin_detach_volume(
    db: Database, context: RequestContext, uuid: str, *, change_id: str, volume_id: str
) -> DeviceChange:
    """Mark a volume detaching, and note that it shall leave the instance. One transaction.

    arguments of the change: attachment_id. Delivered twice: the same change, of attempt 0 when it
    is over. Raises NotFound, InstanceInvalidState, Invalid for a volume that is not in-use.
    """
    with db.write() as connection:
        row, is_heard = check_instance(connection, context, uuid, ChangeKind.DETACH_VOLUME)
        under_way = find_change(connection, uuid, volume_id)
        if is_heard:
            return under_way or DeviceChange(
                id=change_id, instance_uuid=uuid, kind=ChangeKind.DETACH_VOLUME,
                device_id=volume_id, attempt=0,
            )  # fmt: skip
        there = _attachment(connection, uuid, volume_id)
        if there is None:
            raise NotFound(
                f"Instance {uuid} is not attached to volume {volume_id}", kind="attachment"
            )
        if has_left(row):
            attachments.remove(connection, there.id)
            set_tag(connection, uuid, volume_id, None)
            return end_at_once(
                connection, context, row, kind=ChangeKind.DETACH_VOLUME, device_id=volume_id,
                arguments={"attachment_id": there.id},
            )  # fmt: skip
        volume = records.locked(connection, volume_id)
        if under_way is not None or there.status != "attached" or volume.status != "in-use":
            raise Invalid(
                "Invalid volume: Unable to detach volume. Volume status must be 'in-use' and"
                " attach_status must be 'attached' to detach.",
                kind="volume",
            )
        if not volume.multiattach:
            records.change(connection, volume, {"status": "detaching"})
        return begin(
            connection, context, row, change_id=change_id, kind=ChangeKind.DETACH_VOLUME,
            device_id=volume_id, arguments={"attachment_id": there.id},
        )  # fmt: skip


def keep_volume(db: Database, uuid: str, volume_id: str, *, is_kept: bool) -> None:
    """Have a volume stay, or go, when its instance is deleted. One transaction. Raises NotFound."""
    own = volume_attachments.c
    with db.write() as connection:
        changed = connection.execute(
            volume_attachments.update()
            .where(own.instance_uuid == uuid, own.volume_id == volume_id)
            .values(delete_on_termination=not is_kept)
        )
        if not changed.rowcount:
            raise NotFound(
                f"Instance {uuid} is not attached to volume {volume_id}", kind="attachment"
            )


def _attachment(connection: Connection, uuid: str, volume_id: str) -> Any | None:
    own = volume_attachments.c
    return connection.execute(
        sa.select(volume_attachments).where(own.instance_uuid == uuid, own.volume_id == volume_id)
    ).one_or_none()


def _next_device(connection: Connection, uuid: str) -> str:
    """Return the first name that no attachment has; vda is the root disk's."""
    own = volume_attachments.c
    taken = set(
        connection.execute(sa.select(own.mountpoint).where(own.instance_uuid == uuid)).scalars()
    )
    for letter in string.ascii_lowercase[1:]:
        if f"/dev/vd{letter}" not in taken:
            return f"/dev/vd{letter}"
    raise Forbidden(
        "The maximum allowed number of disk devices (26) to attach to a single instance has been"
        " exceeded."
    )
