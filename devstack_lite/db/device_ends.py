"""How changes of devices end in the books: what an instance has then, and the volume or port.

Each is part of the transaction that removes the change's row. result is None when it failed: an
attach is then undone, and a detach has not been.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db import volume_attachments as attachments
from devstack_lite.db.device_tags import set_tag
from devstack_lite.db.holdings import take_away
from devstack_lite.db.schema import instances, ports, volume_attachments
from devstack_lite.objects.compute import NetworkRequest
from devstack_lite.objects.device import ChangeKind, DeviceChange
from devstack_lite.objects.registry import Json

End = Callable[[Connection, Any, DeviceChange, Json | None], None]


def _attached_volume(
    connection: Connection, row: Any, change: DeviceChange, result: Json | None
) -> None:
    attachment_id = change.arguments["attachment_id"]
    if result is None:
        attachments.remove(connection, attachment_id)
        set_tag(connection, change.instance_uuid, change.device_id, None)
    else:
        attachments.complete(connection, attachment_id, mountpoint=result["device"])


def _detached_volume(
    connection: Connection, row: Any, change: DeviceChange, result: Json | None
) -> None:
    if result is None:
        attachments.settle(connection, change.device_id)
    else:
        attachments.remove(connection, change.arguments["attachment_id"])
        set_tag(connection, change.instance_uuid, change.device_id, None)


def _attached_interface(
    connection: Connection, row: Any, change: DeviceChange, result: Json | None
) -> None:
    if result is None:
        _take_port(connection, change)
        return
    others = [port for port in row.network_info if port["port_id"] != change.device_id]
    _show_ports(connection, row, [*others, result["port"]])
    set_tag(connection, change.instance_uuid, change.device_id, change.arguments.get("tag"))


def _detached_interface(
    connection: Connection, row: Any, change: DeviceChange, result: Json | None
) -> None:
    if result is None:
        return
    _take_port(connection, change)
    left = [port for port in row.network_info if port["port_id"] != change.device_id]
    _show_ports(connection, row, left)
    set_tag(connection, change.instance_uuid, change.device_id, None)


def _take_port(connection: Connection, change: DeviceChange) -> None:
    own = ports.c
    take_away(
        connection,
        sa.select(own.id, own.device_id).where(
            own.id == change.device_id, own.device_id == change.instance_uuid
        ),
        sa.select(volume_attachments.c.id).where(sa.false()),
    )


def _show_ports(connection: Connection, row: Any, shown: list[Json]) -> None:
    """Have an instance show these ports, and ask for the same ones when it is built anew."""
    wanted = [dataclasses.asdict(NetworkRequest(port_id=port["port_id"])) for port in shown]
    connection.execute(
        instances.update()
        .where(instances.c.uuid == row.uuid)
        .values(
            network_info=shown,
            boot_request={**row.boot_request, "networks": wanted},
            updated_at=utcnow(),
        )
    )


END: dict[ChangeKind, End] = {
    ChangeKind.ATTACH_VOLUME: _attached_volume,
    ChangeKind.DETACH_VOLUME: _detached_volume,
    ChangeKind.ATTACH_INTERFACE: _attached_interface,
    ChangeKind.DETACH_INTERFACE: _detached_interface,
}
