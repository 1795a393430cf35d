"""How a process reaches the database, to read or to write.

Read-only is enforced by the database: the readers' SQLite URL says mode=ro, on PostgreSQL and
MariaDB their role may only SELECT. Nothing here decides who may write.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from oslo_context.context import get_current
from sqlalchemy.engine import Connection, Engine

from devstack_lite import failpoints
from devstack_lite.exceptions import Deadlock, Unavailable

PATTERN_TIMEOUT_S = 0.1
FAILED_FUNCTION = "user-defined function"
"""What SQLite says of a pattern that took too long."""
SQLITE_AWAY = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
     sqlite3.SQLITE_CANTOPEN}
)  # fmt: skip
"""The primary result codes (sqlite.org/rescode.html) that another time may not give. The others,
a read-only database or a pattern that took too long, are the statement's own fault."""
BUSY_TIMEOUT_S = 15
"""How long SQLite waits for another writer's lock; a commit takes a tenth of a millisecond."""


class Database:
    """One engine, opened lazily in the process that uses it, and again after a fork."""

    def __init__(self, url: str, *, pool_size: int = 16) -> None:
        self._url = url
        self._pool_size = pool_size
        self._is_sqlite = sa.make_url(url).get_backend_name() == "sqlite"
        self._engine: Engine | None = None
        self._pid = 0
        self._writer = threading.Lock()
        self._reading = threading.local()
        """Of each thread the connection that it reads with at the moment."""

    @property
    def engine(self) -> Engine:
        """The engine of this process."""
        if self._engine is None or self._pid != os.getpid():
            self._engine = make_engine(self._url, pool_size=self._pool_size)
            self._pid = os.getpid()
            self._writer = threading.Lock()
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection to read with; each statement sees what was committed before it.

        A block within a block of the same thread has the same connection: whoever reads several
        things in a row takes one for all of them. Raises Unavailable when the database is away.
        """
        held: Connection | None = getattr(self._reading, "connection", None)
        if held is not None:
            with _answering():
                yield held
            return
        with _answering(), self.engine.connect() as connection:
            self._reading.connection = connection
            try:
                yield connection
            finally:
                self._reading.connection = None

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Give a connection to read with; all that the block reads is of one moment."""
        with self.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a transaction that commits at the end, or not at all.

        Not at all, too, when whoever asked for it has given up meanwhile: what was refused must
        not come true later. Raises Unavailable then, and when the database is away or locked;
        Deadlock when it may be done again at once.
        """
        engine = self.engine
        with self._turn(), _answering(), engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                # Take the write lock first: a lock upgraded half-way can only fail.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            if getattr(get_current(), "is_expired", False):
                raise Unavailable("it took too long: nobody waits for it, and nothing was changed")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Have one thread of this process write at a time, where the database has one lock.

        SQLite has who waits for its lock sleep, ever longer, and look again: among many threads
        the lock is free for most of the time, and who came first is not who gets it.
        """
        if not self._is_sqlite:
            yield
            return
        writer = self._writer
        if not writer.acquire(timeout=BUSY_TIMEOUT_S):
            raise Unavailable("the database does not answer: another thread writes to it")
        try:
            yield
        finally:
            writer.release()


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what says that the database is away, locked or restarted into Unavailable."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        code = getattr(error.orig, "sqlite_errorcode", None)
        if code is not None and code & 0xFF not in SQLITE_AWAY:
            raise
        if _is_deadlock(error.orig):
            raise Deadlock(f"the database let others go first: {error.orig}") from error
        raise Unavailable(f"the database does not answer: {error.orig}") from error


def _is_deadlock(error: BaseException | None) -> bool:
    """Say whether PostgreSQL or MariaDB rolled a transaction back for the sake of another."""
    code = getattr(error, "pgcode", None) or (error.args[:1] if error else ())
    return code in {"40P01", "40001", (1213,)}


def make_engine(url: str, *, pool_size: int = 16) -> Engine:
    """Return an engine for url with what each backend needs set on its connections."""
    engine = _make_engine(url, pool_size)
    sa.event.listen(engine, "before_cursor_execute", _pass_failpoint)
    return engine


def _make_engine(url: str, pool_size: int) -> Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(url, pool_size, is_read_only="mode=ro" in url)
    more: dict[str, Any] = {}
    if parsed.get_backend_name() in {"mysql", "mariadb"}:
        # As PostgreSQL: a statement sees what is committed, and no gap between rows is locked.
        more["isolation_level"] = "READ COMMITTED"
    return sa.create_engine(
        url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True, **more
    )


def _matches(pattern: str, text: str | None) -> bool:
    """Do SQLite's REGEXP: a pattern of a client's may not take for ever, nor hold up others."""
    import regex

    return text is not None and bool(
        regex.search(pattern, text, timeout=PATTERN_TIMEOUT_S, concurrent=True)
    )


def _pass_failpoint(_connection: Connection, _cursor: Any, statement: str, *_rest: object) -> None:
    """Pass `db.<verb>`, a point at each statement: `db.select`."""
    if failpoints.is_any_armed():
        failpoints.hit(f"db.{statement.split(maxsplit=1)[0].lower()}")


def _sqlite_engine(url: str, pool_size: int, *, is_read_only: bool) -> Engine:
    engine = sa.create_engine(
        url,
        poolclass=sa.pool.QueuePool,
        pool_size=pool_size,
        max_overflow=pool_size,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.create_function("regexp", 2, _matches)
        # pysqlite's own BEGIN comes too late and never IMMEDIATE; Database.write says it instead.
        connection.isolation_level = None
        cursor = connection.cursor()
        if not is_read_only:
            cursor.execute("PRAGMA journal_mode = WAL")
            # NORMAL loses nothing when a process dies, only when the machine does.
            cursor.execute("PRAGMA synchronous = NORMAL")
            cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    return engine
