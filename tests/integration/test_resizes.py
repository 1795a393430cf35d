"""Servers that are resized or migrated, as a client sees it: to another host, and back."""

from __future__ import annotations

from typing import Any

import pytest

from fake_hypervisor import libvirt
from tests.integration.conftest import wait_until_none
from tests.integration.test_lifecycle import act, claims_of, domain_of
from tests.integration.test_server_actions import actions_of, refusal
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

HOST = "OS-EXT-SRV-ATTR:host"


@pytest.fixture
def server(whole_cloud: WholeCloud) -> Any:
    """A server that is ACTIVE, and gone after the test, with all that it held."""
    server_id = whole_cloud.boot("resized")
    yield whole_cloud.wait_for(server_id, "ACTIVE")
    whole_cloud.delete_all("resized")
    whole_cloud.command("check", "--wait", "30")


def resize(cloud: WholeCloud, server_id: str, flavor: str = "2", status: int = 202) -> Any:
    return act(cloud, server_id, {"resize": {"flavorRef": flavor}}, status)


def migrations_of(cloud: WholeCloud, server_id: str, **more: str) -> list[dict[str, Any]]:
    query = "&".join(f"{key}={value}" for key, value in more.items())
    found = cloud.compute("GET", f"/os-migrations?instance_uuid={server_id}&{query}").json()
    return list(found["migrations"])


