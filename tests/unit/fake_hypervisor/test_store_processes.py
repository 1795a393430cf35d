"""One store under several processes and threads, some of them killed at any instant."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fake_hypervisor import constants as c
from fake_hypervisor import libvirt
from fake_hypervisor.store import FILE_NAME, DomainRow, EventRow, Store
from fake_hypervisor.uri import make_uri

Connect = Callable[..., libvirt.virConnect]
MakeXml = Callable[..., str]

ROOT = Path(__file__).parents[3]
FORK = multiprocessing.get_context("fork")
U1 = str(uuid.UUID(int=1))


def start_worker(store_dir: Path, seed: str) -> subprocess.Popen[str]:
    """Start a process that changes the store without end."""
    script = str(Path(__file__).with_name("store_worker.py"))
    return subprocess.Popen(
        [sys.executable, script, make_uri(store_dir, "node-1"), seed],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def read_rounds(worker: subprocess.Popen[str], rounds: int) -> None:
    """Wait until the worker has said so many lines."""
    assert worker.stdout is not None
    for _ in range(rounds):
        assert worker.stdout.readline(), "the worker ended by itself"


def replay(events: list[EventRow]) -> dict[str, tuple[bool, bool]]:
    """Return (is active, is persistent) of each domain that the events leave behind."""
    domains: dict[str, tuple[bool, bool]] = {}
    for event in events:
        active, persistent = domains.get(event.uuid, (False, False))
        match event.event:
            case c.VIR_DOMAIN_EVENT_DEFINED:
                persistent = True
            case c.VIR_DOMAIN_EVENT_UNDEFINED:
                persistent = False
            case c.VIR_DOMAIN_EVENT_STARTED:
                active = True
            case c.VIR_DOMAIN_EVENT_STOPPED:
                active = False
        domains[event.uuid] = (active, persistent)
    return {uid: state for uid, state in domains.items() if any(state)}


def test_killed_processes_leave_a_consistent_store(tmp_path: Path, connect: Connect) -> None:
    """After kill -9 of busy writers rows and events agree, and the next writer need not wait."""
    for turn in range(4):
        workers = [start_worker(tmp_path, f"{turn}-{number}") for number in range(2)]
        for number, worker in enumerate(workers):
            read_rounds(worker, 20 + 7 * turn + number)
        for worker in workers:
            os.kill(worker.pid, signal.SIGKILL)
        for worker in workers:
            assert worker.wait(timeout=10) == -signal.SIGKILL
            assert worker.stdout is not None
            worker.stdout.close()
        hypervisor = connect().hypervisor
        rows = hypervisor.list_domains("node-1")
        assert {row.uuid: (row.is_active, row.is_persistent) for row in rows} == replay(
            hypervisor.store.events_after(0, limit=10**6)
        )
        assert all((row.domain_id > 0) == row.is_active for row in rows)
        db = sqlite3.connect(tmp_path / FILE_NAME, timeout=0)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        # timeout=0: a lock that a dead process had left would be an error at once.
        db.execute("BEGIN IMMEDIATE")
        db.rollback()
        db.close()


def attach_interfaces(uri: str, first: int, count: int) -> None:
    """Attach count interfaces to the one domain, from a process of its own."""
    domain = libvirt.open(uri).lookupByUUIDString(U1)
    for number in range(first, first + count):
        mac = f"fa:16:3e:00:{number // 256:02x}:{number % 256:02x}"
        domain.attachDeviceFlags(f"<interface type='bridge'><mac address='{mac}'/></interface>")


def test_no_update_is_lost_between_processes(conn: libvirt.virConnect, make_xml: MakeXml) -> None:
    """Four processes that edit one document at once leave every edit in it."""
    conn.defineXML(make_xml("one", U1))
    workers = [
        FORK.Process(target=attach_interfaces, args=(conn.getURI(), 25 * n, 25)) for n in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=20)
        assert worker.exitcode == 0
    assert conn.lookupByUUIDString(U1).XMLDesc().count("<mac ") == 100


def start_once(uri: str, count: int, results: multiprocessing.Queue[int]) -> None:
    """Try to start each domain, and say how many were ours."""
    connection = libvirt.open(uri)
    ours = 0
    for number in range(count):
        try:
            connection.lookupByName(f"d{number}").create()
            ours += 1
        except libvirt.libvirtError as exc:
            if exc.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID:
                raise
    results.put(ours)


def test_exactly_one_process_starts_a_domain(conn: libvirt.virConnect, make_xml: MakeXml) -> None:
    """Of four processes that start the same domains, one wins each and the rest are told."""
    for number in range(50):
        conn.defineXML(make_xml(f"d{number}"))
    results: multiprocessing.Queue[int] = FORK.Queue()
    workers = [FORK.Process(target=start_once, args=(conn.getURI(), 50, results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    won = sum(results.get(timeout=20) for _ in workers)
    for worker in workers:
        worker.join(timeout=20)
    assert won == 50
    assert conn.numOfDomains() == 50


def test_threads_share_a_connection(conn: libvirt.virConnect, make_xml: MakeXml) -> None:
    """Threads of one process go through whole lives at once."""

    def live(number: int) -> None:
        domain = conn.defineXML(make_xml(f"t{number}"))
        domain.create()
        domain.destroy()
        domain.undefine()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(live, range(200)))
    assert conn.listAllDomains() == []


def in_child(work: Callable[[], None]) -> int:
    """Fork a child that does the work, and return its pid; it exits 0 only if nothing raises."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return pid


