"""Attachments: which volume is at which instance, and what that makes of the volume's status.

A volume is reserved, attaching or in-use because of the most advanced of its attachments, and
available when it has none; each function here leaves the two in agreement.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db import volumes as records
from devstack_lite.db.engine import Database
from devstack_lite.db.moves import holder_of
from devstack_lite.db.schema import instances, volume_attachments, volumes
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.volume import Volume, VolumeAttachment
from devstack_lite.states import TaskState

LOG = logging.getLogger(__name__)

_FIELDS = tuple(field.name for field in dataclasses.fields(VolumeAttachment))
_VOLUME_STATUS = {"reserved": "reserved", "attaching": "attaching", "attached": "in-use"}
_ADVANCE = ("reserved", "attaching", "attached")
_DISCONNECTED: dict[str, Any] = {
    "status": "reserved",
    "attached_host": None,
    "connector": {},
    "attached_at": None,
}
_SETTLED_FROM = frozenset({"available", "reserved", "attaching", "in-use", "detaching"})


def _attachment(row: Any) -> VolumeAttachment:
    return VolumeAttachment(**row._mapping)


def _not_found(attachment_id: str) -> NotFound:
    return NotFound(
        f"Volume attachment could not be found with filter: attachment_id = {attachment_id}.",
        kind="attachment",
    )


def get_attachment(
    db: Database, attachment_id: str, *, project_id: str | None = None
) -> VolumeAttachment:
    """Return an attachment of a volume of project_id, when given. Raises NotFound."""
    found = list_attachments(db, project_id=project_id, equals=(("id", attachment_id),))
    if not found:
        raise _not_found(attachment_id)
    return found[0]


def list_attachments(
    db: Database,
    *,
    project_id: str | None = None,
    equals: Sequence[tuple[str, str]] = (),
    limit: int = 1000,
    offset: int = 0,
    marker: str | None = None,
) -> list[VolumeAttachment]:
    """Return attachments in the order of their ids. One read: the boot's step 16 asks for it."""
    query = _list_query(
        tuple(name for name, _ in equals),
        is_of_project=project_id is not None,
        has_marker=marker is not None,
    )
    asked: dict[str, Any] = {f"equal_{number}": value for number, (_, value) in enumerate(equals)}
    asked |= {"project_id": project_id, "marker": marker, "limit": limit, "offset": offset}
    with db.read() as connection:
        return [_attachment(row) for row in connection.execute(query, asked)]


@cache
def _list_query(
    equals: tuple[str, ...], *, is_of_project: bool, has_marker: bool
) -> sa.Select[Any]:
    own = volume_attachments.c
    query = sa.select(volume_attachments).where(
        *(own[name] == sa.bindparam(f"equal_{number}") for number, name in enumerate(equals))
    )
    if is_of_project:
        query = query.join(volumes, volumes.c.id == own.volume_id)
        query = query.where(volumes.c.project_id == sa.bindparam("project_id"))
    if has_marker:
        query = query.where(own.id > sa.bindparam("marker"))
    limit, offset = (sa.bindparam(name, type_=sa.Integer) for name in ("limit", "offset"))
    return query.order_by(own.id).limit(limit).offset(offset)


def attachments_of(
    db: Database, volume_ids: Sequence[str]
) -> Mapping[str, Sequence[VolumeAttachment]]:
    """Return the attachments of these volumes, by volume. One read."""
    found: dict[str, list[VolumeAttachment]] = {volume_id: [] for volume_id in volume_ids}
    if not volume_ids:
        return found
    query = sa.select(volume_attachments).where(volume_attachments.c.volume_id.in_(volume_ids))
    with db.read() as connection:
        for row in connection.execute(query.order_by(volume_attachments.c.id)):
            found[row.volume_id].append(_attachment(row))
    return found


# ------------------------------------------------------------------------------------ writing


def create_attachment(
    db: Database, *, attachment: VolumeAttachment, is_reserved: bool = False
) -> VolumeAttachment:
    """Reserve a volume for an instance, or attach it when it says so. One transaction.

    There is one attachment of each pair: the one that is there is returned, moved forward when
    the new one is further. is_reserved: the volume was reserved for it by itself. Raises NotFound,
    Invalid when the volume is somebody else's, or not available.
    """
    with db.write() as connection:
        volume = records.locked(connection, attachment.volume_id)
        known = _of_volume(connection, volume.id)
        for there in known:
            if there.instance_uuid == attachment.instance_uuid:
                values = _progress(there, attachment)
                return _write(connection, volume, there, values) if values else there
        _check_free(volume, known, is_reserved=is_reserved)
        return _insert(connection, volume, attachment)