def test_a_resize_is_to_be_confirmed(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """It runs on another host, larger, with its addresses; the old guest is there until then."""
    uuid = server["id"]
    resize(whole_cloud, uuid)
    there = whole_cloud.wait_for(uuid, "VERIFY_RESIZE")
    assert there["OS-EXT-STS:vm_state"] == "resized"
    assert there[HOST] != server[HOST]
    assert (there["flavor"]["id"], there["addresses"]) == ("2", server["addresses"])
    guests = [domain_of(whole_cloud, one) for one in (there, server)]
    assert [guest.isActive() for guest in guests] == [1, 0]
    assert guests[0].maxMemory() == 2048 * 1024
    assert claims_of(whole_cloud, uuid) == 2
    whole_cloud.command("check", "--wait", "10")
    (shown,) = migrations_of(whole_cloud, uuid)
    assert (shown["source_compute"], shown["dest_compute"], shown["status"]) == (
        server[HOST], there[HOST], "finished",
    )  # fmt: skip
    assert (shown["old_instance_type_id"], shown["new_instance_type_id"]) == (1, 2)

    act(whole_cloud, uuid, {"confirmResize": None}, 204)
    over = whole_cloud.wait_for(uuid, "ACTIVE")
    assert (over[HOST], claims_of(whole_cloud, uuid)) == (there[HOST], 1)
    with pytest.raises(libvirt.libvirtError):
        domain_of(whole_cloud, server)
    assert len(migrations_of(whole_cloud, uuid, status="confirmed", host=server[HOST])) == 1
    assert migrations_of(whole_cloud, uuid, status="finished") == []
    assert actions_of(whole_cloud, uuid, 2) == [
        ("resize", "compute_finish_resize", "Success"),
        ("confirmResize", "compute_confirm_resize", "Success"),
    ]


def test_a_revert_is_as_if_nothing_had_been(
    whole_cloud: WholeCloud, server: dict[str, Any]
) -> None:
    """Host, flavor and addresses are the old ones, and the old guest goes on."""
    uuid = server["id"]
    resize(whole_cloud, uuid)
    there = whole_cloud.wait_for(uuid, "VERIFY_RESIZE")
    act(whole_cloud, uuid, {"revertResize": None})
    back = whole_cloud.wait_for(uuid, "ACTIVE")
    for key in (HOST, "addresses", "flavor", "created"):
        assert back[key] == server[key]
    assert (domain_of(whole_cloud, server).isActive(), claims_of(whole_cloud, uuid)) == (1, 1)
    with pytest.raises(libvirt.libvirtError):
        domain_of(whole_cloud, there)
    assert migrations_of(whole_cloud, uuid)[0]["status"] == "reverted"


def test_a_stopped_server_is_migrated_and_stays_off(
    whole_cloud: WholeCloud, server: dict[str, Any]
) -> None:
    """A cold migration keeps the flavor; an administrator alone may ask for it."""
    uuid = server["id"]
    act(whole_cloud, uuid, {"os-stop": None})
    whole_cloud.wait_for(uuid, "SHUTOFF")
    act(whole_cloud, uuid, {"migrate": None})
    there = whole_cloud.wait_for(uuid, "VERIFY_RESIZE")
    assert (there["flavor"]["id"], there["OS-EXT-STS:power_state"]) == ("1", 4)
    assert there[HOST] != server[HOST]
    act(whole_cloud, uuid, {"confirmResize": None}, 204)
    whole_cloud.wait_for(uuid, "SHUTOFF")
    answer = whole_cloud.compute(
        "POST", f"/servers/{uuid}/action", {"migrate": None}, token=whole_cloud.token("demo")
    )
    assert answer.status == 404
    assert (
        whole_cloud.compute("GET", "/os-migrations", token=whole_cloud.token("demo")).status == 403
    )


def test_one_that_no_host_takes_goes_on(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """It is ACTIVE where it was, its action says why, and it may be deleted at once."""
    made = whole_cloud.compute("POST", "/flavors", {
        "flavor": {"id": "huge", "name": "huge", "vcpus": 20000, "ram": 512, "disk": 1},
    })  # fmt: skip
    assert made.status == 200
    try:
        resize(whole_cloud, server["id"], "huge")

        def is_under_way() -> list[Any]:
            return migrations_of(whole_cloud, server["id"], status="pre-migrating")

        wait_until_none(is_under_way, "the resize has failed")
        back = whole_cloud.wait_for(server["id"], "ACTIVE")
    finally:
        whole_cloud.compute("DELETE", "/flavors/huge")
    assert (back[HOST], back["flavor"]["id"]) == (server[HOST], "1")
    assert migrations_of(whole_cloud, server["id"])[0]["status"] == "error"
    listed = whole_cloud.compute("GET", f"/servers/{server['id']}/os-instance-actions").json()
    assert listed["instanceActions"][0]["message"].startswith("No valid host was found.")


def test_what_is_refused(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """In Nova's words: the same flavor, one that is not there, a state that does not allow it."""
    uuid = server["id"]
    same = resize(whole_cloud, uuid, "1", 400)
    assert refusal(same, "badRequest") == "When resizing, instances must change flavor!"
    gone = resize(whole_cloud, uuid, "no-such", 400)
    assert refusal(gone, "badRequest") == "Unable to locate requested flavor."
    assert act(whole_cloud, uuid, {"resize": {}}, 400)
    for body, name in (({"confirmResize": None}, "confirmResize"),
                       ({"revertResize": None}, "revertResize")):  # fmt: skip
        assert refusal(act(whole_cloud, uuid, body, 409)) == (
            f"Cannot '{name}' instance {uuid} while it is in vm_state active"
        )
    act(whole_cloud, uuid, {"pause": None})
    whole_cloud.wait_for(uuid, "PAUSED")
    assert refusal(resize(whole_cloud, uuid, status=409)) == (
        f"Cannot 'resize' instance {uuid} while it is in vm_state paused"
    )


def test_a_resized_server_is_deleted_everywhere(
    whole_cloud: WholeCloud, server: dict[str, Any]
) -> None:
    """No guest of it is left on either host."""
    resize(whole_cloud, server["id"])
    there = whole_cloud.wait_for(server["id"], "VERIFY_RESIZE")
    whole_cloud.delete_all("resized")
    for one in (server, there):
        with pytest.raises(libvirt.libvirtError):
            domain_of(whole_cloud, one)
