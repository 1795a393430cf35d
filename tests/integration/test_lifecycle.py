"""What becomes of a server after its boot: in the API, in the books and in the hypervisor."""

from __future__ import annotations

from typing import Any

import pytest

from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri
from tests.integration.conftest import wait_until_none
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud


def domain_of(cloud: WholeCloud, server: dict[str, Any]) -> Any:
    """Return the server's domain from its host's store. Raises libvirtError when there is none."""
    host = server["OS-EXT-SRV-ATTR:host"]
    store = cloud.record.state_dir / "hypervisor" / host
    uri = make_uri(store, server["OS-EXT-SRV-ATTR:hypervisor_hostname"])
    return libvirt.open(uri).lookupByUUIDString(server["id"])


def act(cloud: WholeCloud, server_id: str, body: dict[str, Any], status: int = 202) -> Any:
    answer = cloud.compute("POST", f"/servers/{server_id}/action", body)
    assert answer.status == status, answer.data
    return answer.json() if answer.data else None


def claims_of(cloud: WholeCloud, server_id: str) -> int:
    return len(cloud.rows("SELECT * FROM claims WHERE instance_uuid = :u", u=server_id))


@pytest.fixture
def server(whole_cloud: WholeCloud) -> Any:
    """A server that is ACTIVE, and gone after the test."""
    server_id = whole_cloud.boot("lived", metadata={"colour": "red"})
    yield whole_cloud.wait_for(server_id, "ACTIVE")
    whole_cloud.delete_all("lived")


def test_power_follows_in_the_hypervisor(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """Stop shuts the domain off and start runs it; the claim stays all the while."""
    domain = domain_of(whole_cloud, server)
    assert domain.isActive() == 1
    act(whole_cloud, server["id"], {"os-stop": None})
    stopped = whole_cloud.wait_for(server["id"], "SHUTOFF")
    assert (stopped["OS-EXT-STS:vm_state"], stopped["OS-EXT-STS:power_state"]) == ("stopped", 4)
    assert domain.isActive() == 0
    assert claims_of(whole_cloud, server["id"]) == 1
    act(whole_cloud, server["id"], {"os-start": None})
    started = whole_cloud.wait_for(server["id"], "ACTIVE")
    assert (started["OS-EXT-STS:vm_state"], started["OS-EXT-STS:power_state"]) == ("active", 1)
    assert domain.isActive() == 1
    assert started["addresses"] == server["addresses"]


def test_two_reboots_are_two_events(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """Each request is an action of its own, with its request id and its event's success."""
    asked = []
    for kind in ("SOFT", "HARD"):
        path = f"/servers/{server['id']}/action"
        answer = whole_cloud.compute("POST", path, {"reboot": {"type": kind}})
        asked.append(answer.headers.get("x-openstack-request-id"))
        whole_cloud.wait_for(server["id"], "ACTIVE")
    listed = whole_cloud.compute("GET", f"/servers/{server['id']}/os-instance-actions").json()
    reboots = [one for one in listed["instanceActions"] if one["action"] == "reboot"]
    assert [one["request_id"] for one in reversed(reboots)] == asked
    for request_id in asked:
        path = f"/servers/{server['id']}/os-instance-actions/{request_id}"
        shown = whole_cloud.compute("GET", path).json()["instanceAction"]
        assert [event["result"] for event in shown["events"]] == ["Success"]
        assert shown["events"][0]["event"] == "compute_reboot_instance"
        assert shown["message"] is None


def test_what_a_state_forbids_is_a_conflict(
    whole_cloud: WholeCloud, server: dict[str, Any]
) -> None:
    """A server that runs is not started; the refusal is no action of it."""
    before = whole_cloud.scalar("SELECT count(*) FROM instance_actions")
    refused = act(whole_cloud, server["id"], {"os-start": None}, 409)
    assert "while it is in vm_state active" in refused["conflictingRequest"]["message"]
    act(whole_cloud, server["id"], {"no-such-action": None}, 400)
    act(whole_cloud, server["id"], {"reboot": {"type": "WARM"}}, 400)
    act(whole_cloud, server["id"], {"os-stop": None, "os-start": None}, 400)
    assert whole_cloud.scalar("SELECT count(*) FROM instance_actions") == before


def test_rename_changes_the_name_alone(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """PUT renames; the hypervisor's domain and all else stay."""
    body = {"server": {"name": "lived-on"}}
    changed = whole_cloud.compute("PUT", f"/servers/{server['id']}", body)
    assert changed.status == 200
    now = whole_cloud.server(server["id"])
    assert now["name"] == "lived-on"
    differs = {key for key in now if now[key] != server.get(key)}
    assert differs <= {"name", "updated"}
    assert now["metadata"] == {"colour": "red"}


def test_delete_leaves_nothing(whole_cloud: WholeCloud) -> None:
    """A stopped server is deleted like any: no domain, claim, port or counted quota is left."""
    used = "SELECT coalesce(sum(instances), 0) FROM quota_usages"
    before = whole_cloud.scalar(used)
    server_id = whole_cloud.boot("ended")
    server = whole_cloud.wait_for(server_id, "ACTIVE")
    act(whole_cloud, server_id, {"os-stop": None})
    whole_cloud.wait_for(server_id, "SHUTOFF")
    assert whole_cloud.scalar(used) == before + 1
    assert whole_cloud.compute("DELETE", f"/servers/{server_id}").status == 204
    wait_until_none(lambda: whole_cloud.servers("ended"), "the server is gone")
    assert whole_cloud.compute("GET", f"/servers/{server_id}").status == 404
    with pytest.raises(libvirt.libvirtError, match="Domain not found"):
        domain_of(whole_cloud, server)
    assert claims_of(whole_cloud, server_id) == 0
    assert whole_cloud.rows("SELECT * FROM ports WHERE device_id = :u", u=server_id) == []
    assert whole_cloud.scalar(used) == before
    assert whole_cloud.compute("DELETE", f"/servers/{server_id}").status == 404


def test_delete_while_it_builds(whole_cloud: WholeCloud) -> None:
    """A delete right behind the boot wins: whatever the build had made is taken back."""
    ids = [whole_cloud.boot("hasty") for _ in range(5)]
    for server_id in ids:
        assert whole_cloud.compute("DELETE", f"/servers/{server_id}").status == 204
    wait_until_none(lambda: whole_cloud.servers("hasty"), "the servers are gone", 30)

    def held() -> list[Any]:
        return [
            row
            for server_id in ids
            for table, column in (("claims", "instance_uuid"), ("ports", "device_id"))
            for row in whole_cloud.rows(f"SELECT * FROM {table} WHERE {column} = :u", u=server_id)
        ]

    wait_until_none(held, "no claim and no port is held", 30)
    hosts = whole_cloud.record.hosts
    stores = [make_uri(whole_cloud.record.state_dir / "hypervisor" / host, host) for host in hosts]

    def domains() -> set[str]:
        found = [one for store in stores for one in libvirt.open(store).listAllDomains(0)]
        return {domain.UUIDString() for domain in found} & set(ids)

    wait_until_none(domains, "no domain is left", 30)
