"""Which volumes instances have, read for the compute API's views."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from devstack_lite.db.engine import Database
from devstack_lite.db.schema import volume_attachments
from devstack_lite.db.statements import UUIDS, one_of

_ATTACHED = (
    sa.select(
        volume_attachments.c.instance_uuid,
        volume_attachments.c.volume_id,
        volume_attachments.c.delete_on_termination,
    )
    .where(one_of(volume_attachments.c.instance_uuid))
    .order_by(
        volume_attachments.c.boot_index.is_(None),
        volume_attachments.c.boot_index,
        volume_attachments.c.id,
    )
)


class AttachedVolume(NamedTuple):
    """A volume that an instance has, and whether it goes with it."""

    volume_id: str
    delete_on_termination: bool


def attached_volumes(db: Database, uuids: Sequence[str]) -> dict[str, tuple[AttachedVolume, ...]]:
    """Return the volumes of each instance that has any, what it boots from first. One read."""
    if not uuids:
        return {}
    found: dict[str, list[AttachedVolume]] = defaultdict(list)
    with db.read() as connection:
        for row in connection.execute(_ATTACHED, {UUIDS: uuids}):
            found[row.instance_uuid].append(
                AttachedVolume(row.volume_id, row.delete_on_termination)
            )
    return {uuid: tuple(volumes) for uuid, volumes in found.items()}
