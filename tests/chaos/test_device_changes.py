"""Volumes and ports come and go while workers die: each change is finished, once, or undone."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from devstack_lite.failpoints import Action
from fake_hypervisor import libvirt
from tests.chaos.test_failpoints import armed
from tests.integration.conftest import wait_until
from tests.integration.test_lifecycle import domain_of
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud


def serials(cloud: WholeCloud, server: dict[str, Any]) -> list[set[str]]:
    """Return the volumes that the guest has: running, and as it is defined."""
    domain = domain_of(cloud, server)
    texts = [domain.XMLDesc(flags) for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE)]
    return [
        {one.text or "" for one in ET.fromstring(text).iterfind("devices/disk/serial")}
        for text in texts
    ]


def wait_for_volume(cloud: WholeCloud, volume_id: str, status: str) -> None:
    query = "SELECT status FROM volumes WHERE id = :v"
    wait_until(lambda: cloud.scalar(query, v=volume_id) == status, f"{volume_id} is {status}", 60.0)
    wait_until(lambda: not cloud.rows("SELECT * FROM device_changes"), "nothing is under way", 60.0)


def make_volume(cloud: WholeCloud) -> str:
    made = cloud.sdk().block_storage.create_volume(size=1, name="moved")
    wait_for_volume(cloud, made.id, "available")
    return str(made.id)


POINTS = [
    # test_life has the others; here the guest is looked at, too.
    ("op.{}.before", Action.KILL),
    ("http.volume.*", Action.KILL),
    ("rpc.compute.change_device.before", Action.DROP),
]


@pytest.mark.parametrize(("point", "action"), POINTS)
def test_a_volume_comes_and_goes_though_workers_die(
    cloud: WholeCloud, point: str, action: Action
) -> None:
    """It is in the guest and in-use, then neither; its server is ACTIVE all the while."""
    volume_id = make_volume(cloud)
    server_id = cloud.boot("moved")
    server = cloud.wait_for(server_id, "ACTIVE")
    path = f"/servers/{server_id}/os-volume_attachments"
    with armed(cloud, point.format("attach_volume"), action) as (points, made):
        body = {"volumeAttachment": {"volumeId": volume_id}}
        answer = cloud.compute("POST", path, body)
        assert answer.status == 200, answer.data
        wait_for_volume(cloud, volume_id, "in-use")
        wait_until(lambda: points.firings(made.id), "a worker dies")
    assert serials(cloud, server) == [{volume_id}] * 2
    with armed(cloud, point.format("detach_volume"), action) as (points, made):
        answer = cloud.compute("DELETE", f"{path}/{volume_id}")
        assert answer.status == 202, answer.data
        wait_for_volume(cloud, volume_id, "available")
        wait_until(lambda: points.firings(made.id), "a worker dies")
    assert serials(cloud, server) == [set()] * 2
    assert cloud.server(server_id)["status"] == "ACTIVE"


def taps(cloud: WholeCloud, server: dict[str, Any]) -> list[int]:
    """Return how many interfaces the guest has: running, and as it is defined."""
    domain = domain_of(cloud, server)
    texts = [domain.XMLDesc(flags) for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE)]
    return [len(ET.fromstring(text).findall("devices/interface")) for text in texts]


@pytest.mark.parametrize(
    ("point", "action"), [(p.replace("volume", "network"), action) for p, action in POINTS]
)
def test_a_port_comes_and_goes_though_workers_die(
    cloud: WholeCloud, point: str, action: Action
) -> None:
    """It is answered for when the guest has it, whoever did it; then it is gone."""
    server_id = cloud.boot("plugged")
    server = cloud.wait_for(server_id, "ACTIVE")
    path = f"/servers/{server_id}/os-interface"
    with armed(cloud, point.format("attach_interface"), action) as (points, made):
        body = {"interfaceAttachment": {"net_id": cloud.network_id}}
        answer = cloud.compute("POST", path, body)
        assert answer.status == 200, answer.data
        wait_until(lambda: points.firings(made.id), "a worker dies")
    port_id = answer.json()["interfaceAttachment"]["port_id"]
    assert taps(cloud, server) == [2, 2]
    with armed(cloud, point.format("detach_interface"), action) as (points, made):
        assert cloud.compute("DELETE", f"{path}/{port_id}").status == 202
        wait_until(
            lambda: not cloud.rows("SELECT * FROM device_changes"), "nothing is under way", 60.0
        )
        wait_until(lambda: points.firings(made.id), "a worker dies")
    assert taps(cloud, server) == [1, 1]
    assert cloud.rows("SELECT * FROM ports WHERE id = :p", p=port_id) == []
