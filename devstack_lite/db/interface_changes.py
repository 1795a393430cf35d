"""How a port begins to go to an instance that exists, or to leave it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.context import RequestContext
from devstack_lite.db.device_changes import begin, change_of, check_instance, find_change
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import device_changes, ports
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.names import MOST_PORTS, port_id_of
from devstack_lite.objects.compute import NetworkRequest
from devstack_lite.objects.device import ChangeKind, DeviceChange


def begin_attach_interface(
    db: Database, context: RequestContext, uuid: str, *, change_id: str, request: NetworkRequest
) -> DeviceChange:
    """Note that an instance shall have a port: the one named, or one to be made. One transaction.

    device_id of the change is the port's id, arguments are those of the request, and is_ours says
    whether the port is to be made. Delivered twice: the same change, of attempt 0 when it is over.
    Raises NotFound, InstanceInvalidState, Conflict for a port that something is under way with,
    Invalid for one too many.
    """
    kind = ChangeKind.ATTACH_INTERFACE
    with db.write() as connection:
        row, is_heard = check_instance(connection, context, uuid, kind)
        if is_heard:
            return _begun(connection, context, row, change_id, kind)
        port_id = request.port_id or _new_port_id(connection, row)
        if find_change(connection, uuid, port_id) is not None:
            raise Conflict(f"Port {port_id} is still in use.", kind="port")
        arguments = {
            "network_id": request.network_id,
            "fixed_ip": request.fixed_ip,
            "tag": request.tag,
            "is_ours": request.port_id is None,
        }
        return begin(connection, context, row, change_id=change_id, kind=kind, device_id=port_id,
                     arguments=arguments)  # fmt: skip


def begin_detach_interface(
    db: Database, context: RequestContext, uuid: str, *, change_id: str, port_id: str
) -> DeviceChange:
    """Note that a port shall leave an instance. One transaction.

    arguments of the change: the port, as the instance shows it. Delivered twice: the same change,
    of attempt 0 when it is over. Raises NotFound, InstanceInvalidState, Conflict for a port that
    something is under way with.
    """
    kind = ChangeKind.DETACH_INTERFACE
    with db.write() as connection:
        row, is_heard = check_instance(connection, context, uuid, kind)
        if is_heard:
            return _begun(connection, context, row, change_id, kind)
        if find_change(connection, uuid, port_id) is not None:
            raise Conflict(f"Port {port_id} is still in use.", kind="port")
        port = next((one for one in row.network_info if one["port_id"] == port_id), None)
        if port is None:
            raise NotFound(
                f"Instance {uuid} does not have a port with id {port_id}", kind="port"
            )  # fmt: skip
        return begin(connection, context, row, change_id=change_id, kind=kind, device_id=port_id,
                     arguments={"port": port})  # fmt: skip


def _begun(
    connection: Connection, context: RequestContext, row: Any, change_id: str, kind: ChangeKind
) -> DeviceChange:
    """Return what this request began before; its port is the newest when it is over."""
    own = device_changes.c
    known = connection.execute(
        sa.select(device_changes).where(own.instance_uuid == row.uuid, own.kind == kind)
    )
    for change in map(change_of, known):
        if change.context["request_id"] == context.request_id:
            return change
    newest = row.network_info[-1]["port_id"] if row.network_info else ""
    return DeviceChange(
        id=change_id, instance_uuid=row.uuid, kind=kind, device_id=newest, attempt=0
    )


def _new_port_id(connection: Connection, row: Any) -> str:
    """Return the first of the instance's own port ids that is no port's, nor about to be one's."""
    own = [port_id_of(row.uuid, index) for index in range(MOST_PORTS)]
    taken = set(connection.execute(sa.select(ports.c.id).where(ports.c.id.in_(own))).scalars())
    taken |= set(
        connection.execute(
            sa.select(device_changes.c.device_id).where(device_changes.c.instance_uuid == row.uuid)
        ).scalars()
    )
    for port_id in own:
        if port_id not in taken:
            return port_id
    raise Invalid(f"Instance {row.uuid} has {MOST_PORTS} ports: it gets no more.", kind="port")
