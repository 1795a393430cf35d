"""Which volumes instances have, read for the compute API's views."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from devstack_lite.db.engine import Database
from devstack_lite.db.schema import volume_attachments


class AttachedVolume(NamedTuple):
    """A volume that an instance has, and whether it goes with it."""

    volume_id: str
    delete_on_termination: bool


def attached_volumes(db: Database, uuids: Sequence[str]) -> dict[str, tuple[AttachedVolume, ...]]:
    """Return the volumes of each instance that has any, what it boots from first. One read."""
    if not uuids:
        return {}
    own = volume_attachments.c
    query = (
        sa.select(own.instance_uuid, own.volume_id, own.delete_on_termination)
        .where(own.instance_uuid.in_(uuids))
        .order_by(own.boot_index.is_(None), own.boot_index, own.id)
    )
    found: dict[str, list[AttachedVolume]] = defaultdict(list)
    with db.read() as connection:
        for row in connection.execute(query):
            found[row.instance_uuid].append(
                AttachedVolume(row.volume_id, row.delete_on_termination)
            )
    return {uuid: tuple(volumes) for uuid, volumes in found.items()}
