"""A host that is gone: its servers are built anew elsewhere, and it comes back to nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chaos.conftest import all_active, boot, running_guests
from tests.integration.conftest import wait_until
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

HOST = "host2"


def state_of_host(cloud: WholeCloud, host: str) -> str:
    found = cloud.compute("GET", f"/os-services?binary=nova-compute&host={host}").json()
    return str(found["services"][0]["state"])


def evacuate(cloud: WholeCloud, uuid: str, **more: Any) -> Any:
    return cloud.compute(
        "POST", f"/servers/{uuid}/action", {"evacuate": {"onSharedStorage": False, **more}}
    )


def test_what_was_on_a_dead_host_is_active_elsewhere(cloud: WholeCloud) -> None:
    """Each of its servers, also when a worker dies over them; the dead host removes what it had."""
    boot(cloud, "gone", 9)
    servers = all_active(cloud, "gone", 9)
    mine = [one["id"] for one in servers if one["OS-EXT-SRV-ATTR:host"] == HOST]
    assert len(mine) >= 3
    stopped, left_off, *others = mine
    cloud.compute("POST", f"/servers/{stopped}/action", {"os-stop": None})
    cloud.wait_for(stopped, "SHUTOFF")
    refused = evacuate(cloud, stopped)
    assert (refused.status, refused.json()["badRequest"]["message"]) == (
        400, f"Compute service of {HOST} is still in use.",
    )  # fmt: skip

    cloud.command("chaos", "host", "power-off", HOST)
    wait_until(lambda: state_of_host(cloud, HOST) == "down", "the host is seen to be down", 40)
    assert evacuate(cloud, stopped, host="no-such-host").status == 404
    assert evacuate(cloud, stopped, host=HOST).status == 400
    assert evacuate(cloud, others[0], host="host1").status == 200
    assert evacuate(cloud, others[0]).status == 409
    for uuid in (stopped, *others[1:]):
        assert evacuate(cloud, uuid).status == 200
    since_2_95 = cloud.sdk().compute.post(
        f"/servers/{left_off}/action", json={"evacuate": {}},
        headers={"OpenStack-API-Version": "compute 2.95"},
    )  # fmt: skip
    assert since_2_95.status_code == 200
    cloud.command("chaos", "kill", "compute-host1")

    moved = {uuid: cloud.wait_for(uuid, "ACTIVE") for uuid in others}
    for uuid in (stopped, left_off):
        moved[uuid] = cloud.wait_for(uuid, "SHUTOFF")
    hosts = {uuid: server["OS-EXT-SRV-ATTR:host"] for uuid, server in moved.items()}
    assert hosts[others[0]] == "host1"
    assert set(hosts.values()) <= {"host1", "host3"}
    before = {one["id"]: one["addresses"] for one in servers}
    assert {uuid: server["addresses"] for uuid, server in moved.items()} == {
        uuid: before[uuid] for uuid in mine
    }
    cloud.command("check", "--wait", "30")

    cloud.command("chaos", "host", "power-on", HOST)
    wait_until(lambda: state_of_host(cloud, HOST) == "up", "the host is back", 40)
    wait_until(lambda: running_guests(cloud, HOST) == set(), "it lets go of all", 40)
    cloud.command("check", "--wait", "30")
    assert set(others) <= running_guests(cloud, "host1") | running_guests(cloud, "host3")


def test_a_server_is_deleted_though_its_host_is_gone(cloud: WholeCloud) -> None:
    """Nobody waits for the dead: server, port and claim go at once, the domain when it is back."""
    boot(cloud, "orphan", 6)
    servers = all_active(cloud, "orphan", 6)
    one = next(server["id"] for server in servers if server["OS-EXT-SRV-ATTR:host"] == HOST)
    cloud.command("chaos", "host", "power-off", HOST)
    wait_until(lambda: state_of_host(cloud, HOST) == "down", "the host is seen to be down", 40)
    assert cloud.compute("DELETE", f"/servers/{one}").status == 204
    assert cloud.compute("GET", f"/servers/{one}").status == 404
    cloud.command("check", "--wait", "5")
    cloud.command("chaos", "host", "power-on", HOST)
    wait_until(lambda: state_of_host(cloud, HOST) == "up", "the host is back", 40)
    cloud.command("check", "--wait", "30")


def test_a_rebuild_outlives_the_worker_that_does_it(cloud: WholeCloud) -> None:
    """The server keeps its id, port and host, and has the name and metadata that were asked for."""
    boot(cloud, "anew", 1)
    (server,) = all_active(cloud, "anew", 1)
    body = {
        "rebuild": {"imageRef": server["image"]["id"], "name": "anew-2", "metadata": {"k": "v"}}
    }
    cloud.command("chaos", "failpoint", "arm", "op.rebuild.before", "kill")
    answer = cloud.compute("POST", f"/servers/{server['id']}/action", body)
    assert (answer.status, answer.json()["server"]["status"]) == (202, "REBUILD")
    after = cloud.wait_for(server["id"], "ACTIVE")
    assert (after["name"], after["metadata"]) == ("anew-2", {"k": "v"})
    for key in ("addresses", "OS-EXT-SRV-ATTR:host", "created"):
        assert after[key] == server[key]
    assert server["id"] in running_guests(cloud, after["OS-EXT-SRV-ATTR:host"])
    actions = cloud.compute("GET", f"/servers/{server['id']}/os-instance-actions").json()
    assert [one["action"] for one in actions["instanceActions"]] == ["rebuild", "create"]
    cloud.command("chaos", "failpoint", "disarm", "--all")
