"""Metadata on a whole cloud: over HTTP as Neutron's proxy asks, and on the config drive."""

from __future__ import annotations

import base64
import configparser
import hashlib
import hmac
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from devstack_lite.clients.http import Answer, HttpPeer
from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri
from tests.integration.conftest import wait_until, wait_until_none
from tests.integration.whole_cloud import WholeCloud
from tests.unit.test_config_drive import read_iso

pytestmark = pytest.mark.cloud

USER_DATA = b"#cloud-config\n"


def ask(cloud: WholeCloud, uuid: str, path: str, method: str = "GET") -> Answer:
    """Ask as Neutron's metadata proxy does, which knows the secret."""
    conf = configparser.ConfigParser(interpolation=None)
    conf.read(cloud.record.etc_dir / "api.conf")
    secret = conf["neutron"]["metadata_proxy_shared_secret"]
    project_id = cloud.server(uuid)["tenant_id"]
    headers = {
        "X-Instance-ID": uuid, "X-Tenant-ID": project_id, "X-Forwarded-For": "10.0.0.9",
        "X-Instance-ID-Signature":
            hmac.new(secret.encode(), uuid.encode(), hashlib.sha256).hexdigest(),
    }  # fmt: skip
    return HttpPeer(cloud.record.metadata_url).request(method, path, headers=headers)


def drives_of(cloud: WholeCloud, uuid: str) -> list[Path]:
    store = cloud.record.state_dir / "hypervisor"
    return sorted(store.glob(f"*/nodes/*/var/lib/nova/instances/{uuid}/disk.config"))


def cdrom_of(cloud: WholeCloud, uuid: str) -> str:
    """Return the file in the drive of a server's guest, as its XML says."""
    server = cloud.server(uuid)
    host, node = (server[f"OS-EXT-SRV-ATTR:{key}"] for key in ("host", "hypervisor_hostname"))
    connection = libvirt.open(make_uri(cloud.record.state_dir / "hypervisor" / host, node))
    document = ET.fromstring(connection.lookupByUUIDString(uuid).XMLDesc(0))
    return document.findall("devices/disk[@device='cdrom']/source")[0].get("file", "")


def test_a_server_reads_its_metadata(whole_cloud: WholeCloud) -> None:
    """What its user gave it, and where network has put it; nothing once it is gone."""
    uuid = whole_cloud.boot(
        "reads", user_data=base64.b64encode(USER_DATA).decode(), metadata={"a": "b"}
    )
    server = whole_cloud.wait_for(uuid, "ACTIVE")
    [address] = server["addresses"]["private"]
    meta = ask(whole_cloud, uuid, "/openstack/latest/meta_data.json").json()
    assert (meta["uuid"], meta["name"], meta["meta"]) == (uuid, "reads", {"a": "b"})
    assert meta["availability_zone"] == server["OS-EXT-AZ:availability_zone"]
    assert ask(whole_cloud, uuid, "/openstack/latest/user_data").data == USER_DATA
    assert ask(whole_cloud, uuid, "/latest/meta-data/local-ipv4").data == address["addr"].encode()
    assert ask(whole_cloud, uuid, "/latest/meta-data/security-groups").data == b"default"
    [link] = ask(whole_cloud, uuid, "/openstack/latest/network_data.json").json()["links"]
    assert link["ethernet_mac_address"] == address["OS-EXT-IPS-MAC:mac_addr"]
    assert HttpPeer(whole_cloud.record.metadata_url).request("GET", "/").status == 200
    assert HttpPeer(whole_cloud.record.metadata_url).request("GET", "/latest").status == 400
    assert drives_of(whole_cloud, uuid) == []
    whole_cloud.delete_all("reads")


def test_a_config_drive_is_where_its_guest_is(whole_cloud: WholeCloud) -> None:
    """From the boot through a rebuild, a live migration and a resize, until the server is gone."""
    cloud = whole_cloud
    uuid = cloud.boot("drives", config_drive=True, user_data=base64.b64encode(USER_DATA).decode())
    server = cloud.wait_for(uuid, "ACTIVE")
    first = server["OS-EXT-SRV-ATTR:host"]
    [drive] = drives_of(cloud, uuid)
    assert drive.relative_to(cloud.record.state_dir).parts[1:4] == (first, "nodes", first)
    assert cdrom_of(cloud, uuid) == f"/var/lib/nova/instances/{uuid}/disk.config"
    found = read_iso(drive.read_bytes())
    assert found["openstack/latest/user_data"] == USER_DATA
    [address] = server["addresses"]["private"]
    ec2 = json.loads(found["ec2/latest/meta-data.json"])
    assert (ec2["local-ipv4"], ec2["placement"]) == (
        address["addr"], {"availability-zone": "nova"},
    )  # fmt: skip
    network = json.loads(found["openstack/latest/network_data.json"])
    assert network == ask(cloud, uuid, "/openstack/latest/network_data.json").json()

    def act(body: dict[str, object], status: str) -> None:
        answer = cloud.compute(
            "POST", f"/servers/{uuid}/action", body,
            headers={"X-OpenStack-Nova-API-Version": "2.57"},
        )  # fmt: skip
        assert answer.status == 202, answer.data
        cloud.wait_for(uuid, status)

    fresh = base64.b64encode(b"other").decode()
    act({"rebuild": {"imageRef": cloud.image_id, "user_data": fresh}}, "ACTIVE")
    [drive] = drives_of(cloud, uuid)
    assert read_iso(drive.read_bytes())["openstack/latest/user_data"] == b"other"
    act({"os-migrateLive": {"host": None, "block_migration": "auto"}}, "ACTIVE")
    second = cloud.server(uuid)["OS-EXT-SRV-ATTR:host"]
    assert second != first
    [drive] = drives_of(cloud, uuid)
    assert drive.relative_to(cloud.record.state_dir).parts[1] == second
    assert read_iso(drive.read_bytes())["openstack/latest/user_data"] == b"other"
    act({"resize": {"flavorRef": "2"}}, "VERIFY_RESIZE")
    assert len(drives_of(cloud, uuid)) == 2
    answer = cloud.compute("POST", f"/servers/{uuid}/action", {"confirmResize": None})
    assert answer.status == 204
    cloud.wait_for(uuid, "ACTIVE")
    third = cloud.server(uuid)["OS-EXT-SRV-ATTR:host"]
    wait_until(lambda: len(drives_of(cloud, uuid)) == 1, "one drive is left")
    [drive] = drives_of(cloud, uuid)
    assert drive.relative_to(cloud.record.state_dir).parts[1] == third
    cloud.delete_all("drives")
    wait_until_none(lambda: drives_of(cloud, uuid), "the drive is gone")
