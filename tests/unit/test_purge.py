"""Of deleted instances the last ones are kept, whole, and of the others nothing."""

from __future__ import annotations

import datetime

import sqlalchemy as sa

from devstack_lite.context import RequestContext
from devstack_lite.db import deletes, instances, purge, schema
from devstack_lite.db.engine import Database
from tests.unit.test_builds import build_to_active

OF_AN_INSTANCE = ("instance_actions", "boot_steps", "instance_faults", "migrations")


def delete(db: Database, context: RequestContext, *, minutes_ago: int) -> str:
    """Boot one and delete it; return its uuid."""
    uuid = build_to_active(db, context)
    deletes.begin_delete(db, context, uuid)
    assert deletes.finish_delete(db, uuid)
    own = schema.instances
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=minutes_ago)
    with db.write() as connection:
        connection.execute(own.update().where(own.c.uuid == uuid).values(deleted_at=then))
    return uuid


def left(db: Database) -> set[str]:
    with db.read() as connection:
        return set(connection.scalars(sa.select(schema.instances.c.uuid)))


def rows_of(db: Database, uuid: str) -> int:
    with db.read() as connection:
        return sum(
            connection.execute(
                sa.select(sa.func.count())
                .select_from(schema.metadata.tables[name])
                .where(schema.metadata.tables[name].c.instance_uuid == uuid)
            ).scalar_one()
            for name in OF_AN_INSTANCE
        )


def test_the_last_ones_stay(db: Database, context: RequestContext) -> None:
    there = build_to_active(db, context)
    old, older, new = (delete(db, context, minutes_ago=ago) for ago in (60, 70, 50))
    assert rows_of(db, older) > 0
    assert purge.purge_deleted(db, kept=2) == 1
    assert left(db) == {there, old, new}
    assert rows_of(db, older) == 0
    assert rows_of(db, old) > 0
    assert purge.purge_deleted(db, kept=2) == 0
    assert instances.get_instance(db, there).uuid == there


def test_a_rush_is_purged_once_it_is_over(db: Database, context: RequestContext) -> None:
    """As many as are kept were deleted just now: what is older goes, all the same."""
    new = delete(db, context, minutes_ago=1)
    delete(db, context, minutes_ago=60)
    assert purge.purge_deleted(db, kept=1) == 1
    assert left(db) == {new}


def test_events_go_with_their_actions(db: Database, context: RequestContext) -> None:
    delete(db, context, minutes_ago=60)
    purge.purge_deleted(db, kept=0)
    with db.read() as connection:
        events = connection.execute(sa.select(schema.action_events)).all()
    assert events == []


def test_who_was_deleted_just_now_stays(db: Database, context: RequestContext) -> None:
    """Whoever asks twice, or finds what it left behind, finds its row."""
    uuid = delete(db, context, minutes_ago=1)
    assert purge.purge_deleted(db, kept=0) == 0
    assert left(db) == {uuid}