def _insert(
    connection: Connection, volume: Volume, attachment: VolumeAttachment
) -> VolumeAttachment:
    made = attachment
    if made.status == "attached" and made.attached_at is None:
        made = dataclasses.replace(made, attached_at=utcnow())
    connection.execute(
        volume_attachments.insert().values({name: getattr(made, name) for name in _FIELDS})
    )
    _settle(connection, volume)
    return made


def reserve(connection: Connection, attachment: VolumeAttachment) -> None:
    """Reserve a volume for an instance that does not have it, in the caller's transaction.

    Raises NotFound, Invalid when the volume is not available.
    """
    volume = records.locked(connection, attachment.volume_id)
    _check_free(volume, _of_volume(connection, volume.id), is_reserved=False)
    _insert(connection, volume, attachment)


def _progress(there: VolumeAttachment, wanted: VolumeAttachment) -> dict[str, Any]:
    if _ADVANCE.index(wanted.status) <= _ADVANCE.index(there.status):
        return {}
    values: dict[str, Any] = {"status": wanted.status, "attach_mode": wanted.attach_mode}
    if wanted.status == "attached":
        values["attached_at"] = utcnow()
    for name in ("mountpoint", "attached_host", "connector"):
        if getattr(wanted, name):
            values[name] = getattr(wanted, name)
    return values


def _check_free(volume: Volume, known: Sequence[VolumeAttachment], *, is_reserved: bool) -> None:
    allowed = ["available"]
    if volume.multiattach:
        allowed += ["in-use", "reserved", "attaching"]
    elif is_reserved and not known:
        allowed += ["reserved", "attaching"]
    if volume.status not in allowed:
        raise Invalid(
            f"Invalid volume: Volume {volume.id} status must be available or downloading to"
            f" reserve, but the current status is {volume.status}.",
            kind="volume",
        )


def _of_volume(connection: Connection, volume_id: str) -> list[VolumeAttachment]:
    query = sa.select(volume_attachments).where(volume_attachments.c.volume_id == volume_id)
    return [_attachment(row) for row in connection.execute(query)]


def _write(
    connection: Connection, volume: Volume, there: VolumeAttachment, values: Mapping[str, Any]
) -> VolumeAttachment:
    own = volume_attachments
    connection.execute(own.update().where(own.c.id == there.id).values(**values))
    _settle(connection, volume)
    return dataclasses.replace(there, **values)


def _settle(connection: Connection, volume: Volume) -> Volume:
    """Give a locked volume the status that its attachments make; one in error stays so."""
    if volume.status not in _SETTLED_FROM:
        return volume
    known = _of_volume(connection, volume.id)
    furthest = max((_ADVANCE.index(one.status) for one in known), default=None)
    status = "available" if furthest is None else _VOLUME_STATUS[_ADVANCE[furthest]]
    return records.change(connection, volume, {"status": status})


