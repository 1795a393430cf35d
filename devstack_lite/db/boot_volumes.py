"""The volumes that a boot request names or makes: recorded with its instances, in one transaction.

A volume that is made gets an id made of its instance's and its place in the request, so that no
attempt makes a second one; from then on the attachments say what the instance has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import volume_attachments, volume_quotas, volume_types
from devstack_lite.db import volumes as records
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import instances
from devstack_lite.db.schema_volumes import volume_snapshots
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.names import attachment_id_of, volume_id_of
from devstack_lite.objects.registry import Json
from devstack_lite.objects.volume import BlockDevice, Volume, VolumeAttachment


def record_volumes(
    connection: Connection, context: RequestContext, devices: Sequence[Json], uuids: Sequence[str]
) -> None:
    """Make the volumes that instances are to have, and reserve all of theirs.

    In the caller's transaction. Raises QuotaExceeded; Invalid when a volume or a snapshot went
    away, or a volume is in use by now.
    """
    wanted = [BlockDevice(**device) for device in devices]
    made = [device for device in wanted if device.volume_id is None]
    if made:
        volume_quotas.check(
            connection,
            str(context.project_id),
            volume_quotas.DEFAULTS,
            volumes=len(made) * len(uuids),
            gigabytes=sum(device.size_gb for device in made) * len(uuids),
            volume_gb=max(device.size_gb for device in made),
        )
        _check_snapshots(connection, made)
    default = volume_types.default_name(connection)
    shared = volume_types.multiattach_names(connection) if made else set()
    for uuid in uuids:
        for index, device in enumerate(wanted):
            if device.volume_id is None:
                volume = _volume(context, uuid, index, device, default)
                is_shared = volume.volume_type in shared
                records.insert(connection, replace(volume, multiattach=is_shared))
            try:
                volume_attachments.reserve(connection, _attachment(uuid, index, device))
            except NotFound as error:
                raise Invalid(
                    f"Block Device Mapping is Invalid: failed to get volume {device.volume_id}."
                ) from error


def reserve_boot_volume(db: Database, uuid: str, *, attempt: int, volume_id: str) -> bool:
    """Have a volume of an instance reserved for it, so that it can be written anew.

    One transaction. False, and nothing changed, when this attempt is not under way any more.
    """
    query = sa.select(instances).where(instances.c.uuid == uuid).with_for_update()
    with db.write() as connection:
        row = connection.execute(query).one_or_none()
        if row is None or row.task_state is None or row.attempt != attempt:
            return False
        volume_attachments.disconnect(connection, uuid, volume_id=volume_id)
        return True


def _volume(
    context: RequestContext, uuid: str, index: int, device: BlockDevice, default_type: str
) -> Volume:
    now = utcnow()
    return Volume(
        id=volume_id_of(uuid, index),
        project_id=str(context.project_id),
        user_id=str(context.user_id),
        size_gb=device.size_gb,
        name="",
        status="available",
        volume_type=device.volume_type or default_type,
        image_id=device.image_id,
        snapshot_id=device.snapshot_id,
        bootable=device.bootable,
        image_metadata=device.image_metadata,
        created_at=now,
        updated_at=now,
    )


def _attachment(uuid: str, index: int, device: BlockDevice) -> VolumeAttachment:
    volume_id = device.volume_id or volume_id_of(uuid, index)
    return VolumeAttachment(
        id=attachment_id_of(uuid, volume_id),
        volume_id=volume_id,
        instance_uuid=uuid,
        boot_index=device.boot_index,
        delete_on_termination=device.delete_on_termination,
    )


def _check_snapshots(connection: Connection, made: Sequence[BlockDevice]) -> None:
    wanted = {device.snapshot_id for device in made if device.snapshot_id is not None}
    own = volume_snapshots.c
    there = sa.select(own.id).where(own.id.in_(wanted)).with_for_update()
    gone = wanted - set(connection.execute(there).scalars())
    if gone:
        raise Invalid(f"Block Device Mapping is Invalid: failed to get snapshot {min(gone)}.")
