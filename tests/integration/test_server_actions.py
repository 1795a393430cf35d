"""What can be asked of a server that is there: each action there and back, as a client sees it."""

from __future__ import annotations

from typing import Any

import pytest

from devstack_lite.wsgi.versions import ApiVersion
from fake_hypervisor import libvirt
from services.api.versions import VERSIONS
from tests.integration.test_lifecycle import act, domain_of
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

SINCE_CRASH_DUMPS = ApiVersion(2, 17)


@pytest.fixture(scope="module")
def server(whole_cloud: WholeCloud) -> Any:
    """The admin's server, ACTIVE; each test leaves it so."""
    server_id = whole_cloud.boot("acted-on", metadata={"colour": "red"})
    yield whole_cloud.wait_for(server_id, "ACTIVE")
    whole_cloud.delete_all("acted-on")


@pytest.fixture(scope="module")
def demo(whole_cloud: WholeCloud) -> str:
    """The token of a member who is no administrator."""
    return whole_cloud.token("demo")


@pytest.fixture(scope="module")
def members(whole_cloud: WholeCloud, demo: str) -> Any:
    """A member's server, ACTIVE; each test leaves it so."""
    answer = whole_cloud.compute("POST", "/servers", whole_cloud.body("members"), token=demo)
    assert answer.status == 202, answer.data
    yield whole_cloud.wait_for(answer.json()["server"]["id"], "ACTIVE")
    assert whole_cloud.compute("DELETE", f"/servers/{answer.json()['server']['id']}").status == 204


def refusal(answer: Any, name: str = "conflictingRequest") -> str:
    return str(answer[name]["message"])


def actions_of(cloud: WholeCloud, server_id: str, count: int) -> list[tuple[str, str, str]]:
    """Return the last actions, oldest first: name, its event, and the event's result."""
    path = f"/servers/{server_id}/os-instance-actions"
    listed = cloud.compute("GET", path).json()["instanceActions"][:count]
    found = []
    for one in reversed(listed):
        shown = cloud.compute("GET", f"{path}/{one['request_id']}").json()["instanceAction"]
        event = shown["events"][0]
        found.append((one["action"], event["event"], event["result"]))
    return found


