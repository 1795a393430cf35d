"""The database is locked by somebody else: what was accepted comes true when it is free again."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import sqlalchemy as sa

from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Unavailable
from tests.chaos.conftest import all_active, boot
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud


@contextmanager
def locked(path: str, seconds: float) -> Iterator[None]:
    """Hold SQLite's write lock for some seconds, from the start of the block on."""
    is_held = threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            is_held.set()
            threading.Event().wait(seconds)
            connection.execute("ROLLBACK")

    holder = threading.Thread(target=hold)
    holder.start()
    is_held.wait(10)
    yield
    holder.join()


def test_boots_wait_for_a_locked_database(cloud: WholeCloud) -> None:
    """Four seconds without a write: twenty boots wait, and all of them are ACTIVE. Reads go on."""
    path = sa.make_url(cloud.record.database_url).database
    assert path is not None
    boot(cloud, "locked", 20)
    with locked(path, 4.0):
        assert cloud.compute("GET", "/servers/detail").status == 200
    all_active(cloud, "locked", 20)


def test_a_lock_that_lasts_is_an_answer(cloud: WholeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits longer than SQLite does is told so, and nothing was changed."""
    monkeypatch.setattr("devstack_lite.db.engine.BUSY_TIMEOUT_S", 0.2)
    path = sa.make_url(cloud.record.database_url).database
    assert path is not None
    db = Database(cloud.record.database_url)
    with (
        locked(path, 1.0),
        pytest.raises(Unavailable, match="database is locked"),
        db.write() as connection,
    ):
        connection.execute(sa.text("DELETE FROM leases"))
    db.engine.dispose()
