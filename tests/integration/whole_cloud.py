"""A whole cloud for tests: real broker, real processes, brought up and wiped by the command."""

from __future__ import annotations

import configparser
import json
import os
import shlex
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import openstack
import pytest
import sqlalchemy as sa

from devstack_lite import cloud as clouds
from devstack_lite import control, roster
from devstack_lite.broker import choose
from devstack_lite.clients.http import Answer, HttpPeer
from devstack_lite.db.engine import Database
from tests.integration.conftest import wait_until_none

BIN = Path(sys.executable).parent


def run(
    *arguments: str,
    home: Path,
    env: Mapping[str, str] | None = None,
    codes: Collection[int] = (0,),
    timeout_s: float = 120.0,
) -> str:
    """Run a command of the virtual environment; return what it printed.

    Fails with its output when it ends with another exit code than those expected.
    """
    done = subprocess.run(
        [str(BIN / arguments[0]), *arguments[1:]],
        env={**os.environ, "DEVSTACK_LITE_HOME": str(home), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode in codes, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass
class WholeCloud:
    """A cloud that is up."""

    name: str
    home: Path
    shared_token: str = ""
    logins: dict[str, dict[str, str]] = field(default_factory=dict)

    @cached_property
    def record(self) -> clouds.Cloud:
        found = clouds.load(self.home / self.name)
        assert found is not None
        return found

    @cached_property
    def db(self) -> Database:
        """The database, to read from."""
        return Database(self.record.database_reader_url)

    def command(
        self, *arguments: str, codes: Collection[int] = (0,), timeout_s: float = 120.0
    ) -> str:
        """Run devstack-lite with this cloud's name."""
        return run(
            "devstack-lite", *arguments, "--name", self.name, home=self.home, codes=codes,
            timeout_s=timeout_s,
        )  # fmt: skip

    def configure(self, *daemons: str, **sections: Mapping[str, Any]) -> None:
        """Have daemons (a host's is compute-host1) run with these options, by their sections."""
        for daemon in daemons:
            path = self.record.etc_dir / f"{daemon}.conf"
            parser = configparser.ConfigParser(interpolation=None, strict=False)
            parser.read(path)
            parser.read_dict({name: dict(own) for name, own in sections.items()})
            with path.open("w") as file:
                parser.write(file)
        self.command("restart", *daemons)

    def status(self) -> dict[str, Any]:
        """Return what `devstack-lite status` says, also while a part of the cloud is down."""
        found: dict[str, Any] = json.loads(self.command("status", "--json", codes=(0, 3)))
        return found

    def all_workers(self) -> dict[str, list[int]]:
        """Return the pids of each daemon's workers, as `devstack-lite status` says them."""
        return {entry["name"]: entry["worker_pids"] for entry in self.status()["daemons"]}

    def workers(self, daemon: str) -> list[int]:
        """Return the pids of a daemon's workers."""
        return self.all_workers()[daemon]

    def credentials(self, user: str = "admin") -> dict[str, str]:
        """Return what the clients are configured by, as `devstack-lite env` says it."""
        if user not in self.logins:
            text = self.command("env", *(["--demo"] if user == "demo" else []))
            exports = [line for line in text.splitlines() if line.startswith("export OS_")]
            pairs = (line.removeprefix("export ").split("=", 1) for line in exports)
            self.logins[user] = {name: shlex.split(value)[0] for name, value in pairs}
        return self.logins[user]

    def sdk(self, user: str = "admin") -> Any:
        """Return an unmodified SDK's connection."""
        own = self.credentials(user)
        return openstack.connect(
            auth_url=own["OS_AUTH_URL"],
            username=own["OS_USERNAME"],
            password=own["OS_PASSWORD"],
            project_name=own["OS_PROJECT_NAME"],
            user_domain_id="default",
            project_domain_id="default",
            region_name="RegionOne",
            load_yaml_config=False,
            load_envvars=False,
        )

    def token(self, user: str = "admin") -> str:
        own = self.credentials(user)
        answer = HttpPeer(own["OS_AUTH_URL"]).request(
            "POST",
            "/auth/tokens",
            body={
                "auth": {
                    "identity": {
                        "methods": ["password"],
                        "password": {
                            "user": {
                                "name": own["OS_USERNAME"],
                                "domain": {"id": "default"},
                                "password": own["OS_PASSWORD"],
                            }
                        },
                    },
                    "scope": {
                        "project": {"name": own["OS_PROJECT_NAME"], "domain": {"id": "default"}}
                    },
                }
            },
        )
        assert answer.status == 201, answer.data
        return str(answer.headers.get("X-Subject-Token"))

    def admin_token(self) -> str:
        """Return the token that the tests share."""
        if not self.shared_token:
            self.shared_token = self.token()
        return self.shared_token

    def compute(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request to the compute API as admin, or with a token."""
        sent = {"X-Auth-Token": token or self.admin_token(), **(headers or {})}
        return self._compute.request(method, path, headers=sent, body=body, is_repeatable=False)

    @cached_property
    def _compute(self) -> HttpPeer:
        return HttpPeer(self.record.endpoints["compute"])

    @cached_property
    def image_id(self) -> str:
        return str(self.scalar("SELECT id FROM images WHERE name = 'cirros'"))

    @cached_property
    def network_id(self) -> str:
        return str(self.scalar("SELECT id FROM networks WHERE name = 'private'"))

    def body(self, name: str, /, **more: Any) -> dict[str, Any]:
        """Return the body of a boot request; None takes a key out."""
        server = {
            "name": name,
            "flavorRef": "1",
            "imageRef": self.image_id,
            "networks": [{"uuid": self.network_id}],
            **more,
        }
        return {"server": {key: value for key, value in server.items() if value is not None}}

    def boot(self, name: str, **more: Any) -> str:
        """Send a boot request; return the first server's id."""
        answer = self.compute("POST", "/servers", self.body(name, **more))
        assert answer.status == 202, answer.data
        return str(answer.json()["server"]["id"])

    def server(self, server_id: str) -> dict[str, Any]:
        answer = self.compute("GET", f"/servers/{server_id}")
        assert answer.status == 200, answer.data
        found: dict[str, Any] = answer.json()["server"]
        return found

    def servers(self, name: str) -> list[dict[str, Any]]:
        """Return the servers whose name begins so."""
        answer = self.compute("GET", f"/servers/detail?name=^{name}&limit=1000")
        assert answer.status == 200, answer.data
        return list(answer.json()["servers"])

    def wait_for(self, server_id: str, status: str, timeout_s: float = 30.0) -> dict[str, Any]:
        """Wait until a server has a status and nothing is under way; return it."""
        found: dict[str, Any] = {}

        def differs() -> str:
            found.update(self.server(server_id))
            task_state = found["OS-EXT-STS:task_state"]
            is_there = found["status"] == status and task_state is None
            return "" if is_there else f"{found['status']}/{task_state} {found.get('fault', '')}"

        wait_until_none(differs, f"{server_id} is {status}", timeout_s)
        return found

    def wait_for_all(self, name: str, count: int, timeout_s: float = 60.0) -> list[dict[str, Any]]:
        """Wait until count servers of that name are there and none is in BUILD; return them."""
        found: list[dict[str, Any]] = []

        def differs() -> dict[str, int]:
            found[:] = self.servers(name)
            seen = Counter(one["status"] for one in found)
            return {} if len(found) == count and not seen["BUILD"] else {"of": count, **seen}

        wait_until_none(differs, f"{count} servers named {name} are built", timeout_s)
        return found

    def delete_all(self, name: str) -> None:
        """Delete the servers whose name begins so, and wait until they are gone."""
        for one in self.servers(name):
            answer = self.compute("DELETE", f"/servers/{one['id']}")
            assert answer.status in {204, 404}, answer.data

        def left() -> Counter[tuple[str, str]]:
            found = self.servers(name)
            return Counter((one["status"], one["OS-EXT-STS:task_state"]) for one in found)

        wait_until_none(left, f"{name} are gone", 60.0)

    def rows(self, query: str, **values: Any) -> list[Any]:
        """Read from the database."""
        with self.db.read() as connection:
            return list(connection.execute(sa.text(query), values))

    def scalar(self, query: str, **values: Any) -> Any:
        return self.rows(query, **values)[0][0]


@contextmanager
def bring_up(home: Path, name: str, *options: str) -> Iterator[WholeCloud]:
    """Bring a cloud up, and wipe it at the end: no process, port or file of it may be left.

    DEVSTACK_LITE_TEST_BROKER says which broker: auto (the default), docker, local or a URL. Skips
    the test when there is none.
    """
    broker = os.environ.get("DEVSTACK_LITE_TEST_BROKER", "auto")
    try:
        choose.choose(broker, "test")
    except clouds.CloudError as error:
        pytest.skip(f"no broker for a whole cloud: {error}")
    # A runner that is told to end shall not leave a cloud behind: SIGTERM unwinds as Ctrl-C does.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run("devstack-lite", "up", "--name", name, "--broker", broker, *options, home=home)
        yield WholeCloud(name=name, home=home)
    finally:
        record, found = clouds.load(home / name), roster.read(home / name)
        run("devstack-lite", "down", "--wipe", "--name", name, home=home)
        signal.signal(signal.SIGTERM, before)
        assert record is None or control.listening(record) == []
        assert found is None or control.living(found) == []
        assert list(home.iterdir()) == []
