"""Servers that are deleted and had back, or reclaimed; as a client sees them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import wait_until
from tests.integration.test_lifecycle import act, claims_of, domain_of
from tests.integration.test_server_actions import actions_of, refusal
from tests.integration.whole_cloud import WholeCloud, bring_up

pytestmark = pytest.mark.cloud

LONG_S = 3600


def keep_for(cloud: WholeCloud, seconds: int) -> None:
    """Have deleted servers be kept for so long."""
    cloud.configure("api", "conductor", DEFAULT={"reclaim_instance_interval": seconds})


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCloud]:
    """A cloud that keeps deleted servers for an hour."""
    with bring_up(
        tmp_path_factory.mktemp("deferred"), f"deferred-{os.getpid()}", "--hosts", "1"
    ) as found:
        keep_for(found, LONG_S)
        yield found


@pytest.fixture
def server(cloud: WholeCloud) -> dict[str, Any]:
    """A server that is ACTIVE; each test takes it away."""
    return cloud.wait_for(cloud.boot("deferred"), "ACTIVE")


def delete(cloud: WholeCloud, server_id: str) -> dict[str, Any]:
    assert cloud.compute("DELETE", f"/servers/{server_id}").status == 204
    return cloud.wait_for(server_id, "SOFT_DELETED")


def force_delete(cloud: WholeCloud, server_id: str) -> None:
    act(cloud, server_id, {"forceDelete": None})

    def is_gone() -> bool:
        return bool(cloud.compute("GET", f"/servers/{server_id}").status == 404)

    wait_until(is_gone, "it is gone", 30.0)
    assert claims_of(cloud, server_id) == 0


def used(cloud: WholeCloud) -> int:
    return int(cloud.compute("GET", "/limits").json()["limits"]["absolute"]["totalInstancesUsed"])


def test_it_is_had_back(cloud: WholeCloud, server: dict[str, Any]) -> None:
    """Off, in no list but the deleted, counted by no quota; then ACTIVE with what it had."""
    gone = delete(cloud, server["id"])
    assert (gone["OS-EXT-STS:vm_state"], gone["OS-EXT-STS:power_state"]) == ("soft-delete", 4)
    assert domain_of(cloud, server).isActive() == 0
    assert (cloud.servers("deferred"), used(cloud)) == ([], 0)
    listed = cloud.compute("GET", "/servers?deleted=true").json()["servers"]
    assert server["id"] in [one["id"] for one in listed]
    for body, name in (({"os-start": None}, "start"), ({"rescue": None}, "rescue")):
        assert refusal(act(cloud, server["id"], body, 409)) == (
            f"Cannot '{name}' instance {server['id']} while it is in vm_state soft-delete"
        )
    cloud.command("check")
    assert actions_of(cloud, server["id"], 1) == [
        ("delete", "compute_soft_delete_instance", "Success")
    ]
    act(cloud, server["id"], {"restore": None})
    back = cloud.wait_for(server["id"], "ACTIVE")
    assert back["addresses"] == server["addresses"]
    assert domain_of(cloud, server).isActive() == 1
    assert used(cloud) == 1
    assert refusal(act(cloud, server["id"], {"restore": None}, 409)) == (
        f"Cannot 'restore' instance {server['id']} while it is in vm_state active"
    )
    force_delete(cloud, server["id"])
    cloud.command("check")


def test_it_is_deleted_for_good_when_asked(cloud: WholeCloud, server: dict[str, Any]) -> None:
    """forceDelete ends what a delete has kept, and what nobody has deleted; a lock keeps both."""
    delete(cloud, server["id"])
    delete(cloud, server["id"])
    force_delete(cloud, server["id"])
    demo = cloud.token("demo")
    answer = cloud.compute("POST", "/servers", cloud.body("deferred-demo"), token=demo)
    own = answer.json()["server"]["id"]
    cloud.wait_for(own, "ACTIVE")
    path = f"/servers/{own}"
    assert cloud.compute("POST", f"{path}/action", {"lock": None}, token=demo).status == 202
    for method, where, body in (("DELETE", "", None), ("POST", "/action", {"forceDelete": None})):
        assert cloud.compute(method, f"{path}{where}", body, token=demo).status == 409
    force_delete(cloud, own)


def test_a_restore_outlives_its_worker(cloud: WholeCloud, server: dict[str, Any]) -> None:
    """And so does a soft delete."""
    for operation, ask, status in (
        ("soft_delete", lambda: delete(cloud, server["id"]), "SOFT_DELETED"),
        ("restore", lambda: act(cloud, server["id"], {"restore": None}), "ACTIVE"),
    ):
        cloud.command("chaos", "failpoint", "arm", f"op.{operation}.before", "kill")
        ask()
        cloud.wait_for(server["id"], status, 60.0)
        cloud.command("chaos", "failpoint", "disarm", "--all")
        cloud.command("check", "--wait", "30")
    force_delete(cloud, server["id"])


def test_it_is_reclaimed_when_its_time_is_over(cloud: WholeCloud, server: dict[str, Any]) -> None:
    """With domain, claim and port, and by nobody's token."""
    delete(cloud, server["id"])
    keep_for(cloud, 1)

    def is_gone() -> bool:
        return bool(cloud.compute("GET", f"/servers/{server['id']}").status == 404)

    wait_until(is_gone, "it is reclaimed", 30.0)
    assert claims_of(cloud, server["id"]) == 0
    assert cloud.rows("SELECT id FROM ports WHERE device_id = :u", u=server["id"]) == []
    cloud.command("check")
    keep_for(cloud, LONG_S)
