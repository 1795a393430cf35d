"""Volumes: their records and the states they go through. Attachments: volume_attachments."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from devstack_lite.clock import utcnow
from devstack_lite.db import pages, volume_quotas
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import volume_attachments, volumes
from devstack_lite.db.schema_volumes import volume_snapshots, volume_transfers
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.volume import Volume, VolumeQuota

_CHANGEABLE = frozenset({"name", "description", "bootable", "volume_type"})
_MAPS = frozenset({"metadata", "image_metadata"})
_DELETABLE = ("available", "error", "error_restoring", "error_extending", "error_managing")
_FIELDS = tuple(field.name for field in dataclasses.fields(Volume))


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeFilter:
    """Which volumes a list holds, in which order, and which page of it."""

    project_id: str | None = None
    equals: tuple[tuple[str, Any], ...] = ()
    name_part: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    sort: tuple[tuple[str, str], ...] = (("created_at", "desc"), ("id", "desc"))
    marker: str | None = None
    offset: int = 0
    limit: int = 1000


def volume_of(row: Any) -> Volume:
    """Return the volume of a full row."""
    return Volume(**row._mapping)


def _not_found(volume_id: str) -> NotFound:
    return NotFound(f"Volume {volume_id} could not be found.", kind="volume")


def get_volume(db: Database, volume_id: str, *, project_id: str | None = None) -> Volume:
    """Return a volume, of project_id when given. Raises NotFound."""
    query = sa.select(volumes).where(volumes.c.id == volume_id)
    if project_id is not None:
        query = query.where(volumes.c.project_id == project_id)
    with db.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise _not_found(volume_id)
    return volume_of(row)


def _conditions(wanted: VolumeFilter) -> list[sa.ColumnElement[bool]]:
    found = [volumes.c[name] == value for name, value in wanted.equals]
    if wanted.project_id is not None:
        found.append(volumes.c.project_id == wanted.project_id)
    if wanted.name_part:
        found.append(volumes.c.name.contains(wanted.name_part, autoescape=True))
    return found


def list_volumes(db: Database, wanted: VolumeFilter) -> list[Volume]:
    """Return one page. Raises NotFound for a marker that names nothing."""
    query = sa.select(volumes).where(*_conditions(wanted))
    with db.read() as connection:
        if wanted.marker is not None:
            marked = connection.execute(
                sa.select(volumes).where(volumes.c.id == wanted.marker)
            ).one_or_none()
            if marked is None:
                raise _not_found(wanted.marker)
            query = query.where(pages.behind(volumes, marked, wanted.sort))
        query = pages.in_order(query, volumes, wanted.sort)
        if not wanted.metadata:
            rows = connection.execute(query.limit(wanted.limit).offset(wanted.offset)).all()
            return [volume_of(row) for row in rows]
        # Databases differ in how they search JSON, so metadata is compared here.
        found = [
            volume
            for volume in map(volume_of, connection.execute(query))
            if all(volume.metadata.get(key) == value for key, value in wanted.metadata)
        ]
    return found[wanted.offset : wanted.offset + wanted.limit]


def sum_volumes(db: Database, wanted: VolumeFilter) -> tuple[int, int]:
    """Return how many volumes there are and their GiB; page, order and metadata do not count."""
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(volumes.c.size_gb), 0)).where(
        *_conditions(wanted)
    )
    with db.read() as connection:
        count, size_gb = connection.execute(query).one()
    return int(count), int(size_gb)


# ------------------------------------------------------------------------------------ writing


def locked(connection: Connection, volume_id: str) -> Volume:
    """Return the volume as it is and will be until the transaction ends. Raises NotFound."""
    row = connection.execute(
        sa.select(volumes).where(volumes.c.id == volume_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise _not_found(volume_id)
    return volume_of(row)


def change(connection: Connection, volume: Volume, values: Mapping[str, Any]) -> Volume:
    """Write values to a locked volume and return what it is then."""
    now = utcnow()
    connection.execute(
        volumes.update().where(volumes.c.id == volume.id).values(**values, updated_at=now)
    )
    return dataclasses.replace(volume, **values, updated_at=now)


def create_volume(db: Database, *, volume: Volume, quota: VolumeQuota) -> Volume:
    """Record a volume, ready for use: there is no backend to wait for. One transaction.

    The same volume again (id and created_at are the same) is the one that is there. Raises
    QuotaExceeded, Conflict when the id is another volume's.
    """
    now = volume.created_at or utcnow()
    ready = dataclasses.replace(volume, status="available", created_at=now, updated_at=now)
    try:
        with db.write() as connection:
            there = connection.execute(
                sa.select(volumes).where(volumes.c.id == volume.id)
            ).one_or_none()
            if there is not None:
                return _same(volume_of(there), ready)
            volume_quotas.check(
                connection, ready.project_id, quota, volumes=1, gigabytes=ready.size_gb,
                volume_gb=ready.size_gb,
            )  # fmt: skip
            _check_sources(connection, ready)
            insert(connection, ready)
    except IntegrityError:
        return _same(get_volume(db, volume.id), ready)
    return ready


def insert(connection: Connection, volume: Volume) -> None:
    """Write a volume's row, as it is."""
    connection.execute(volumes.insert().values({name: getattr(volume, name) for name in _FIELDS}))


def _check_sources(connection: Connection, volume: Volume) -> None:
    """Raise NotFound when what a volume is made of is gone since it was looked at."""
    if volume.source_volid is not None:
        locked(connection, volume.source_volid)
    if volume.snapshot_id is not None:
        own = volume_snapshots.c
        there = sa.select(own.id).where(own.id == volume.snapshot_id).with_for_update()
        if connection.execute(there).first() is None:
            raise NotFound(f"Snapshot {volume.snapshot_id} could not be found.", kind="snapshot")


