"""The example packages, installed into a cloud that is up already, and used over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from devstack_lite.clients.http import HttpPeer
from devstack_lite.paths import DEPLOY
from tests.integration.conftest import wait_until
from tests.integration.openstack_command import answer
from tests.integration.whole_cloud import BIN, WholeCloud, bring_up, run

pytestmark = pytest.mark.cloud

EXAMPLES = DEPLOY.parent / "examples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder for packages, empty as yet, where daemons and clients look."""
    made = tmp_path_factory.mktemp("packages")
    patch = pytest.MonkeyPatch()
    patch.setenv(
        "PYTHONPATH", os.pathsep.join(filter(None, [str(made), os.environ.get("PYTHONPATH")]))
    )
    patch.syspath_prepend(str(made))
    yield made
    patch.undo()


@pytest.fixture(scope="module")
def cloud(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCloud]:
    """Give a cloud whose packages came after it: its daemons were restarted, it was not."""
    with bring_up(tmp_path_factory.mktemp("ext"), "ext") as found:
        aliases = {one["alias"] for one in extensions(found)}
        assert not {"os-documents", "os-backup-instance"} & aliases
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder,
             EXAMPLES / "os-documents", EXAMPLES / "backup-instance"],
            check=True, timeout=170,
        )  # fmt: skip
        found.command("restart", "conductor", "api")
        yield found


def extensions(cloud: WholeCloud) -> list[dict[str, Any]]:
    return list(cloud.compute("GET", "/extensions").json()["extensions"])


def test_they_are_listed(cloud: WholeCloud) -> None:
    """By GET /extensions, and so by the unmodified client."""
    names = {one["alias"]: one["name"] for one in extensions(cloud)}
    assert (names["os-documents"], names["os-backup-instance"]) == ("Documents", "BackupInstance")
    listed = answer(("extension", "list", "--compute"), cloud.credentials())
    assert {one["Alias"] for one in listed} == set(names)


def test_documents_live_in_the_clouds_database(cloud: WholeCloud) -> None:
    """Written by the conductor, read by each api worker, of one project each."""
    body = {"document": {"name": "plan", "content": "boot"}}
    made = cloud.compute("POST", "/os-documents", body)
    assert made.status == 201, made.data
    path = f"/os-documents/{made.json()['document']['id']}"
    changed = cloud.compute("PUT", path, {"document": {"content": "reboot"}})
    assert changed.json()["document"]["content"] == "reboot"
    [row] = cloud.rows("SELECT name, content FROM os_documents")
    assert tuple(row) == ("plan", "reboot")
    demo = cloud.token("demo")
    assert cloud.compute("GET", "/os-documents", token=demo).json() == {"documents": []}
    assert cloud.compute("GET", path, token=demo).status == 404
    refused = cloud.compute("POST", "/os-documents", {"document": {}}).json()
    assert "'name' is a required property" in refused["badRequest"]["message"]
    assert cloud.compute("DELETE", path).status == 204
    assert cloud.rows("SELECT * FROM os_documents") == []


@pytest.fixture(scope="module")
def server(cloud: WholeCloud) -> str:
    made = cloud.boot("saved")
    cloud.wait_for(made, "ACTIVE")
    return made


def data_of(cloud: WholeCloud, image_id: str) -> tuple[dict[str, Any], bytes]:
    """Return an image's record and its data, once it is active."""
    image = HttpPeer(cloud.record.endpoints["image"])
    headers = {"X-Auth-Token": cloud.admin_token()}
    path = f"/v2/images/{image_id}"

    def is_active() -> bool:
        return bool(image.request("GET", path, headers=headers).json()["status"] == "active")

    wait_until(is_active, f"{image_id} is active", 30.0)
    record = image.request("GET", path, headers=headers).json()
    return record, image.request("GET", f"{path}/file", headers=headers).data


def test_a_backup_is_a_real_image(cloud: WholeCloud, server: str) -> None:
    """It becomes active, with bytes that can be downloaded."""
    path = f"/servers/{server}/backup_instance"
    done = cloud.compute("POST", path, {"name": "nightly", "description": "first"})
    assert done.status == 202, done.data
    record, data = data_of(cloud, done.json()["id"])
    assert (record["name"], record["description"]) == ("nightly", "first")
    assert record["size"] == len(data) > 0
    assert server.encode() in data
    cloud.wait_for(server, "ACTIVE")


def test_both_clients_have_the_command(cloud: WholeCloud, server: str) -> None:
    """Unmodified, and only because the package is there."""
    said = run(
        "nova", "backup-instance", "saved", "by-nova", "its description",
        home=cloud.home, env=cloud.credentials(),
    )  # fmt: skip
    record, _data = data_of(cloud, said.strip())
    assert (record["name"], record["description"]) == ("by-nova", "its description")
    cloud.wait_for(server, "ACTIVE")
    made = answer(("server", "backup", "instance", "saved", "by-osc"), cloud.credentials())
    assert data_of(cloud, made["id"])[0]["name"] == "by-osc"


def test_what_is_left_out_is_said(cloud: WholeCloud, folder: Path) -> None:
    """By the command that starts the daemon anew, in one sentence; the others are there."""
    (folder / "odd.py").write_text("import no_such_module_anywhere\n")
    info = folder / "odd-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[devstack_lite.api.extensions]\nodd = odd:Odd\n")
    done = subprocess.run(
        [BIN / "devstack-lite", "restart", "api", "--name", cloud.name],
        env={**os.environ, "DEVSTACK_LITE_HOME": str(cloud.home)},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert (
        "api: the extension odd (odd:Odd) is left out: it cannot be imported (ModuleNotFoundError:"
        " No module named 'no_such_module_anywhere')"
    ) in done.stderr.splitlines()
    assert "os-documents" in {one["alias"] for one in extensions(cloud)}


def test_a_denied_core_stops_the_start(cloud: WholeCloud, tmp_path: Path) -> None:
    """The api ends before it serves anything, with one sentence."""
    text = (cloud.record.etc_dir / "api.conf").read_text()
    path = tmp_path / "api.conf"
    path.write_text(f"{text}\n[api]\nport = 0\nextensions_denied = servers\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "services.api", "--config-file", path],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "api: Core API extensions are missing: servers"


def test_each_service_says_that_it_is_well(cloud: WholeCloud) -> None:
    """At /healthcheck, without a token."""
    for name, url in cloud.record.endpoints.items():
        parts = urlsplit(url)
        peer = HttpPeer(f"{parts.scheme}://{parts.netloc}")
        assert peer.request("GET", "/healthcheck").status == 200, name
