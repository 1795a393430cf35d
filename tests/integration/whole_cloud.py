"""A whole cloud for tests: real broker, real processes, brought up and wiped by the command."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import openstack
import sqlalchemy as sa

from devstack_lite import cloud as clouds
from devstack_lite.clients.http import Answer, HttpPeer
from devstack_lite.db.engine import Database
from tests.integration.conftest import wait_until

BIN = Path(sys.executable).parent


def run(*arguments: str, home: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command of the virtual environment; return what it printed. Fails with its output."""
    done = subprocess.run(
        [str(BIN / arguments[0]), *arguments[1:]],
        env={**os.environ, "DEVSTACK_LITE_HOME": str(home), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass
class WholeCloud:
    """A cloud that is up."""

    name: str
    home: Path
    headers: dict[str, str] = field(default_factory=dict)

    @cached_property
    def record(self) -> clouds.Cloud:
        found = clouds.load(self.home / self.name)
        assert found is not None
        return found

    @cached_property
    def db(self) -> Database:
        """The database, to read from."""
        return Database(self.record.database_reader_url)

    def command(self, *arguments: str) -> str:
        """Run devstack-lite with this cloud's name."""
        return run("devstack-lite", *arguments, "--name", self.name, home=self.home)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.command("status", "--json"))
        return found

    def workers(self, daemon: str) -> list[int]:
        """Return the pids of a daemon's workers."""
        for entry in self.status()["daemons"]:
            if entry["name"] == daemon:
                return list(entry["worker_pids"])
        raise AssertionError(f"no daemon {daemon}")

    def credentials(self, user: str = "admin") -> dict[str, str]:
        """Return what the clients are configured by, as `devstack-lite env` says it."""
        text = self.command("env", *(["--demo"] if user == "demo" else []))
        exports = [line for line in text.splitlines() if line.startswith("export OS_")]
        pairs = (line.removeprefix("export ").split("=", 1) for line in exports)
        return {name: shlex.split(value)[0] for name, value in pairs}

    def openstack(self, *arguments: str) -> Any:
        """Run the unmodified client; return its JSON."""
        text = run("openstack", *arguments, "-f", "json", home=self.home, env=self.credentials())
        return json.loads(text) if text.strip() else None

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
        if token is None:
            token = self.headers.get("admin") or self.headers.setdefault("admin", self.token())
        sent = {"X-Auth-Token": token, **(headers or {})}
        return HttpPeer(self.record.endpoints["compute"]).request(
            method, path, headers=sent, body=body, is_repeatable=False
        )

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
        seen: dict[str, Any] = {}

        def look() -> bool:
            seen.update(self.server(server_id))
            return seen["status"] == status and seen["OS-EXT-STS:task_state"] is None

        wait_until(look, f"{server_id} is {status}: {seen}", timeout_s)
        return seen

    def wait_for_all(self, name: str, count: int, timeout_s: float = 60.0) -> list[dict[str, Any]]:
        """Wait until count servers of that name are there and none is in BUILD; return them."""

        def settled() -> list[dict[str, Any]]:
            found = self.servers(name)
            done = [one for one in found if one["status"] != "BUILD"]
            return done if len(done) == count else []

        found: list[dict[str, Any]] = []

        def look() -> bool:
            found[:] = settled()
            return bool(found)

        wait_until(look, f"{count} servers named {name} are built", timeout_s)
        return found

    def delete_all(self, name: str) -> None:
        """Delete the servers whose name begins so, and wait until they are gone."""
        for one in self.servers(name):
            answer = self.compute("DELETE", f"/servers/{one['id']}")
            assert answer.status in {204, 404}, answer.data
        wait_until(lambda: not self.servers(name), f"{name} are gone", 60.0)

    def rows(self, query: str, **values: Any) -> list[Any]:
        """Read from the database."""
        with self.db.read() as connection:
            return list(connection.execute(sa.text(query), values))

    def scalar(self, query: str, **values: Any) -> Any:
        return self.rows(query, **values)[0][0]


Wish = Callable[..., WholeCloud]