def test_pause_stops_the_processors(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """A paused server is PAUSED in the API and in the hypervisor, and goes on where it was."""
    act(whole_cloud, server["id"], {"pause": None})
    paused = whole_cloud.wait_for(server["id"], "PAUSED")
    assert (paused["OS-EXT-STS:vm_state"], paused["OS-EXT-STS:power_state"]) == ("paused", 3)
    domain = domain_of(whole_cloud, server)
    assert domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED
    for body, name in (({"pause": None}, "pause"), ({"os-stop": None}, "stop"),
                       ({"suspend": None}, "suspend")):  # fmt: skip
        assert refusal(act(whole_cloud, server["id"], body, 409)) == (
            f"Cannot '{name}' instance {server['id']} while it is in vm_state paused"
        )
    found = whole_cloud.compute("GET", "/servers?status=PAUSED").json()["servers"]
    assert [one["id"] for one in found] == [server["id"]]
    act(whole_cloud, server["id"], {"unpause": None})
    whole_cloud.wait_for(server["id"], "ACTIVE")
    assert domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING
    assert actions_of(whole_cloud, server["id"], 2) == [
        ("pause", "compute_pause_instance", "Success"),
        ("unpause", "compute_unpause_instance", "Success"),
    ]


def test_suspend_puts_the_memory_on_disk(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """A suspended server is off with its memory saved; resume starts it from there."""
    act(whole_cloud, server["id"], {"suspend": None})
    suspended = whole_cloud.wait_for(server["id"], "SUSPENDED")
    assert (suspended["OS-EXT-STS:vm_state"], suspended["OS-EXT-STS:power_state"]) == (
        "suspended", 4,
    )  # fmt: skip
    domain = domain_of(whole_cloud, server)
    assert (domain.isActive(), domain.hasManagedSaveImage()) == (0, 1)
    for body, name in (({"pause": None}, "pause"), ({"unpause": None}, "unpause"),
                       ({"os-start": None}, "start")):  # fmt: skip
        assert refusal(act(whole_cloud, server["id"], body, 409)) == (
            f"Cannot '{name}' instance {server['id']} while it is in vm_state suspended"
        )
    act(whole_cloud, server["id"], {"resume": None})
    whole_cloud.wait_for(server["id"], "ACTIVE")
    assert domain.state() == [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_RESTORED]
    assert actions_of(whole_cloud, server["id"], 2) == [
        ("suspend", "compute_suspend_instance", "Success"),
        ("resume", "compute_resume_instance", "Success"),
    ]


def test_a_hard_reboot_ends_both(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """It boots a server that stands still; a soft one is refused."""
    for action, status in (("pause", "PAUSED"), ("suspend", "SUSPENDED")):
        act(whole_cloud, server["id"], {action: None})
        whole_cloud.wait_for(server["id"], status)
        act(whole_cloud, server["id"], {"reboot": {"type": "SOFT"}}, 409)
        act(whole_cloud, server["id"], {"reboot": {"type": "HARD"}})
        whole_cloud.wait_for(server["id"], "ACTIVE")
        state = domain_of(whole_cloud, server).state()
        assert state == [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED]


def test_a_locked_server_is_an_administrators_alone(
    whole_cloud: WholeCloud, members: dict[str, Any], demo: str
) -> None:
    """Its owner's actions are refused with 409, an administrator's pass; unlocking ends it."""
    path = f"/servers/{members['id']}"

    def ask(body: Any, token: str | None = None) -> int:
        return whole_cloud.compute("POST", f"{path}/action", body, token=token).status

    assert ask({"lock": None}, demo) == 202
    refused = whole_cloud.compute("POST", f"{path}/action", {"os-stop": None}, token=demo)
    assert (refused.status, refusal(refused.json())) == (409, f"Instance {members['id']} is locked")
    for body in ({"pause": None}, {"reboot": {"type": "HARD"}}, {"suspend": None}):
        assert ask(body, demo) == 409
    assert whole_cloud.compute("DELETE", path, token=demo).status == 409
    assert whole_cloud.server(members["id"])["OS-EXT-STS:task_state"] is None
    assert ask({"os-stop": None}) == 202
    whole_cloud.wait_for(members["id"], "SHUTOFF")
    assert ask({"os-start": None}, demo) == 409
    assert ask({"unlock": None}, demo) == 202
    assert ask({"os-start": None}, demo) == 202
    whole_cloud.wait_for(members["id"], "ACTIVE")


def test_what_an_administrator_locks_its_owner_does_not_unlock(
    whole_cloud: WholeCloud, members: dict[str, Any], demo: str
) -> None:
    """403 by Nova's rule; an administrator unlocks it."""
    path = f"/servers/{members['id']}/action"
    assert whole_cloud.compute("POST", path, {"lock": None}).status == 202
    refused = whole_cloud.compute("POST", path, {"unlock": None}, token=demo)
    rule = "os_compute_api:os-lock-server:unlock:unlock_override"
    assert refused.status == 403
    assert refusal(refused.json(), "forbidden") == f"Policy doesn't allow {rule} to be performed."
    assert whole_cloud.compute("POST", path, {"unlock": None}).status == 202
    assert actions_of(whole_cloud, members["id"], 2) == [
        ("lock", "api_lock", "Success"), ("unlock", "api_unlock", "Success"),
    ]  # fmt: skip


def test_anothers_server_is_not_there(
    whole_cloud: WholeCloud, server: dict[str, Any], demo: str
) -> None:
    """404 for whatever a member asks of another project's server."""
    path = f"/servers/{server['id']}/action"
    for name in ("pause", "unpause", "suspend", "resume", "lock", "unlock"):
        assert whole_cloud.compute("POST", path, {name: None}, token=demo).status == 404


def test_network_info_is_injected_by_doing_nothing(
    whole_cloud: WholeCloud, server: dict[str, Any], demo: str, members: dict[str, Any]
) -> None:
    """202 for an administrator, as with Nova's libvirt driver; 403 for a member."""
    act(whole_cloud, server["id"], {"injectNetworkInfo": None})
    path = f"/servers/{members['id']}/action"
    refused = whole_cloud.compute("POST", path, {"injectNetworkInfo": None}, token=demo)
    assert (refused.status, refusal(refused.json(), "forbidden")) == (
        403,
        "Policy doesn't allow os_compute_api:os-admin-actions:inject_network_info to be performed.",
    )
    assert whole_cloud.compute("POST", path, {"resetNetwork": None}).status == 410
    assert whole_cloud.server(server["id"])["status"] == "ACTIVE"


@pytest.mark.skipif(VERSIONS.maximum < SINCE_CRASH_DUMPS, reason="no client may ask for it yet")
def test_a_crash_dump_leaves_the_server_what_it_was(
    whole_cloud: WholeCloud, server: dict[str, Any]
) -> None:
    """From 2.17 on; one that is off is refused."""
    headers = {"OpenStack-API-Version": "compute 2.17"}
    path, body = f"/servers/{server['id']}/action", {"trigger_crash_dump": None}
    assert whole_cloud.compute("POST", path, body, headers=headers).status == 202
    whole_cloud.wait_for(server["id"], "ACTIVE")
    assert actions_of(whole_cloud, server["id"], 1) == [
        ("trigger_crash_dump", "compute_trigger_crash_dump", "Success")
    ]
    act(whole_cloud, server["id"], {"os-stop": None})
    whole_cloud.wait_for(server["id"], "SHUTOFF")
    assert whole_cloud.compute("POST", path, body, headers=headers).status == 409
    act(whole_cloud, server["id"], {"os-start": None})
    whole_cloud.wait_for(server["id"], "ACTIVE")
