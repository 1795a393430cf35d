"""The domains of one compute host, on disk: one SQLite file in the store directory.

Owns the schema, the handle and the transaction. Every change of a domain and the event that tells
of it are one commit, so a process killed at any instant leaves the state before or after it; the
locks are the kernel's and go with the process that held them. `hypervisor` is its only caller and
decides what a change may be; this module knows no rules.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fake_hypervisor import constants as c
from fake_hypervisor.errors import error

FILE_NAME = "domains.sqlite3"
SCHEMA_VERSION = 1

# Longer than any queue of writers that was seen: a writer holds the lock for 0.1 ms.
BUSY_TIMEOUT_S = 30.0

# How many events stay readable: the reader polls every 50 ms, so this is minutes at full speed.
EVENTS_KEPT = 20_000
_PRUNE_EVERY = 1_000

_SCHEMA = """
CREATE TABLE domains (
    node TEXT NOT NULL, uuid TEXT NOT NULL, name TEXT NOT NULL,
    state INTEGER NOT NULL, reason INTEGER NOT NULL, domain_id INTEGER NOT NULL,
    definition TEXT, live TEXT, vcpus INTEGER NOT NULL, memory_kib INTEGER NOT NULL,
    labels TEXT NOT NULL, has_saved_image INTEGER NOT NULL, autostart INTEGER NOT NULL,
    started_at REAL NOT NULL, due_at REAL, due_operation TEXT,
    PRIMARY KEY (node, uuid), UNIQUE (node, name)
);
CREATE INDEX domains_due ON domains (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE events (
    id INTEGER PRIMARY KEY, node TEXT NOT NULL, uuid TEXT NOT NULL, name TEXT NOT NULL,
    event INTEGER NOT NULL, detail INTEGER NOT NULL
);
"""

_JOBS = """
CREATE TABLE IF NOT EXISTS jobs (
    node TEXT NOT NULL, uuid TEXT NOT NULL, total_kib INTEGER NOT NULL, done_kib INTEGER NOT NULL,
    wish TEXT, PRIMARY KEY (node, uuid)
)
"""
# Beside the schema, not in it: a store of an older program gets it when it is opened.

_COLUMNS = (
    "node", "uuid", "name", "state", "reason", "domain_id", "definition", "live", "vcpus",
    "memory_kib", "labels", "has_saved_image", "autostart", "started_at", "due_at",
    "due_operation",
)  # fmt: skip
# The names come from the tuple above, never from a caller.
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM domains WHERE node = ?"  # noqa: S608
_UPSERT = (
    f"INSERT INTO domains ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
    " ON CONFLICT (node, uuid) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[2:])
)


@dataclass(frozen=True, slots=True)
class DomainRow:
    """One domain. definition is its persistent XML, None for a transient one.

    live is the XML of the running guest where it differs from definition; domain_id is -1 while
    nothing runs; labels is the JSON that stage selectors match; started_at and due_at are seconds
    since the epoch (they must mean the same to every process and after a restart of the host).
    """

    node: str
    uuid: str
    name: str
    state: int
    reason: int
    domain_id: int
    definition: str | None
    live: str | None
    vcpus: int
    memory_kib: int
    labels: str
    has_saved_image: int
    autostart: int
    started_at: float
    due_at: float | None
    due_operation: str | None

    @property
    def is_active(self) -> bool:
        """Whether a guest runs, paused or not."""
        return self.state != c.VIR_DOMAIN_SHUTOFF

    @property
    def is_persistent(self) -> bool:
        """Whether the domain outlives its guest."""
        return self.definition is not None

    @property
    def current_xml(self) -> str:
        """The XML of the guest that runs, or would."""
        return self.live or self.definition or ""

    def values(self) -> tuple[object, ...]:
        """Return the columns in the table's order."""
        return tuple(getattr(self, name) for name in _COLUMNS)


@dataclass(frozen=True, slots=True)
class EventRow:
    """A lifecycle event; ids grow with the order of the commits."""

    id: int
    node: str
    uuid: str
    name: str
    event: int
    detail: int


class Transaction:
    """One write transaction: read, decide, write; nobody else writes in between."""

    __slots__ = ("_db",)

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def find(self, node: str, uuid: str) -> DomainRow | None:
        """Return the domain, or None."""
        return _one(self._db.execute(_SELECT + " AND uuid = ?", (node, uuid)))

    def find_by_name(self, node: str, name: str) -> DomainRow | None:
        """Return the domain of this name, or None."""
        return _one(self._db.execute(_SELECT + " AND name = ?", (node, name)))

    def put(self, row: DomainRow) -> None:
        """Insert the domain or overwrite the one with its node and uuid."""
        self._db.execute(_UPSERT, row.values())

    def execute(self, statement: str, values: tuple[object, ...]) -> bool:
        """Carry out a statement about jobs; return whether it found any."""
        return self._db.execute(statement, values).rowcount > 0

    def remove(self, row: DomainRow) -> None:
        """Delete the domain; one that is gone is fine."""
        self._db.execute("DELETE FROM domains WHERE node = ? AND uuid = ?", (row.node, row.uuid))

    def add_event(self, row: DomainRow, event: int, detail: int) -> int:
        """Record a lifecycle event and return its id, unique in the store and growing."""
        cursor = self._db.execute(
            "INSERT INTO events (node, uuid, name, event, detail) VALUES (?, ?, ?, ?, ?)",
            (row.node, row.uuid, row.name, event, detail),
        )
        event_id = int(cursor.lastrowid or 0)
        if event_id % _PRUNE_EVERY == 0:
            # The newest row always stays, so SQLite never gives an id twice.
            self._db.execute("DELETE FROM events WHERE id <= ?", (event_id - EVENTS_KEPT,))
        return event_id


class Store:
    """The handle on a store directory: one per process, shared by its threads and all nodes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        _STORES.add(self)

    def find(self, node: str, uuid: str) -> DomainRow | None:
        """Return the domain, or None."""
        with self._reading() as db:
            return _one(db.execute(_SELECT + " AND uuid = ?", (node, uuid)))

    def find_by_name(self, node: str, name: str) -> DomainRow | None:
        """Return the domain of this name, or None."""
        with self._reading() as db:
            return _one(db.execute(_SELECT + " AND name = ?", (node, name)))

    def list_domains(self, node: str) -> list[DomainRow]:
        """Return the node's domains in the order of their names."""
        with self._reading() as db:
            return [DomainRow(*row) for row in db.execute(_SELECT + " ORDER BY name", (node,))]

    def count_domains(self, node: str) -> tuple[int, int]:
        """Return how many of the node's domains are active, and how many are not."""
        with self._reading() as db:
            active, total = db.execute(
                "SELECT coalesce(sum(state != ?), 0), count(*) FROM domains WHERE node = ?",
                (c.VIR_DOMAIN_SHUTOFF, node),
            ).fetchone()
        return active, total - active

    def list_due(self, now: float, node: str | None = None) -> list[tuple[str, str]]:
        """Return (node, uuid) of the domains whose guest has something to do by now."""
        query = "SELECT node, uuid FROM domains WHERE due_at <= ?"
        with self._reading() as db:
            if node is None:
                return db.execute(query, (now,)).fetchall()
            return db.execute(query + " AND node = ?", (now, node)).fetchall()

    def begin_job(self, node: str, uuid: str, total_kib: int) -> None:
        """Note that a guest's memory is on its way; what a killed process left is forgotten."""
        with self.transaction() as tx:
            tx.execute("REPLACE INTO jobs VALUES (?, ?, ?, 0, NULL)", (node, uuid, total_kib))

    def note_job(self, node: str, uuid: str, done_kib: int) -> str | None:
        """Note how much of it is over; return what somebody wishes of the job."""
        with self.transaction() as tx:
            tx.execute(
                "UPDATE jobs SET done_kib = ? WHERE node = ? AND uuid = ?", (done_kib, node, uuid)
            )
        job = self.find_job(node, uuid)
        return job[2] if job else None

    def wish_of_job(self, node: str, uuid: str, wish: str) -> bool:
        """Wish something of a job; False when there is none."""
        with self.transaction() as tx:
            return tx.execute(
                "UPDATE jobs SET wish = ? WHERE node = ? AND uuid = ?", (wish, node, uuid)
            )

    def end_job(self, node: str, uuid: str) -> None:
        """Forget a job."""
        with self.transaction() as tx:
            tx.execute("DELETE FROM jobs WHERE node = ? AND uuid = ?", (node, uuid))

    def find_job(self, node: str, uuid: str) -> tuple[int, int, str | None] | None:
        """Return total and done KiB of a job and what is wished of it, or None."""
        query = "SELECT total_kib, done_kib, wish FROM jobs WHERE node = ? AND uuid = ?"
        with self._reading() as db:
            found = db.execute(query, (node, uuid)).fetchone()
        return None if found is None else (int(found[0]), int(found[1]), found[2])

    def events_after(self, event_id: int, limit: int = 1_000) -> list[EventRow]:
        """Return the oldest events after event_id."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT id, node, uuid, name, event, detail FROM events WHERE id > ?"
                " ORDER BY id LIMIT ?",
                (event_id, limit),
            )
            return [EventRow(*row) for row in rows]

    def last_event_id(self) -> int:
        """Return the id of the newest event, 0 before the first."""
        with self._reading() as db:
            return int(db.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0])

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Run the block as one write transaction; an exception takes all of it back.

        Raises libvirtError VIR_ERR_SYSTEM_ERROR when the file cannot be written. Do not wait in
        the block: it holds the lock of all processes on this store.
        """
        with self._reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._db is None:
                    self._db = _open(self.directory)
                yield self._db
            except (sqlite3.Error, OSError) as exc:
                raise error(
                    c.VIR_ERR_SYSTEM_ERROR, f"domain store {self.directory}: {exc}"
                ) from exc

    def prepare_fork(self) -> None:
        """Wait for the other threads' transactions and close the file, so that no child has it.

        SQLite's locks do not pass a fork: a child that inherits an open handle believes in locks
        that it does not hold, and the parent's close then deletes the log that it writes to.
        """
        self._lock.acquire()
        self.close()

    def resume_after_fork(self, *, is_child: bool) -> None:
        """Let the threads go on; each process opens the file again when it needs it."""
        if is_child:
            self._lock = threading.RLock()
        else:
            self._lock.release()


_STORES: weakref.WeakSet[Store] = weakref.WeakSet()
_PREPARED: list[Store] = []


def _before_fork() -> None:
    for store in tuple(_STORES):
        store.prepare_fork()
        _PREPARED.append(store)


def _after_fork(*, is_child: bool) -> None:
    while _PREPARED:
        _PREPARED.pop().resume_after_fork(is_child=is_child)


os.register_at_fork(
    before=_before_fork,
    after_in_parent=functools.partial(_after_fork, is_child=False),
    after_in_child=functools.partial(_after_fork, is_child=True),
)


def _open(directory: Path) -> sqlite3.Connection:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / FILE_NAME
    # Only a new file is opened and closed here: closing any descriptor of a file drops all locks
    # that the process has on it (fcntl(2)), SQLite's too.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    # SQLite's switch to WAL does not wait for a competitor, so the first openers queue here.
    guard = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)
        # A kill -9 loses nothing with NORMAL; a power failure may take the last commits back, but
        # leaves the file consistent (sqlite.org/pragma.html#pragma_synchronous).
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        _ensure_schema(db)
        db.execute(_JOBS)
    except BaseException:
        db.close()
        raise
    finally:
        os.close(guard)
    return db


def _ensure_schema(db: sqlite3.Connection) -> None:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version == 0:
        db.executescript(
            f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT"
        )
    elif version != SCHEMA_VERSION:
        raise sqlite3.DatabaseError(
            f"schema version {version}, this program knows {SCHEMA_VERSION}: remove the store"
        )


def read_domains(directory: Path) -> list[DomainRow]:
    """Return the domains of all nodes of a store, which is only read: for those who look on.

    Empty when no host has opened the store yet. Raises libvirtError VIR_ERR_SYSTEM_ERROR when there
    is something that cannot be read.
    """
    path = directory / FILE_NAME
    try:
        path.stat()
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)
        ) as db:
            # As above: the names are the columns', never a caller's.
            query = f"SELECT {', '.join(_COLUMNS)} FROM domains ORDER BY node, uuid"  # noqa: S608
            return [DomainRow(*row) for row in db.execute(query)]
    except FileNotFoundError:
        return []
    except (sqlite3.Error, OSError) as exc:
        raise error(c.VIR_ERR_SYSTEM_ERROR, f"domain store {directory}: {exc}") from exc


def _one(cursor: sqlite3.Cursor) -> DomainRow | None:
    row = cursor.fetchone()
    return None if row is None else DomainRow(*row)
