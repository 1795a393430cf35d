"""Boots at once, and races for what there is, on MariaDB. Skipped where it is not installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from devstack_lite.context import RequestContext
from devstack_lite.db.engine import Database
from tests.chaos.conftest import all_active, boot
from tests.chaos.races import race_on
from tests.integration.whole_cloud import bring_up
from tests.unit.test_numa_claims import race_for_cells
from tests.unit.test_pci_devices import race_for_devices
from tests.unit.test_resources import race_for_cards

PROGRAMS = [shutil.which(name) for name in ("mariadb-install-db", "mariadbd")]
START_S = 60.0

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.skipif(None in PROGRAMS, reason="MariaDB's server is not installed"),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Return a database's URL on a server of its own."""
    pytest.importorskip("pymysql")
    install, server = map(str, PROGRAMS)
    folder = Path(tempfile.mkdtemp(prefix="devstack-lite-mariadb-"))
    user = "mysql" if os.getuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    options = ["--no-defaults", f"--datadir={folder / 'data'}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        subprocess.run(
            [install, *options, "--auth-root-authentication-method=normal"],
            user=user, cwd=folder, check=True, timeout=START_S, **quiet,
        )  # fmt: skip
        running = subprocess.Popen(
            [
                server, *options, f"--port={port}", "--bind-address=127.0.0.1",
                f"--socket={folder / 'socket'}",
            ],
            user=user, cwd=folder, **quiet,
        )  # fmt: skip
        try:
            found = f"mysql+pymysql://root@127.0.0.1:{port}/devstack"
            _wait_for(found.replace("/devstack", "/mysql"))
            yield found
        finally:
            running.terminate()
            running.wait(START_S)
    finally:
        shutil.rmtree(folder)


def _wait_for(url: str) -> None:
    engine, deadline = sa.create_engine(url), time.monotonic() + START_S
    while True:
        try:
            engine.connect().close()
        except sa.exc.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            engine.dispose()
            return


def test_boots_at_once_do_not_lock_each_other_out(
    url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Sixty boots in three requests end ACTIVE, and the server has seen no deadlock."""
    home = tmp_path_factory.mktemp("mariadb")
    with bring_up(home, f"mdb-{os.getpid()}", "--database", url) as cloud:
        for name in ("a", "b", "c"):
            boot(cloud, name, 20)
        for name in ("a", "b", "c"):
            all_active(cloud, name, 20)
    with Database(url).read() as connection:
        row = connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'").one()
    assert row[1] == "0"


@pytest.mark.parametrize("race", [race_for_cards, race_for_cells, race_for_devices])
def test_a_race_for_claims(url: str, race: Callable[[Database, RequestContext], None]) -> None:
    """What several claim and give back at once is right there, too."""
    race_on(url, race)
