"""The database server is stopped and started under boots. Skipped where there is no PostgreSQL."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.db.engine import Database
from tests.chaos.conftest import all_active, boot
from tests.chaos.races import race_on
from tests.integration.whole_cloud import WholeCloud, bring_up
from tests.unit.test_numa_claims import race_for_cells
from tests.unit.test_pci_devices import race_for_devices
from tests.unit.test_resources import race_for_cards

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL's server is not installed"),
]


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server of its own, in a folder of its own."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql+psycopg2://postgres@127.0.0.1:{self.port}/devstack"

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs; not as root, which it refuses."""
        subprocess.run(
            [str(PROGRAMS[-1] / program), "--pgdata", str(self.folder / "data"), *arguments],
            user="postgres" if os.getuid() == 0 else None,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder}"
        log = str(self.folder / "log")
        self.run("pg_ctl", "--wait", "--log", log, "-o", options, "start")

    def stop(self, how: str) -> None:
        """Stop it: fast ends the connections, immediate is a crash."""
        self.run("pg_ctl", "--wait", "--mode", how, "stop")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="devstack-lite-postgres-"))
    if os.getuid() == 0:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    made = Server(folder=folder, port=port)
    try:
        made.run("initdb", "--username", "postgres", "--auth", "trust", "--no-sync")
        made.start()
        yield made
        made.stop("immediate")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def cloud(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCloud]:
    home = tmp_path_factory.mktemp("postgres")
    with bring_up(home, f"pg-{os.getpid()}", "--database", server.url) as found:
        yield found


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_boots_outlive_a_restart_of_the_database_server(
    cloud: WholeCloud, server: Server, how: str
) -> None:
    """Stopped, and crashed: daemons connect again by themselves, and twenty boots end ACTIVE."""
    assert cloud.compute("GET", "/servers/detail").status == 200
    boot(cloud, how, 20)
    server.stop(how)
    try:
        assert cloud.compute("GET", "/servers/detail").status == 503
    finally:
        server.start()
    all_active(cloud, how, 20)


@pytest.mark.parametrize("race", [race_for_cards, race_for_cells, race_for_devices])
def test_a_race_for_claims(
    server: Server, race: Callable[[Database, RequestContext], None]
) -> None:
    """What several claim and give back at once is right there, too."""
    race_on(server.url, race)
