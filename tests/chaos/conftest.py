"""The cloud that these tests break. After each of them everything must hold again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri
from tests.integration.whole_cloud import WholeCloud, bring_up
from tests.unit.conftest import context, db

__all__ = ["context", "db"]


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCloud]:
    """Bring up the cloud that only these tests break."""
    with bring_up(tmp_path_factory.mktemp("chaos"), f"chaos-{os.getpid()}") as found:
        yield found


@pytest.fixture(autouse=True)
def own_home(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have code that is called here find the cloud."""
    if "cloud" in request.fixturenames:
        monkeypatch.setenv("DEVSTACK_LITE_HOME", str(request.getfixturevalue("cloud").home))


@pytest.fixture(autouse=True)
def everything_holds(request: pytest.FixtureRequest) -> Iterator[None]:
    """Check the invariants after each test, and leave no server to the next."""
    yield
    if "cloud" in request.fixturenames:
        cloud: WholeCloud = request.getfixturevalue("cloud")
        cloud.command("check", "--wait", "60")
        cloud.delete_all("")
        cloud.command("check")


def boot(cloud: WholeCloud, name: str, count: int) -> None:
    """Ask for so many servers in one request; do not wait."""
    cloud.command("boot", name, "--count", str(count), "--no-wait")


def all_active(cloud: WholeCloud, name: str, count: int) -> list[dict[str, Any]]:
    """Wait until so many are built, and check that all of them are ACTIVE."""
    found = cloud.wait_for_all(name, count)
    assert {server["status"] for server in found} == {"ACTIVE"}
    return found


def running_guests(cloud: WholeCloud, host: str) -> set[str]:
    """Return the uuids of the guests that run on a host's hypervisor."""
    connection = libvirt.open(make_uri(cloud.record.state_dir / "hypervisor" / host, host))
    flag = libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE
    return {domain.UUIDString() for domain in connection.listAllDomains(flag)}


def state_of(cloud: WholeCloud, process: str) -> str:
    """Return what `devstack-lite status` says of a process."""
    return next(one["state"] for one in cloud.status()["daemons"] if one["name"] == process)