def test_forks_amid_transactions(conn: libvirt.virConnect, make_xml: MakeXml) -> None:
    """Children forked while threads write go on with the parent's connection, and so do those."""
    names = [f"child-{number}" for number in range(8)]
    stop = threading.Event()

    def keep_writing(name: str) -> int:
        domain = conn.defineXML(make_xml(name))
        rounds = 0
        while not stop.is_set():
            domain.create()
            domain.destroy()
            rounds += 1
        return rounds

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(keep_writing, f"thread-{number}") for number in range(2)]
        try:
            pids = [
                in_child(lambda name=name: conn.defineXML(make_xml(name)).create())  # type: ignore[misc]
                for name in names
            ]
            statuses = [os.waitpid(pid, 0)[1] for pid in pids]
        finally:
            stop.set()
        assert statuses == [0] * len(names)
        assert all(writer.result(timeout=20) > 0 for writer in writers)
    running = {
        domain.name() for domain in conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
    }
    assert running == set(names)


def test_a_parents_close_takes_nothing_from_its_child(
    conn: libvirt.virConnect, make_xml: MakeXml
) -> None:
    """What a child commits after its parent has closed the store is there."""
    conn.defineXML(make_xml("parents"))
    read, write = os.pipe()
    store = conn.hypervisor.store

    def work() -> None:
        conn.defineXML(make_xml("first"))
        assert os.read(read, 1) == b"c"
        for number in range(20):
            conn.defineXML(make_xml(f"after-{number}"))

    pid = in_child(work)
    conn.listAllDomains()
    store.close()
    os.write(write, b"c")
    assert os.waitpid(pid, 0)[1] == 0
    os.close(read)
    os.close(write)
    assert len(conn.listAllDomains()) == 22


def row(node: str, name: str, **changes: object) -> DomainRow:
    """Return a plain row."""
    values: dict[str, object] = {
        "node": node, "uuid": str(uuid.uuid4()), "name": name, "state": c.VIR_DOMAIN_SHUTOFF,
        "reason": 0, "domain_id": -1, "definition": "<domain/>", "live": None, "vcpus": 1,
        "memory_kib": 1024, "labels": "{}", "has_saved_image": 0, "autostart": 0,
        "started_at": 0.0, "due_at": None, "due_operation": None,
    }  # fmt: skip
    return DomainRow(**(values | changes))  # type: ignore[arg-type]


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    """What a transaction has written goes with the exception that ends it."""
    store = Store(tmp_path)

    def put_and_fail() -> None:
        with store.transaction() as tx:
            tx.put(row("n", "one"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        put_and_fail()
    assert store.list_domains("n") == []
    store.close()


def test_an_unreadable_store_is_a_libvirt_error(tmp_path: Path) -> None:
    """A file that is no store is reported as libvirt reports a broken system."""
    (tmp_path / FILE_NAME).write_bytes(b"this is not a database" * 100)
    with pytest.raises(libvirt.libvirtError) as caught:
        libvirt.open(make_uri(tmp_path, "n")).listAllDomains()
    assert caught.value.get_error_code() == libvirt.VIR_ERR_SYSTEM_ERROR


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    """A newer schema is named in the error and left alone."""
    db = sqlite3.connect(tmp_path / FILE_NAME)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(libvirt.libvirtError, match="schema version 99"):
        libvirt.open(make_uri(tmp_path, "n")).numOfDomains()


def test_the_store_is_private(tmp_path: Path) -> None:
    """The directory is made for its owner alone, and so is the file."""
    store = Store(tmp_path / "new" / "host")
    assert store.count_domains("n") == (0, 0)
    assert (tmp_path / "new" / "host").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "host" / FILE_NAME).stat().st_mode & 0o777 == 0o600
    store.close()


def test_queries_use_an_index(tmp_path: Path) -> None:
    """No look at a node reads the domains of the others."""
    Store(tmp_path).count_domains("n")
    db = sqlite3.connect(tmp_path / FILE_NAME)
    for where in ("node = 'n'", "node = 'n' AND uuid = 'u'", "node = 'n' AND name = 'x'"):
        plan = str(db.execute(f"EXPLAIN QUERY PLAN SELECT * FROM domains WHERE {where}").fetchall())
        assert "SEARCH" in plan
        assert "SCAN" not in plan
    due = "EXPLAIN QUERY PLAN SELECT node, uuid FROM domains WHERE due_at <= 1"
    assert "domains_due" in str(db.execute(due).fetchall())
    db.close()
