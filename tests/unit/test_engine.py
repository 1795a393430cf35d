"""What is not committed: whatever its caller gave up, and whatever the database cannot take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import leases
from devstack_lite.exceptions import Deadlock, Unavailable


@pytest.fixture(autouse=True)
def fresh_context() -> Iterator[None]:
    yield
    RequestContext().make_current()


def insert(db: Database) -> None:
    with db.write() as connection:
        connection.execute(leases.insert().values(name="one", holder="me", expires_at=utcnow()))


def count(db: Database) -> int:
    with db.read() as connection:
        return int(connection.execute(sa.select(sa.func.count(leases.c.name))).scalar_one())


def test_what_its_caller_gave_up_is_not_committed(db: Database) -> None:
    """The transaction is rolled back, and whoever still listens is told so."""
    RequestContext(expires_at=time.time() - 1).make_current()
    with pytest.raises(Unavailable, match="nothing was changed"):
        insert(db)
    assert count(db) == 0


@pytest.mark.parametrize("left_s", [60.0, None])
def test_what_somebody_waits_for_is_committed(db: Database, left_s: float | None) -> None:
    """A call in its time, and a cast, which never expires."""
    RequestContext(expires_at=0.0 if left_s is None else time.time() + left_s).make_current()
    insert(db)
    assert count(db) == 1


def test_a_snapshot_is_of_one_moment(db: Database) -> None:
    """What is committed while it is open is not in it."""
    with db.snapshot() as connection:
        query = sa.select(sa.func.count(leases.c.name))
        before = connection.execute(query).scalar_one()
        insert(db)
        assert connection.execute(query).scalar_one() == before == 0
    assert count(db) == 1


def test_a_read_only_database_is_well(db: Database) -> None:
    """Only what another time may not give is Unavailable: nobody should try this again."""
    insert(db)
    reader = Database(f"sqlite:///file:{db.engine.url.database}?mode=ro&uri=true")
    with pytest.raises(sa.exc.OperationalError, match="readonly"):
        insert(reader)
    reader.engine.dispose()


def test_a_database_that_cannot_be_opened_is_away(tmp_path: Path) -> None:
    """A folder that is not there, or a lock that is not given: the caller may try again."""
    with pytest.raises(Unavailable, match="unable to open"):
        count(Database(f"sqlite:///{tmp_path}/none/db.sqlite3"))


class _Refusal(Exception):
    """What a driver raises."""

    def __init__(self, *arguments: object, pgcode: str | None = None) -> None:
        super().__init__(*arguments)
        self.pgcode = pgcode


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (_Refusal("deadlock detected", pgcode="40P01"), Deadlock),
        (_Refusal(1213, "Deadlock found when trying to get lock"), Deadlock),
        (_Refusal(1205, "Lock wait timeout exceeded"), Unavailable),
        (_Refusal("server closed the connection"), Unavailable),
    ],
)
def test_who_gave_way_may_begin_anew(
    db: Database, refusal: Exception, kind: type[Unavailable]
) -> None:
    """A deadlock's victim has done nothing; of any other failure that is not known."""
    with pytest.raises(Unavailable) as raised, db.write():
        raise sa.exc.OperationalError("UPDATE", {}, refusal)
    assert type(raised.value) is kind


def test_who_reads_within_a_read_has_the_same_connection(db: Database) -> None:
    """Each statement sees what was committed before it; afterwards it is anybody's again."""
    with db.read() as outer:
        with db.read() as inner:
            assert inner is outer
        assert count(db) == 0
        insert(db)
        assert count(db) == 1
    with db.read() as later:
        assert later is not outer


def test_an_error_within_leaves_no_connection_behind(db: Database) -> None:
    with pytest.raises(sa.exc.OperationalError), db.read(), db.read() as connection:
        connection.exec_driver_sql("SELECT nothing FROM nowhere")
    assert count(db) == 0
