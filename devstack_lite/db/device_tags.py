"""Tags by which a guest knows its devices: of volumes and ports, as long as an instance has them.

Not the tags of instances, which are in `tags`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.engine import Database
from devstack_lite.db.schema_compute import device_tags
from devstack_lite.names import port_id_of, volume_id_of
from devstack_lite.objects.compute import BootRequest


def record_boot(connection: Connection, boot: BootRequest, uuids: Sequence[str]) -> None:
    """Keep the tags of what a boot gives its instances, in the caller's transaction."""
    found = [
        {"instance_uuid": uuid, "device_id": device_id, "tag": tag}
        for uuid in uuids
        for device_id, tag in _of_boot(boot, uuid)
    ]
    if found:
        connection.execute(device_tags.insert(), found)


def _of_boot(boot: BootRequest, uuid: str) -> Iterator[tuple[str, str]]:
    for index, network in enumerate(boot.networks):
        if network.tag:
            yield network.port_id or port_id_of(uuid, index), network.tag
    for index, device in enumerate(boot.volumes):
        if device.get("tag"):
            yield device["volume_id"] or volume_id_of(uuid, index), device["tag"]


def set_tag(connection: Connection, uuid: str, device_id: str, tag: str | None) -> None:
    """Have a device of an instance have a tag, or none; in the caller's transaction."""
    own = device_tags.c
    connection.execute(
        device_tags.delete().where(own.instance_uuid == uuid, own.device_id == device_id)
    )
    if tag:
        connection.execute(
            device_tags.insert().values(instance_uuid=uuid, device_id=device_id, tag=tag)
        )


def read_tags(connection: Connection, uuid: str) -> dict[str, str]:
    """Return the tags of an instance's devices by the devices' ids."""
    own = device_tags.c
    query = sa.select(own.device_id, own.tag).where(own.instance_uuid == uuid)
    return {row.device_id: row.tag for row in connection.execute(query)}


def list_tags(db: Database, uuid: str) -> dict[str, str]:
    """Return the tags of an instance's devices by the devices' ids. One read."""
    with db.read() as connection:
        return read_tags(connection, uuid)
