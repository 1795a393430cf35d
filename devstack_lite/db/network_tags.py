"""Tags of the network service's resources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from devstack_lite.db.collisions import retried
from devstack_lite.db.engine import Database
from devstack_lite.db.schema_network import network_tags

PART = 500
"""Resources whose tags one statement reads."""


def tags_of(db: Database, resource_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the tags of resources, in order, by resource; none for those without."""
    own = network_tags.c
    found: dict[str, list[str]] = defaultdict(list)
    with db.read() as connection:
        for start in range(0, len(resource_ids), PART):
            some = resource_ids[start : start + PART]
            query = sa.select(network_tags).where(own.resource_id.in_(some)).order_by(own.tag)
            for row in connection.execute(query):
                found[row.resource_id].append(row.tag)
    return dict(found)


def set_tags(db: Database, resource_id: str, tags: Sequence[str]) -> None:
    """Have a resource have these tags alone. One transaction. May be repeated."""

    def work(connection: sa.Connection) -> None:
        connection.execute(network_tags.delete().where(network_tags.c.resource_id == resource_id))
        rows = [{"resource_id": resource_id, "tag": tag} for tag in dict.fromkeys(tags)]
        if rows:
            connection.execute(network_tags.insert(), rows)

    retried(db, work)


def add_tag(db: Database, resource_id: str, tag: str) -> None:
    """Give a resource a tag, unless it has it. One transaction. May be repeated."""

    def work(connection: sa.Connection) -> None:
        own = network_tags.c
        there = sa.select(own.tag).where(own.resource_id == resource_id, own.tag == tag)
        if connection.execute(there).first() is None:
            connection.execute(network_tags.insert().values(resource_id=resource_id, tag=tag))

    retried(db, work)


def remove_tag(db: Database, resource_id: str, tag: str) -> bool:
    """Take a tag from a resource; False when it did not have it. One transaction."""
    own = network_tags.c
    with db.write() as connection:
        gone = network_tags.delete().where(own.resource_id == resource_id, own.tag == tag)
        return bool(connection.execute(gone).rowcount)
