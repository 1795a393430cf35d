"""Transfers: a volume that one project offers, and another accepts with the offer's key."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from devstack_lite.clock import utcnow
from devstack_lite.db import volume_quotas
from devstack_lite.db import volumes as records
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import volumes
from devstack_lite.db.schema_volumes import volume_snapshots, volume_transfers
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.volume import Volume, VolumeQuota, VolumeTransfer

OFFERED = "awaiting-transfer"
_FIELDS = tuple(field.name for field in dataclasses.fields(VolumeTransfer))


def hash_of(key: str, salt: str) -> str:
    """Return what is kept of a key."""
    return hmac.new(salt.encode(), key.encode(), hashlib.sha256).hexdigest()


def _transfer(row: Any) -> VolumeTransfer:
    return VolumeTransfer(**row._mapping)


def _not_found(transfer_id: str) -> NotFound:
    return NotFound(f"Transfer {transfer_id} could not be found.", kind="transfer")


def list_transfers(db: Database, *, project_id: str | None = None) -> list[VolumeTransfer]:
    """Return the transfers that a project offers, all without one, the oldest first. One read."""
    own = volume_transfers.c
    query = sa.select(volume_transfers).order_by(own.created_at, own.id)
    if project_id is not None:
        query = query.where(own.project_id == project_id)
    with db.read() as connection:
        return [_transfer(row) for row in connection.execute(query)]


def get_transfer(
    db: Database, transfer_id: str, *, project_id: str | None = None
) -> VolumeTransfer:
    """Return a transfer, one that project_id offers when given. Raises NotFound."""
    for one in list_transfers(db, project_id=project_id):
        if one.id == transfer_id:
            return one
    raise _not_found(transfer_id)


def create_transfer(db: Database, *, transfer: VolumeTransfer) -> VolumeTransfer:
    """Offer a volume that is available. One transaction; the same offer again is no error.

    Raises NotFound, Invalid for the volume; Conflict when the id is another's.
    """
    try:
        with db.write() as connection:
            there = _find(connection, transfer.id)
            if there is not None:
                return there
            volume = records.locked(connection, transfer.volume_id)
            if volume.status != "available":
                raise Invalid("Invalid volume: status must be available", kind="volume")
            made = dataclasses.replace(
                transfer,
                project_id=volume.project_id,
                created_at=transfer.created_at or utcnow(),
            )
            connection.execute(
                volume_transfers.insert().values({name: getattr(made, name) for name in _FIELDS})
            )
            records.change(connection, volume, {"status": OFFERED})
            return made
    except IntegrityError as error:
        raise Conflict(f"Transfer ID {transfer.id} already exists.", kind="transfer") from error


def _find(connection: Connection, transfer_id: str) -> VolumeTransfer | None:
    query = sa.select(volume_transfers).where(volume_transfers.c.id == transfer_id)
    row = connection.execute(query.with_for_update()).one_or_none()
    return None if row is None else _transfer(row)


def _end(connection: Connection, transfer_id: str) -> None:
    connection.execute(volume_transfers.delete().where(volume_transfers.c.id == transfer_id))


def delete_transfer(db: Database, *, transfer_id: str) -> None:
    """Take an offer back; its volume is available again. One transaction. Raises NotFound."""
    with db.write() as connection:
        there = _find(connection, transfer_id)
        if there is None:
            raise _not_found(transfer_id)
        volume = records.locked(connection, there.volume_id)
        _end(connection, transfer_id)
        if volume.status == OFFERED:
            records.change(connection, volume, {"status": "available"})


def accept_transfer(
    db: Database,
    *,
    transfer_id: str,
    key: str,
    project_id: str,
    user_id: str,
    quota: VolumeQuota,
) -> VolumeTransfer:
    """Give an offered volume to who knows the key, with its snapshots. One transaction.

    The snapshots stay where the offer said so. Raises NotFound; Invalid for another key or a
    volume that is not on offer; QuotaExceeded.
    """
    with db.write() as connection:
        there = _find(connection, transfer_id)
        if there is None:
            raise _not_found(transfer_id)
        volume = records.locked(connection, there.volume_id)
        if not hmac.compare_digest(hash_of(key, there.salt), there.key_hash):
            raise Invalid(
                f"Invalid auth key: Attempt to transfer {volume.id} with invalid auth key.",
                kind="transfer",
            )
        if volume.status != OFFERED:
            raise Invalid(
                f"Invalid volume: Volume {volume.id} status must be {OFFERED} to accept, but it is"
                f" {volume.status}.",
                kind="volume",
            )
        _hand_over(connection, volume, there, project_id, user_id, quota)
        _end(connection, transfer_id)
        return there


def _hand_over(
    connection: Connection,
    volume: Volume,
    transfer: VolumeTransfer,
    project_id: str,
    user_id: str,
    quota: VolumeQuota,
) -> None:
    own = volume_snapshots.c
    mine = own.volume_id == volume.id
    moved = 0
    if not transfer.no_snapshots:
        count = sa.select(sa.func.count()).select_from(volume_snapshots).where(mine)
        moved = int(connection.execute(count).scalar_one())
    if project_id != volume.project_id:
        volume_quotas.check(
            connection, project_id, quota, volumes=1, snapshots=moved,
            gigabytes=volume.size_gb * (1 + moved), volume_gb=volume.size_gb,
        )  # fmt: skip
    owner = {"project_id": project_id, "user_id": user_id}
    if moved:
        connection.execute(volume_snapshots.update().where(mine).values(**owner))
    connection.execute(
        volumes.update()
        .where(volumes.c.id == volume.id)
        .values(**owner, status="available", updated_at=utcnow())
    )
