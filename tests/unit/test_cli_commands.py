"""The commands that speak HTTP, against a scripted API."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner, Result

from devstack_lite import cloud_files, planning
from devstack_lite.cli.main import cli
from devstack_lite.cli.readiness import Readiness
from devstack_lite.cloud import Cloud
from devstack_lite.planning import Wishes


class Api:
    """Identity, compute, image and network on one port, answering from lists."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.tokens: list[str] = []
        self.valid: set[str] = set()
        self.asked: list[tuple[str, str, Any]] = []
        self.states: list[list[str]] = [["ACTIVE"]]
        self.services = [
            {"binary": binary, "host": host, "state": "up"}
            for binary, host in (
                ("nova-conductor", "controller"),
                ("nova-scheduler", "controller"),
                ("nova-compute", "host1"),
            )
        ]

    def answer(self, method: str, url: str, token: str | None, body: Any) -> tuple[int, Any]:
        parts = urlsplit(url)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path == "/v3/auth/tokens":
            self.tokens.append(f"token-{len(self.tokens)}")
            self.valid.add(self.tokens[-1])
            return 201, {"token": {"catalog": self.catalog()}}
        if parts.path == "/":
            return 300, {"versions": []}
        if token not in self.valid:
            return 401, {"error": {"message": "Unauthorized", "code": 401}}
        self.asked.append((method, parts.path, query or body))
        return self.answer_known(method, parts.path, body)

    def answer_known(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        match method, path:
            case "GET", "/compute/flavors":
                return 200, {"flavors": [{"id": "1", "name": "m1.tiny"}]}
            case "GET", "/image/v2/images":
                return 200, {"images": [{"id": "i1", "name": "cirros"}] * 1}
            case "GET", "/network/v2.0/networks":
                twins = [{"id": "n2", "name": "twin"}, {"id": "n3", "name": "twin"}]
                return 200, {"networks": [{"id": "n1", "name": "private"}, *twins]}
            case "POST", "/compute/servers":
                return 202, {"reservation_id": "r-1"}
            case "GET", "/compute/servers" | "/compute/servers/detail":
                states = self.states.pop(0) if len(self.states) > 1 else self.states[0]
                return 200, {"servers": [self.server(i, one) for i, one in enumerate(states, 1)]}
            case "GET", "/compute/os-services":
                return 200, {"services": self.services}
            case "GET", "/compute/servers/id-1/os-boot-trace":
                return 200, {"boot_trace": self.trace()}
        return 404, {"itemNotFound": {"code": 404, "message": f"There is no {path}."}}

    def catalog(self) -> list[dict[str, Any]]:
        return [
            {"type": kind, "endpoints": [{"interface": "public", "url": f"{self.base}/{kind}"}]}
            for kind in ("compute", "image", "network", "identity")
        ]

    @staticmethod
    def server(number: int, status: str) -> dict[str, Any]:
        server: dict[str, Any] = {"id": f"id-{number}", "name": f"vm-{number}", "status": status}
        if status == "ERROR":
            server["fault"] = {"code": 500, "message": "No valid host was found."}
        else:
            server["addresses"] = {"private": [{"addr": f"10.0.0.{number}"}]}
        return server

    @staticmethod
    def trace() -> dict[str, Any]:
        steps = [
            {
                "step": number, "what": f"does thing {number}", "how": "HTTP", "service": "api",
                "host": "controller", "pid": 100 + number, "worker": 1,
                "start": "2026-01-01T00:00:00", "offset_s": (number - 1) * 0.01,
                "duration_s": 0.01, "outcome": "ok" if number < 18 else "error: Boom",
                "detail": "[no] disk" if number == 18 else "",
            }
            for number in range(1, 19)
        ]  # fmt: skip
        return {
            "server_id": "id-1", "name": "vm-1", "status": "ERROR", "attempt": 2,
            "request_id": "req-1", "started_at": "2026-01-01T00:00:00", "elapsed_s": 0.18,
            "steps": steps,
        }  # fmt: skip


def handler_of(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            status, said = api.answer(
                self.command, self.path, self.headers.get("X-Auth-Token"), body
            )
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            if self.path == "/v3/auth/tokens":
                self.send_header("X-Subject-Token", api.tokens[-1])
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = answer  # noqa: N815 - http.server's names

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Cloud, Api]]:
    monkeypatch.setenv("DEVSTACK_LITE_HOME", str(tmp_path))
    monkeypatch.setenv("DEVSTACK_LITE_NAME", "one")
    monkeypatch.setenv("COLUMNS", "120")
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    api = Api(server.server_port)
    server.RequestHandlerClass = handler_of(api)
    plan = planning.plan(Wishes(name="one", hosts=1, broker="amqp://u:p@127.0.0.1:1/v"))
    made = dataclasses.replace(plan, ports=dict.fromkeys(plan.ports, server.server_port))
    made.save()
    cloud_files.write_all(made)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield made, api
    server.shutdown()
    server.server_close()
    thread.join()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), prog_name="devstack-lite")


