"""Tags of servers: short words by which a project finds them again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.rows import locked_instance
from devstack_lite.db.schema import instance_tags, instances
from devstack_lite.db.statements import UUIDS, one_of
from devstack_lite.exceptions import Invalid

_TAGS = (
    sa.select(instance_tags.c.instance_uuid, instance_tags.c.tag)
    .where(one_of(instance_tags.c.instance_uuid))
    .order_by(instance_tags.c.tag)
)

MOST = 50
"""Tags of one server; Nova's MAX_TAG_COUNT."""


def tags_of(db: Database, uuids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the tags of these instances, by name; those without any are left out."""
    if not uuids:
        return {}
    found: dict[str, list[str]] = defaultdict(list)
    with db.read() as connection:
        for uuid, tag in connection.execute(_TAGS, {UUIDS: uuids}):
            found[uuid].append(tag)
    return {uuid: tuple(tags) for uuid, tags in found.items()}


def set_tags(
    db: Database, uuid: str, *, add: Collection[str] = (), remove: Collection[str] | None = ()
) -> tuple[str, ...]:
    """Remove tags (None: all), then add some; return what there is. One transaction.

    Delivered twice: the same. Raises NotFound; Invalid when there would be more than MOST.
    """
    own = instance_tags.c
    with db.write() as connection:
        locked_instance(connection, uuid)
        there = set(_read(connection, uuid))
        left = set() if remove is None else there - set(remove)
        wanted = left | set(add)
        if len(wanted) > MOST:
            raise Invalid(f"The number of tags exceeded the per-server limit {MOST}")
        if gone := there - wanted:
            connection.execute(
                instance_tags.delete().where(own.instance_uuid == uuid, own.tag.in_(gone))
            )
        add_tags(connection, uuid, wanted - there)
        if wanted != there:
            connection.execute(
                instances.update().where(instances.c.uuid == uuid).values(updated_at=utcnow())
            )
    return tuple(sorted(wanted))


def add_tags(connection: Connection, uuid: str, tags: Collection[str]) -> None:
    """Add tags that are not there, in the caller's transaction."""
    if tags:
        connection.execute(
            instance_tags.insert(), [{"instance_uuid": uuid, "tag": tag} for tag in sorted(tags)]
        )


def _read(connection: Connection, uuid: str) -> list[str]:
    own = instance_tags.c
    return list(connection.scalars(sa.select(own.tag).where(own.instance_uuid == uuid)))
