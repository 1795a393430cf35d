"""The conductor is the only daemon whose database address can write."""

from __future__ import annotations

import configparser
import contextlib
import os
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from devstack_lite import reaper, roster
from devstack_lite.db.engine import Database
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

READERS = ("api", "scheduler", "identity", "image", "network", "volume", "placement")
WRITES = (
    "DELETE FROM instances",
    "UPDATE quota_usages SET instances = 0",
    "INSERT INTO flavors (id, name) VALUES ('x', 'x')",
    "CREATE TABLE mine (id INTEGER)",
)


def address_of(cloud: WholeCloud, daemon: str) -> str | None:
    parser = configparser.RawConfigParser()
    parser.read(cloud.record.etc_dir / f"{daemon}.conf")
    return parser.get("database", "connection", fallback=None)


def processes_of(cloud: WholeCloud, daemon: str) -> list[psutil.Process]:
    """Return a daemon's launcher and workers."""
    found = roster.read(cloud.record.state_dir)
    assert found is not None
    members = reaper.session_members(found.daemons[daemon].ref)
    return [psutil.Process(member.pid) for member in members]


def open_modes(process: psutil.Process, path: Path) -> set[int]:
    """Return how the process has the file open: O_RDONLY, O_WRONLY, O_RDWR."""
    modes = set()
    for entry in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if entry.readlink() == path:
                info = Path(f"/proc/{process.pid}/fdinfo/{entry.name}").read_text()
                flags = next(line for line in info.splitlines() if line.startswith("flags:"))
                modes.add(int(flags.split()[1], 8) & os.O_ACCMODE)
    return modes


def database_file(cloud: WholeCloud) -> Path:
    name = sa.make_url(cloud.record.database_url).database
    assert name is not None
    return Path(name)


@pytest.mark.parametrize("daemon", READERS)
def test_reader_cannot_write(whole_cloud: WholeCloud, daemon: str) -> None:
    """The database refuses each kind of write through the address in a reader's configuration."""
    address = address_of(whole_cloud, daemon)
    assert address is not None
    database = Database(address, pool_size=1)
    for write in WRITES:
        with (
            pytest.raises(sa.exc.OperationalError, match="readonly"),
            database.write() as connection,
        ):
            connection.execute(sa.text(write))
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM flavors")).scalar_one() >= 5
    database.engine.dispose()


def test_only_the_conductor_holds_the_database_open_to_write(whole_cloud: WholeCloud) -> None:
    """The kernel shows who has the file open after boots: readers to read, compute not at all."""
    path = database_file(whole_cloud)
    whole_cloud.boot("open-files", min_count=5)
    whole_cloud.wait_for_all("open-files", 5)
    hosts = [f"compute-{host}" for host in whole_cloud.record.hosts]
    modes = {
        daemon: set().union(*(open_modes(one, path) for one in processes_of(whole_cloud, daemon)))
        for daemon in ("conductor", *READERS, *hosts)
    }
    whole_cloud.delete_all("open-files")
    assert os.O_RDWR in modes["conductor"]
    assert {daemon: modes[daemon] for daemon in hosts} == {daemon: set() for daemon in hosts}
    assert {daemon: modes[daemon] - {os.O_RDONLY} for daemon in READERS} == {
        daemon: set() for daemon in READERS
    }
    assert modes["api"] == {os.O_RDONLY}


def test_compute_knows_no_database(whole_cloud: WholeCloud) -> None:
    """Neither a compute host's configuration nor its processes' environment has an address."""
    secrets = {
        whole_cloud.record.database_url,
        whole_cloud.record.database_reader_url,
        str(address_of(whole_cloud, "conductor")),
        str(database_file(whole_cloud)),
    }
    for host in whole_cloud.record.hosts:
        assert address_of(whole_cloud, f"compute-{host}") is None
        text = (whole_cloud.record.etc_dir / f"compute-{host}.conf").read_text()
        assert "sqlite" not in text
        processes = processes_of(whole_cloud, f"compute-{host}")
        assert len(processes) >= 2
        for process in processes:
            said = [*process.environ().values(), *process.cmdline()]
            assert not [one for one in said if any(secret in one for secret in secrets)]
