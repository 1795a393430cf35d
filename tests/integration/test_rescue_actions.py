"""Servers that run from a rescue image, as a client sees them."""

from __future__ import annotations

from typing import Any

import pytest

from fake_hypervisor import libvirt
from tests.integration.test_lifecycle import act, domain_of
from tests.integration.test_server_actions import actions_of, refusal
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def server(whole_cloud: WholeCloud) -> Any:
    """The admin's server, ACTIVE; each test leaves it so."""
    server_id = whole_cloud.boot("rescued")
    yield whole_cloud.wait_for(server_id, "ACTIVE")
    whole_cloud.delete_all("rescued")


def test_it_runs_from_the_image_and_back(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """RESCUE in the API and one disk more in the hypervisor, until unrescue."""
    answer = act(whole_cloud, server["id"], {"rescue": {"adminPass": "s3cret"}}, 200)
    assert answer == {"adminPass": "s3cret"}
    rescued = whole_cloud.wait_for(server["id"], "RESCUE")
    assert (rescued["OS-EXT-STS:vm_state"], rescued["OS-EXT-STS:power_state"]) == ("rescued", 1)
    domain = domain_of(whole_cloud, server)
    assert domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING
    assert "disk.rescue" in domain.XMLDesc()
    for body, name in (
        ({"os-stop": None}, "stop"), ({"os-start": None}, "start"), ({"pause": None}, "pause"),
        ({"reboot": {"type": "SOFT"}}, "reboot"), ({"reboot": {"type": "HARD"}}, "reboot"),
        ({"suspend": None}, "suspend"), ({"rescue": None}, "rescue"),
        ({"createImage": {"name": "x"}}, "createImage"),
    ):  # fmt: skip
        assert refusal(act(whole_cloud, server["id"], body, 409)) == (
            f"Cannot '{name}' instance {server['id']} while it is in vm_state rescued"
        )
    found = whole_cloud.compute("GET", "/servers?status=RESCUE").json()["servers"]
    assert [one["id"] for one in found] == [server["id"]]
    whole_cloud.command("check")
    act(whole_cloud, server["id"], {"unrescue": None})
    active = whole_cloud.wait_for(server["id"], "ACTIVE")
    assert active["addresses"] == server["addresses"]
    assert "disk.rescue" not in domain.XMLDesc()
    assert domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING
    assert actions_of(whole_cloud, server["id"], 2) == [
        ("rescue", "compute_rescue_instance", "Success"),
        ("unrescue", "compute_unrescue_instance", "Success"),
    ]


def test_a_stopped_one_runs_afterwards(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """As in Nova: unrescue ends in ACTIVE, whatever it was before."""
    act(whole_cloud, server["id"], {"os-stop": None})
    whole_cloud.wait_for(server["id"], "SHUTOFF")
    shown = act(whole_cloud, server["id"], {"rescue": None}, 200)
    assert len(shown["adminPass"]) >= 12
    whole_cloud.wait_for(server["id"], "RESCUE")
    act(whole_cloud, server["id"], {"unrescue": None})
    whole_cloud.wait_for(server["id"], "ACTIVE")


def test_what_is_refused(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """An image that is not there, a body that is none, and a server that is not rescued."""
    missing = "00000000-0000-0000-0000-000000000000"
    body = {"rescue": {"rescue_image_ref": missing}}
    answer = act(whole_cloud, server["id"], body, 400)
    assert refusal(answer, "badRequest") == f"Requested rescue image '{missing}' is not supported"
    act(whole_cloud, server["id"], {"rescue": {"rescue_image_ref": "no uuid"}}, 400)
    act(whole_cloud, server["id"], {"rescue": {"colour": "red"}}, 400)
    assert refusal(act(whole_cloud, server["id"], {"unrescue": None}, 409)) == (
        f"Cannot 'unrescue' instance {server['id']} while it is in vm_state active"
    )
    assert whole_cloud.server(server["id"])["OS-EXT-STS:task_state"] is None


def test_a_rescued_server_is_deleted(whole_cloud: WholeCloud) -> None:
    """With all that it had."""
    server_id = whole_cloud.boot("unlucky")
    whole_cloud.wait_for(server_id, "ACTIVE")
    act(whole_cloud, server_id, {"rescue": {"rescue_image_ref": whole_cloud.image_id}}, 200)
    whole_cloud.wait_for(server_id, "RESCUE")
    whole_cloud.delete_all("unlucky")
    whole_cloud.command("check")
