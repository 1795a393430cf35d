"""Servers that go to another host while they run, as a client sees it."""

from __future__ import annotations

from typing import Any

import pytest

from fake_hypervisor import libvirt
from tests.integration.test_lifecycle import act, claims_of, domain_of
from tests.integration.test_resizes import HOST, migrations_of
from tests.integration.test_server_actions import actions_of, refusal
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud


@pytest.fixture
def server(whole_cloud: WholeCloud) -> Any:
    """A server that is ACTIVE, and gone after the test, with all that it held."""
    server_id = whole_cloud.boot("travels")
    yield whole_cloud.wait_for(server_id, "ACTIVE")
    whole_cloud.delete_all("travels")
    whole_cloud.command("check", "--wait", "30")


def live_migrate(cloud: WholeCloud, uuid: str, host: str | None = None, status: int = 202) -> Any:
    asked = {"host": host, "block_migration": True, "disk_over_commit": False}
    return act(cloud, uuid, {"os-migrateLive": asked}, status)


@pytest.mark.parametrize(("before", "status"), [(None, "ACTIVE"), ("pause", "PAUSED")])
def test_it_goes_on_elsewhere(
    whole_cloud: WholeCloud, server: dict[str, Any], before: str | None, status: str
) -> None:
    """The very guest, running or paused: it was not started anew; the old host is rid of it."""
    uuid = server["id"]
    if before is not None:
        act(whole_cloud, uuid, {before: None})
        whole_cloud.wait_for(uuid, status)
    live_migrate(whole_cloud, uuid)
    there = whole_cloud.wait_for(uuid, status)
    assert there[HOST] != server[HOST]
    assert there["addresses"] == server["addresses"]
    state, reason = domain_of(whole_cloud, there).state()
    assert (state, reason) == (
        (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_MIGRATED)
        if before is None
        else (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER)
    )
    with pytest.raises(libvirt.libvirtError):
        domain_of(whole_cloud, server)
    assert claims_of(whole_cloud, uuid) == 1
    (shown,) = migrations_of(whole_cloud, uuid, migration_type="live-migration")
    assert (shown["status"], shown["source_compute"], shown["dest_compute"]) == (
        "completed", server[HOST], there[HOST],
    )  # fmt: skip
    assert actions_of(whole_cloud, uuid, 1) == [
        ("live-migration", "conductor_live_migrate_instance", "Success")
    ]


def test_it_goes_where_it_is_told(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """To a host by name; not to its own, nor to one that is not there, nor while it is off."""
    uuid, own = server["id"], server[HOST]
    other = next(host for host in whole_cloud.record.hosts if host != own)
    live_migrate(whole_cloud, uuid, other)
    assert whole_cloud.wait_for(uuid, "ACTIVE")[HOST] == other
    assert refusal(live_migrate(whole_cloud, uuid, other, 400), "badRequest") == (
        f"Unable to migrate instance ({uuid}) to current host ({other})."
    )
    assert refusal(live_migrate(whole_cloud, uuid, "nowhere", 400), "badRequest") == (
        "Compute host nowhere could not be found."
    )
    act(whole_cloud, uuid, {"os-stop": None})
    whole_cloud.wait_for(uuid, "SHUTOFF")
    refused = refusal(live_migrate(whole_cloud, uuid, status=409))
    assert refused == f"Cannot 'os-migrateLive' instance {uuid} while it is in vm_state stopped"


def test_one_that_no_host_takes_goes_on(whole_cloud: WholeCloud) -> None:
    """Its migration has failed, its action says why, and it has never stopped."""
    asked = {"server_group": {"name": "together", "policies": ["affinity"]}}
    group = whole_cloud.compute("POST", "/os-server-groups", asked).json()["server_group"]["id"]
    hints = {"os:scheduler_hints": {"group": group}}
    for name in ("travels-1", "travels-2"):
        body = {**whole_cloud.body(name), **hints}
        uuid = whole_cloud.compute("POST", "/servers", body).json()["server"]["id"]
        server = whole_cloud.wait_for(uuid, "ACTIVE")
    live_migrate(whole_cloud, uuid)
    stays = whole_cloud.wait_for(uuid, "ACTIVE")
    assert stays[HOST] == server[HOST]
    assert migrations_of(whole_cloud, uuid)[0]["status"] == "failed"
    listed = whole_cloud.compute("GET", f"/servers/{uuid}/os-instance-actions").json()
    assert listed["instanceActions"][0]["message"].startswith("No valid host was found.")
    assert domain_of(whole_cloud, server).state()[1] == libvirt.VIR_DOMAIN_RUNNING_BOOTED
    whole_cloud.delete_all("travels")
    whole_cloud.compute("DELETE", f"/os-server-groups/{group}")
    whole_cloud.command("check", "--wait", "30")
