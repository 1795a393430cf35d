"""Snapshots: volumes as they were. They are ready at once, for nothing is copied."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from devstack_lite.clock import utcnow
from devstack_lite.db import pages, volume_quotas
from devstack_lite.db import volumes as records
from devstack_lite.db.engine import Database
from devstack_lite.db.schema_volumes import volume_snapshots
from devstack_lite.db.volumes import VolumeFilter
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.volume import Volume, VolumeQuota, VolumeSnapshot

_CHANGEABLE = frozenset({"name", "description", "status"})
_DELETABLE = ("available", "error")
_FIELDS = tuple(field.name for field in dataclasses.fields(VolumeSnapshot))


def _snapshot(row: Any) -> VolumeSnapshot:
    return VolumeSnapshot(**row._mapping)


def _not_found(snapshot_id: str) -> NotFound:
    return NotFound(f"Snapshot {snapshot_id} could not be found.", kind="snapshot")


def get_snapshot(
    db: Database, snapshot_id: str, *, project_id: str | None = None
) -> VolumeSnapshot:
    """Return a snapshot, of project_id when given. Raises NotFound."""
    own = volume_snapshots.c
    query = sa.select(volume_snapshots).where(own.id == snapshot_id)
    if project_id is not None:
        query = query.where(own.project_id == project_id)
    with db.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise _not_found(snapshot_id)
    return _snapshot(row)


def _conditions(wanted: VolumeFilter) -> list[sa.ColumnElement[bool]]:
    own = volume_snapshots.c
    found = [own[name] == value for name, value in wanted.equals]
    if wanted.project_id is not None:
        found.append(own.project_id == wanted.project_id)
    if wanted.name_part:
        found.append(own.name.contains(wanted.name_part, autoescape=True))
    return found


def list_snapshots(db: Database, wanted: VolumeFilter) -> list[VolumeSnapshot]:
    """Return one page. Raises NotFound for a marker that names nothing."""
    query = sa.select(volume_snapshots).where(*_conditions(wanted))
    with db.read() as connection:
        if wanted.marker is not None:
            marked = connection.execute(
                sa.select(volume_snapshots).where(volume_snapshots.c.id == wanted.marker)
            ).one_or_none()
            if marked is None:
                raise _not_found(wanted.marker)
            query = query.where(pages.behind(volume_snapshots, marked, wanted.sort))
        query = pages.in_order(query, volume_snapshots, wanted.sort)
        if not wanted.metadata:
            query = query.limit(wanted.limit).offset(wanted.offset)
            return [_snapshot(row) for row in connection.execute(query)]
        # Databases differ in how they search JSON, so metadata is compared here.
        found = [
            one
            for one in map(_snapshot, connection.execute(query))
            if all(one.metadata.get(key) == value for key, value in wanted.metadata)
        ]
    return found[wanted.offset : wanted.offset + wanted.limit]


def count_snapshots(db: Database, wanted: VolumeFilter) -> int:
    """Return how many there are; page, order and metadata do not count."""
    query = sa.select(sa.func.count()).select_from(volume_snapshots).where(*_conditions(wanted))
    with db.read() as connection:
        return int(connection.execute(query).scalar_one())


# ------------------------------------------------------------------------------------ writing


def locked(connection: Connection, snapshot_id: str) -> VolumeSnapshot:
    """Return the snapshot as it is and will be until the transaction ends. Raises NotFound."""
    row = connection.execute(
        sa.select(volume_snapshots).where(volume_snapshots.c.id == snapshot_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise _not_found(snapshot_id)
    return _snapshot(row)


def _change(
    connection: Connection, snapshot: VolumeSnapshot, values: Mapping[str, Any]
) -> VolumeSnapshot:
    now = utcnow()
    connection.execute(
        volume_snapshots.update()
        .where(volume_snapshots.c.id == snapshot.id)
        .values(**values, updated_at=now)
    )
    return dataclasses.replace(snapshot, **values, updated_at=now)


def create_snapshot(
    db: Database, *, snapshot: VolumeSnapshot, is_forced: bool, quota: VolumeQuota
) -> VolumeSnapshot:
    """Record a snapshot of a volume that is available or, when forced, in use. One transaction.

    The same snapshot again (id and created_at are the same) is the one that is there. Raises
    NotFound for the volume, Invalid for its state, QuotaExceeded, Conflict when the id is
    another's.
    """
    now = snapshot.created_at or utcnow()
    try:
        with db.write() as connection:
            there = connection.execute(
                sa.select(volume_snapshots).where(volume_snapshots.c.id == snapshot.id)
            ).one_or_none()
            if there is not None:
                return _same(_snapshot(there), snapshot)
            volume = records.locked(connection, snapshot.volume_id)
            _check_state(volume, is_forced=is_forced)
            volume_quotas.check(
                connection, volume.project_id, quota, snapshots=1, gigabytes=volume.size_gb
            )
            made = dataclasses.replace(
                snapshot,
                status="available",
                project_id=volume.project_id,
                size_gb=volume.size_gb,
                bootable=volume.bootable,
                image_id=volume.image_id,
                image_metadata=volume.image_metadata,
                created_at=now,
                updated_at=now,
            )
            connection.execute(
                volume_snapshots.insert().values({name: getattr(made, name) for name in _FIELDS})
            )
            return made
    except IntegrityError:
        return _same(get_snapshot(db, snapshot.id), snapshot)


def _same(there: VolumeSnapshot, wanted: VolumeSnapshot) -> VolumeSnapshot:
    if (there.created_at, there.volume_id) != (wanted.created_at, wanted.volume_id):
        raise Conflict(f"Snapshot ID {wanted.id} already exists.", kind="snapshot")
    return there


def _check_state(volume: Volume, *, is_forced: bool) -> None:
    allowed = {"available", "in-use"} if is_forced else {"available"}
    if volume.status not in allowed:
        raise Invalid(
            f"Invalid volume: Volume {volume.id} status must be"
            f" {' or '.join(sorted(allowed))}, but current status is: {volume.status}.",
            kind="volume",
        )


def update_snapshot(db: Database, *, snapshot_id: str, values: Mapping[str, Any]) -> VolumeSnapshot:
    """Set name, description or status. One transaction. Raises NotFound, Invalid."""
    if not set(values) <= _CHANGEABLE:
        raise Invalid(f"{min(set(values) - _CHANGEABLE)} cannot be changed.", kind="snapshot")
    with db.write() as connection:
        return _change(connection, locked(connection, snapshot_id), values)


def update_metadata(
    db: Database,
    *,
    snapshot_id: str,
    items: Mapping[str, str],
    removed: Sequence[str] = (),
    is_replacing: bool = False,
) -> VolumeSnapshot:
    """Merge items into the metadata, or put them in its place. One transaction.

    Raises NotFound, also for a key of removed that is not there.
    """
    with db.write() as connection:
        snapshot = locked(connection, snapshot_id)
        merged = dict(items) if is_replacing else {**snapshot.metadata, **items}
        for key in removed:
            if key not in merged:
                raise NotFound(f"Snapshot {snapshot_id} has no metadata with key {key}.")
            del merged[key]
        return _change(connection, snapshot, {"metadata": merged})


def delete_snapshot(db: Database, *, snapshot_id: str, is_forced: bool = False) -> None:
    """Remove a snapshot; forced, whatever its state. One transaction. Raises NotFound, Invalid."""
    with db.write() as connection:
        snapshot = locked(connection, snapshot_id)
        if not is_forced and snapshot.status not in _DELETABLE:
            raise Invalid(
                "Invalid snapshot: Snapshot status must be available or error, but the status is"
                f" {snapshot.status}.",
                kind="snapshot",
            )
        connection.execute(volume_snapshots.delete().where(volume_snapshots.c.id == snapshot_id))


def revert_volume(db: Database, *, volume_id: str, snapshot_id: str) -> Volume:
    """Put a volume back to its latest snapshot. One transaction; there already is no error.

    Nothing is stored, so all that comes back is what the snapshot keeps. Raises NotFound, Invalid.
    """
    own = volume_snapshots.c
    with db.write() as connection:
        volume = records.locked(connection, volume_id)
        snapshot = locked(connection, snapshot_id)
        latest = connection.execute(
            sa.select(own.id).where(own.volume_id == volume_id)
            .order_by(own.created_at.desc(), own.id.desc()).limit(1)
        ).scalar()  # fmt: skip
        if latest != snapshot_id:
            raise Invalid(
                f"Invalid snapshot: Specified snapshot id {snapshot_id} isn't the latest one"
                f" ({latest}) of volume {volume_id}.",
                kind="snapshot",
            )
        for kind, status in (("volume", volume.status), ("snapshot", snapshot.status)):
            if status != "available":
                raise Invalid(
                    f"Invalid {kind}: {kind.capitalize()} status must be available to revert, but"
                    f" the status is {status}.",
                    kind=kind,
                )
        values = {"bootable": snapshot.bootable, "image_metadata": snapshot.image_metadata}
        return records.change(connection, volume, values)
