"""Which volumes instances have, read for the compute API's views."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from devstack_lite.db.engine import Database
from devstack_lite.db.schema import volume_attachments


def attached_volumes(db: Database, uuids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the ids of the volumes of each instance that has any. One read."""
    if not uuids:
        return {}
    own = volume_attachments.c
    query = sa.select(own.instance_uuid, own.volume_id).where(own.instance_uuid.in_(uuids))
    found: dict[str, list[str]] = defaultdict(list)
    with db.read() as connection:
        for row in connection.execute(query):
            found[row.instance_uuid].append(row.volume_id)
    return {uuid: tuple(ids) for uuid, ids in found.items()}