def test_boot_waits_until_all_are_active(cloud: tuple[Cloud, Api]) -> None:
    """One request with ids for names, then polls until every server is ACTIVE."""
    _, api = cloud
    api.states = [[], ["BUILD", "BUILD"], ["ACTIVE", "BUILD"], ["ACTIVE", "ACTIVE"]]
    result = run("boot", "vm", "--count", "2")
    assert result.exit_code == 0, result.output
    assert "id-2  vm-2  private=10.0.0.2" in result.stdout
    assert "2 of 2 ACTIVE" in result.stdout
    posted = [body["server"] for method, path, body in api.asked if path.endswith("/servers")]
    assert [(one["flavorRef"], one["imageRef"], one["networks"]) for one in posted] == [
        ("1", "i1", [{"uuid": "n1"}])
    ]


def test_boot_prints_the_fault_of_an_error(cloud: tuple[Cloud, Api]) -> None:
    """A server in ERROR makes the exit code 1."""
    cloud[1].states = [["ACTIVE", "ERROR"]]
    result = run("boot", "vm", "--count", "2")
    assert result.exit_code == 1
    assert "vm-2: No valid host was found." in result.stderr
    assert "Error: 1 of 2 ended in ERROR." in result.stderr


def test_boot_gives_up_in_time(cloud: tuple[Cloud, Api]) -> None:
    """A server that is not ACTIVE in time makes the exit code 1."""
    cloud[1].states = [["BUILD"]]
    result = run("boot", "vm", "--timeout", "0.2")
    assert result.exit_code == 1
    assert "Error: 1 were not ACTIVE within 0.2 s." in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--flavor", "huge", "There is no flavor huge."),
        ("--image", "none", "There is no image none."),
        ("--network", "twin", "There are 2 networks named twin; give an id."),
    ],
)
def test_boot_names_what_is_not_there(
    cloud: tuple[Cloud, Api], option: str, value: str, sentence: str
) -> None:
    """Nothing is booted when a name cannot be resolved."""
    result = run("boot", "vm", option, value)
    assert (result.exit_code, result.stderr) == (1, f"Error: {sentence}\n")
    assert [one for one in cloud[1].asked if one[0] == "POST"] == []


def test_an_expired_token_is_replaced(cloud: tuple[Cloud, Api]) -> None:
    """A 401 in the middle costs one more login, not the command."""
    _, api = cloud
    plain = api.answer_known

    def expire_once(method: str, path: str, body: Any) -> tuple[int, Any]:
        if path == "/compute/servers" and len(api.tokens) == 1:
            api.valid.clear()
            return 401, None
        return plain(method, path, body)

    api.answer_known = expire_once  # type: ignore[method-assign]
    assert run("boot", "vm", "--no-wait").output == "1 requested as r-1.\n"
    assert len(api.tokens) == 2


def test_trace_shows_steps_and_waterfall(cloud: tuple[Cloud, Api]) -> None:
    """Each step has a line in the table and one in the waterfall; the durations are added up."""
    result = run("trace", "--last")
    assert result.exit_code == 0, result.output
    assert "vm-1 id-1 is ERROR after 180.0 ms, attempt 2" in result.output
    assert "does thing 17" in result.output
    assert "error: Boom: [no] disk" in " ".join(result.output.split())
    assert result.output.count("█") >= 18
    assert result.output.splitlines()[-1].split() == ["2", "to", "18", "170.0", "ms"]


def test_trace_by_name_and_as_json(cloud: tuple[Cloud, Api]) -> None:
    """A name is looked up among the servers; --json prints what the API said."""
    result = run("trace", "vm-1", "--json")
    assert json.loads(result.output) == Api.trace()


def test_ready_is_when_all_expected_services_are_up(cloud: tuple[Cloud, Api]) -> None:
    """A service that is down or missing is what is waited for."""
    made, api = cloud
    down = api.services[1] | {"state": "down"}
    whole, api.services = api.services, [api.services[0], down]
    readiness = Readiness(made)
    assert readiness.missing() == ["scheduler", "compute-host1"]
    api.services = whole
    assert readiness.missing() == []


def test_status_counts_instances_by_state(cloud: tuple[Cloud, Api]) -> None:
    """Instances of a cloud that nobody supervises are not asked for."""
    from devstack_lite.cli import status

    made, api = cloud
    api.states = [["ACTIVE", "ERROR", "ACTIVE"]]
    assert status._instances(made) == {"ACTIVE": 2, "ERROR": 1}
    assert json.loads(run("status", "--json").output)["instances"] is None