def _located(connection: Connection, attachment_id: str) -> tuple[Volume, VolumeAttachment] | None:
    """Return an attachment and its volume, locked; the volume is always locked first."""
    own = volume_attachments.c
    query = sa.select(volume_attachments).where(own.id == attachment_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    volume = records.locked(connection, row.volume_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else (volume, _attachment(row))


def _check_fence(
    connection: Connection, there: VolumeAttachment, connector: Mapping[str, Any]
) -> None:
    """Let only the host that has an instance now reach its volumes, not one that was fenced."""
    host = connector.get("host")
    if host is None or not there.instance_uuid:
        return
    own = instances.c
    now_on = connection.execute(
        sa.select(own.host, own.operation).where(
            own.uuid == there.instance_uuid, own.deleted_at.is_(None)
        )
    ).first()
    if now_on is not None and holder_of(now_on) != host:
        raise Conflict(
            f"Instance {there.instance_uuid} is not on {host}: its volumes stay.", kind="attachment"
        )


def update_attachment(
    db: Database, *, attachment_id: str, connector: Mapping[str, Any]
) -> VolumeAttachment:
    """Say from where the volume will be reached: reserved becomes attaching. One transaction.

    Raises NotFound, Conflict when the instance is on another host than connector says.
    """
    with db.write() as connection:
        found = _located(connection, attachment_id)
        if found is None:
            raise _not_found(attachment_id)
        volume, there = found
        _check_fence(connection, there, connector)
        values: dict[str, Any] = {
            "connector": dict(connector),
            "attached_host": connector.get("host", there.attached_host),
            "mountpoint": connector.get("mountpoint", there.mountpoint),
            "attach_mode": connector.get("mode", there.attach_mode),
        }
        if there.status == "reserved":
            values["status"] = "attaching"
        return _write(connection, volume, there, values)


def complete_attachment(db: Database, *, attachment_id: str) -> VolumeAttachment:
    """Say that the instance has the volume: in-use. One transaction; complete already is no error.

    As in Cinder one that was only reserved is completed, too. Raises NotFound.
    """
    with db.write() as connection:
        found = _located(connection, attachment_id)
        if found is None:
            raise _not_found(attachment_id)
        volume, there = found
        if there.status == "attached":
            return there
        return _write(connection, volume, there, {"status": "attached", "attached_at": utcnow()})


def complete(connection: Connection, attachment_id: str, *, mountpoint: str) -> None:
    """Say that the instance has the volume, and where, in the caller's transaction.

    One that somebody took away meanwhile stays away.
    """
    found = _located(connection, attachment_id)
    if found is not None:
        volume, there = found
        values: dict[str, Any] = {"status": "attached", "mountpoint": mountpoint}
        if there.attached_at is None:
            values["attached_at"] = utcnow()
        _write(connection, volume, there, values)


def settle(connection: Connection, volume_id: str) -> None:
    """Give a volume the status that its attachments make, in the caller's transaction."""
    _settle(connection, records.locked(connection, volume_id))


def disconnect(connection: Connection, instance_uuid: str, *, volume_id: str | None = None) -> None:
    """Have an instance's volumes, or one, reserved for it and reached from no host.

    In the caller's transaction.
    """
    own = volume_attachments.c
    query = sa.select(own.id).where(own.instance_uuid == instance_uuid)
    if volume_id is not None:
        query = query.where(own.volume_id == volume_id)
    held = connection.execute(query)
    for attachment_id in held.scalars().all():
        found = _located(connection, attachment_id)
        if found is not None:
            _write(connection, *found, _DISCONNECTED)


def delete_attachment(db: Database, *, attachment_id: str) -> None:
    """Take a volume from an instance; absent is done. One transaction."""
    with db.write() as connection:
        remove(connection, attachment_id)


def remove(connection: Connection, attachment_id: str, *, is_ended: bool = False) -> None:
    """Take a volume from an instance, in the caller's transaction; absent is done.

    One that was to go with its instance goes when that is deleted, or when is_ended says that it
    came to nothing; not if it has snapshots or somebody else has it, too.
    """
    found = _located(connection, attachment_id)
    if found is None:
        return
    volume, there = found
    own = volume_attachments
    connection.execute(own.delete().where(own.c.id == there.id))
    volume = _settle(connection, volume)
    if there.delete_on_termination and (is_ended or _is_deleted(connection, there.instance_uuid)):
        _remove_volume(connection, volume)


def _is_deleted(connection: Connection, instance_uuid: str) -> bool:
    own = instances.c
    row = connection.execute(
        sa.select(own.task_state).where(own.uuid == instance_uuid, own.deleted_at.is_(None))
    ).first()
    return row is None or row.task_state == TaskState.DELETING


def _remove_volume(connection: Connection, volume: Volume) -> None:
    if volume.status != "available":
        return
    try:
        records.remove(connection, volume)
    except Invalid as error:
        LOG.warning("volume %s outlives its instance: %s", volume.id, error)


def detach_volume(db: Database, *, volume_id: str, attachment_id: str | None) -> None:
    """Take a volume from its one instance, or from the named attachment. One transaction.

    Detached already is no error. Raises NotFound for the volume; Invalid when several instances
    have it and none is named.
    """
    own = volume_attachments
    with db.write() as connection:
        volume = records.locked(connection, volume_id)
        known = _of_volume(connection, volume_id)
        if attachment_id is None and len(known) > 1:
            raise Invalid(
                "Invalid volume: Detach volume failed: More than one attachment, but no"
                " attachment_id provided.",
                kind="volume",
            )
        for there in known:
            if attachment_id in {None, there.id}:
                connection.execute(own.delete().where(own.c.id == there.id))
        _settle(connection, volume)


def settle_volume(db: Database, *, volume_id: str) -> Volume:
    """Give a volume the status that its attachments make. One transaction. Raises NotFound."""
    with db.write() as connection:
        return _settle(connection, records.locked(connection, volume_id))
