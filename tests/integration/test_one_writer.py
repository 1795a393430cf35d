"""The conductor is the only daemon whose database address can write."""

from __future__ import annotations

import configparser
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from devstack_lite.db.engine import Database
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

READERS = ("api", "scheduler", "identity", "image", "network", "volume")


def address_of(cloud: WholeCloud, daemon: str) -> str | None:
    parser = configparser.RawConfigParser()
    parser.read(cloud.record.etc_dir / f"{daemon}.conf")
    return parser.get("database", "connection", fallback=None)


@pytest.mark.parametrize("daemon", READERS)
def test_reader_cannot_write(whole_cloud: WholeCloud, daemon: str) -> None:
    """The database refuses a write through the address in a reader's configuration."""
    address = address_of(whole_cloud, daemon)
    assert address is not None
    database = Database(address, pool_size=1)
    with pytest.raises(sa.exc.OperationalError, match="readonly"), database.write() as connection:
        connection.execute(sa.text("DELETE FROM instances"))
    database.engine.dispose()


def test_compute_knows_no_database(whole_cloud: WholeCloud) -> None:
    """Neither a compute host's configuration nor its processes' environment has an address."""
    address = str(address_of(whole_cloud, "conductor"))
    for host in whole_cloud.record.hosts:
        assert address_of(whole_cloud, f"compute-{host}") is None
        text = Path(whole_cloud.record.etc_dir / f"compute-{host}.conf").read_text()
        assert "sqlite" not in text
        for pid in whole_cloud.workers(f"compute-{host}"):
            assert address not in psutil.Process(pid).environ().values()