def _same(there: Volume, wanted: Volume) -> Volume:
    if (there.created_at, there.project_id) != (wanted.created_at, wanted.project_id):
        raise Conflict(f"Volume ID {wanted.id} already exists.", kind="volume")
    return there


def update_volume(db: Database, *, volume_id: str, values: Mapping[str, Any]) -> Volume:
    """Set name, description, bootable or volume_type. One transaction. Raises NotFound, Invalid."""
    if not set(values) <= _CHANGEABLE:
        raise Invalid(f"{min(set(values) - _CHANGEABLE)} cannot be changed.", kind="volume")
    with db.write() as connection:
        return change(connection, locked(connection, volume_id), values)


def update_map(
    db: Database,
    *,
    volume_id: str,
    name: str,
    items: Mapping[str, str],
    removed: Sequence[str] = (),
    is_replacing: bool = False,
) -> Volume:
    """Merge items into metadata or image_metadata, or put them in its place. One transaction.

    Raises NotFound, also for a key of removed that is not there.
    """
    if name not in _MAPS:
        raise Invalid(f"{name} cannot be changed.", kind="volume")
    with db.write() as connection:
        volume = locked(connection, volume_id)
        merged = dict(items) if is_replacing else {**getattr(volume, name), **items}
        for key in removed:
            if key not in merged:
                raise NotFound(f"Volume {volume_id} has no metadata with key {key}.")
            del merged[key]
        return change(connection, volume, {name: merged})


def move_volume(
    db: Database, *, volume_id: str, status: str, from_statuses: Sequence[str], action: str
) -> Volume:
    """Set the status of a volume that is in one of from_statuses (empty: any), or there already.

    One transaction. action is the verb for the refusal. Raises NotFound, Invalid.
    """
    with db.write() as connection:
        volume = locked(connection, volume_id)
        if volume.status == status:
            return volume
        if from_statuses and volume.status not in from_statuses:
            raise Invalid(
                f"Invalid volume: Volume {volume_id} status must be {' or '.join(from_statuses)}"
                f" to {action}, but the current status is {volume.status}.",
                kind="volume",
            )
        return change(connection, volume, {"status": status})


def reimage_volume(
    db: Database,
    *,
    volume_id: str,
    image_id: str,
    image_metadata: Mapping[str, str],
    from_statuses: Sequence[str],
) -> Volume:
    """Have a volume hold an image instead of what it held. One transaction.

    Raises NotFound, Invalid for one in another status.
    """
    with db.write() as connection:
        volume = locked(connection, volume_id)
        if volume.status not in from_statuses:
            raise Invalid(
                f"Invalid volume: Volume {volume_id} status must be {' or '.join(from_statuses)},"
                f" but the current status is {volume.status}.",
                kind="volume",
            )
        return change(connection, volume, {
            "image_id": image_id, "image_metadata": dict(image_metadata), "bootable": True,
        })  # fmt: skip


def extend_volume(db: Database, *, volume_id: str, size_gb: int, quota: VolumeQuota) -> Volume:
    """Make a volume larger. One transaction; extended to that size already is no error.

    Raises NotFound, Invalid, QuotaExceeded.
    """
    with db.write() as connection:
        volume = locked(connection, volume_id)
        if volume.status not in {"available", "in-use"}:
            raise Invalid(
                f"Invalid volume: Volume {volume_id} status must be available or in-use to extend,"
                f" but the current status is {volume.status}.",
                kind="volume",
            )
        if size_gb == volume.size_gb:
            return volume
        if size_gb < volume.size_gb:
            raise Invalid(
                "Invalid input received: New size for extend must be greater than current size."
                f" (current: {volume.size_gb}, extended: {size_gb}).",
                kind="volume",
            )
        more_gb = size_gb - volume.size_gb
        volume_quotas.check(
            connection, volume.project_id, quota, gigabytes=more_gb, volume_gb=size_gb
        )
        return change(connection, volume, {"size_gb": size_gb})


def delete_volume(
    db: Database, *, volume_id: str, is_forced: bool = False, is_cascading: bool = False
) -> None:
    """Remove a volume; forced, whatever its state and with its attachments. One transaction.

    Its snapshots go with it only when it is cascading. Raises NotFound; Invalid when it is in use
    or has snapshots.
    """
    with db.write() as connection:
        volume = locked(connection, volume_id)
        if not is_forced and volume.status not in _DELETABLE:
            raise _undeletable()
        remove(connection, volume, is_forced=is_forced, is_cascading=is_cascading)


def remove(
    connection: Connection, volume: Volume, *, is_forced: bool = False, is_cascading: bool = False
) -> None:
    """Remove a locked volume in the caller's transaction. Raises Invalid when something has it."""
    own, snapshot = volume_attachments.c, volume_snapshots.c
    mine = volume_snapshots.c.volume_id == volume.id
    if is_cascading:
        connection.execute(volume_snapshots.delete().where(mine))
    attached = connection.execute(sa.select(own.id).where(own.volume_id == volume.id)).first()
    snapshots = connection.execute(sa.select(snapshot.id).where(mine)).first()
    if snapshots or (attached and not is_forced):
        raise _undeletable()
    connection.execute(volume_attachments.delete().where(own.volume_id == volume.id))
    connection.execute(volume_transfers.delete().where(volume_transfers.c.volume_id == volume.id))
    connection.execute(volumes.delete().where(volumes.c.id == volume.id))


def _undeletable() -> Invalid:
    return Invalid(
        "Invalid volume: Volume status must be available or error or error_restoring or"
        " error_extending or error_managing and must not be migrating, attached, belong to a group,"
        " have snapshots, awaiting a transfer, or be disassociated from snapshots after volume"
        " transfer.",
        kind="volume",
    )
