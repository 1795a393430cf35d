"""Images that were begun for an instance and that nobody brings data to any more.

What ends an operation without data takes its image away in the same transaction; the sweep finds
what was recorded after that, or by a worker that died.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import image_members, images, instance_actions, instances
from devstack_lite.names import snapshot_id_of

SNAPSHOTS = frozenset({"createImage", "createBackup"})
"""Operations that make an image of an instance; a lock does not keep them away, as in Nova."""
IMAGE_MAKERS = SNAPSHOTS | {"shelve"}
"""With the one that does more than that."""
UNFILLED = ("queued", "saving")
"""Statuses of an image without data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfilledSnapshot:
    """An image without data that a request for a snapshot has recorded."""

    image_id: str
    instance_uuid: str
    updated_at: datetime.datetime
    is_awaited: bool
    """An operation under way brings its data."""


def find_unfilled(connection: Connection) -> Iterator[UnfilledSnapshot]:
    """Yield the images without data that snapshots have recorded; a user's own are none of them.

    They are known by their ids, which follow from the instance and the request.
    """
    for image in connection.execute(sa.select(images).where(images.c.status.in_(UNFILLED))).all():
        uuid = str(image.properties.get("instance_uuid", ""))
        own = instance_actions.c
        asked = sa.select(own.request_id).where(
            own.instance_uuid == uuid, own.action.in_(IMAGE_MAKERS)
        )
        made = {snapshot_id_of(uuid, one) for one in connection.execute(asked).scalars()}
        if image.id in made:
            yield UnfilledSnapshot(
                image_id=image.id,
                instance_uuid=uuid,
                updated_at=image.updated_at,
                is_awaited=_is_awaited(connection, uuid, image.id),
            )


def _is_awaited(connection: Connection, uuid: str, image_id: str) -> bool:
    operation = connection.execute(
        sa.select(instances.c.operation).where(
            instances.c.uuid == uuid,
            instances.c.task_state.is_not(None),
            instances.c.deleted_at.is_(None),
        )
    ).scalar_one_or_none()
    return bool((operation or {}).get("arguments", {}).get("image_id") == image_id)


def drop_unfilled(connection: Connection, row: Any) -> None:
    """Remove the image of an instance's operation that ends without having brought it data.

    row: the instance's; another operation has none. In the caller's transaction. A worker that
    still uploads is told that the image is gone.
    """
    operation = row.operation or {}
    if operation.get("name") in IMAGE_MAKERS and "image_id" in operation["arguments"]:
        _remove(connection, [operation["arguments"]["image_id"]])


def _remove(connection: Connection, ids: Sequence[str]) -> None:
    unfilled = sa.select(images.c.id).where(images.c.id.in_(ids), images.c.status.in_(UNFILLED))
    found = connection.execute(unfilled.with_for_update()).scalars().all()
    connection.execute(image_members.delete().where(image_members.c.image_id.in_(found)))
    connection.execute(images.delete().where(images.c.id.in_(found)))


def sweep_snapshots(db: Database, *, older_than_s: float) -> int:
    """Remove the images without data that no operation brings any to; return how many.

    The files go when the image service next compares its folder with its rows. One transaction.
    """
    before = utcnow() - datetime.timedelta(seconds=older_than_s)

    def left(connection: Connection) -> list[str]:
        return [
            one.image_id
            for one in find_unfilled(connection)
            if not one.is_awaited and one.updated_at < before
        ]

    with db.read() as connection:
        if not left(connection):
            return 0
    with db.write() as connection:
        ids = left(connection)
        _remove(connection, ids)
        return len(ids)
