"""The unmodified SDK and novaclient drive the cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def sdk(whole_cloud: WholeCloud) -> Any:
    """An SDK connection as admin."""
    return whole_cloud.sdk()


def test_stop_start_and_reboot(whole_cloud: WholeCloud, sdk: Any) -> None:
    """Each action ends in its state and is one event."""
    server = sdk.compute.create_server(
        name="power", flavor_id="1", image_id=whole_cloud.image_id,
        networks=[{"uuid": whole_cloud.network_id}],
    )  # fmt: skip
    sdk.compute.wait_for_server(server, interval=0.2, wait=30)
    sdk.compute.stop_server(server)
    whole_cloud.wait_for(server.id, "SHUTOFF")
    refused = whole_cloud.compute("POST", f"/servers/{server.id}/action", {"os-stop": None})
    assert refused.status == 409
    assert refused.json()["conflictingRequest"]["message"] == (
        f"Cannot 'stop' instance {server.id} while it is in vm_state stopped"
    )
    sdk.compute.start_server(server)
    whole_cloud.wait_for(server.id, "ACTIVE")
    for kind in ("SOFT", "HARD"):
        sdk.compute.reboot_server(server, kind)
        whole_cloud.wait_for(server.id, "ACTIVE")
    actions = [action.action for action in sdk.compute.server_actions(server)]
    assert actions == ["reboot", "reboot", "start", "stop", "create"]
    sdk.compute.delete_server(server)
    sdk.compute.wait_for_delete(server, interval=0.2, wait=30)


def test_flavors(sdk: Any) -> None:
    """Flavors are listed, made, shown and removed; a name is taken once."""
    names = {flavor.name for flavor in sdk.compute.flavors()}
    assert {"m1.tiny", "m1.small", "m1.medium", "m1.large", "m1.xlarge"} <= names
    made = sdk.compute.create_flavor(name="mine", ram=128, vcpus=1, disk=1)
    assert sdk.compute.get_flavor(made.id).ram == 128
    from openstack import exceptions

    with pytest.raises(exceptions.ConflictException):
        sdk.compute.create_flavor(name="mine", ram=128, vcpus=1, disk=1)
    sdk.compute.delete_flavor(made)
    assert "mine" not in {flavor.name for flavor in sdk.compute.flavors()}


def test_keypairs(sdk: Any) -> None:
    """A key pair is made by the cloud or imported, listed and removed."""
    made = sdk.compute.create_keypair(name="made")
    assert "PRIVATE KEY" in made.private_key
    sdk.compute.create_keypair(name="imported", public_key=made.public_key)
    found = {keypair.name: keypair.fingerprint for keypair in sdk.compute.keypairs()}
    assert found["made"] == found["imported"]
    for name in ("made", "imported"):
        sdk.compute.delete_keypair(name)
    assert list(sdk.compute.keypairs()) == []


def test_networks_subnets_and_ports(sdk: Any) -> None:
    """A network with a subnet gives ports addresses, and is not removed while it has ports."""
    from openstack import exceptions

    network = sdk.network.create_network(name="own")
    subnet = sdk.network.create_subnet(
        network_id=network.id, name="own-subnet", ip_version=4, cidr="192.168.7.0/29"
    )
    assert subnet.gateway_ip == "192.168.7.1"
    ports = [sdk.network.create_port(network_id=network.id, name=f"p{n}") for n in range(5)]
    found = sorted(port.fixed_ips[0]["ip_address"] for port in ports)
    assert found == [f"192.168.7.{n}" for n in range(2, 7)]
    with pytest.raises(exceptions.ConflictException, match="No more IP addresses"):
        sdk.network.create_port(network_id=network.id)
    with pytest.raises(exceptions.ConflictException, match="ports still in use"):
        sdk.network.delete_network(network)
    for port in ports:
        sdk.network.delete_port(port)
    sdk.network.delete_network(network)
    assert sdk.network.find_network("own") is None


def test_port_given_to_a_server_outlives_it(whole_cloud: WholeCloud, sdk: Any) -> None:
    """A port that a user made is bound by the boot and unbound by the delete."""
    port = sdk.network.create_port(network_id=whole_cloud.network_id, name="given")
    server_id = whole_cloud.boot("with-port", networks=[{"port": port.id}])
    server = whole_cloud.wait_for(server_id, "ACTIVE")
    address = port.fixed_ips[0]["ip_address"]
    assert [one["addr"] for one in server["addresses"]["private"]] == [address]
    assert sdk.network.get_port(port.id).device_id == server_id
    whole_cloud.delete_all("with-port")
    assert sdk.network.get_port(port.id).device_id == ""
    sdk.network.delete_port(port)


def test_images(sdk: Any, tmp_path: Path) -> None:
    """An image is uploaded, listed, booted from and removed."""
    path = tmp_path / "image.raw"
    path.write_bytes(b"\0" * 4096)
    image = sdk.create_image(
        "uploaded", filename=str(path), disk_format="raw", container_format="bare", wait=True
    )
    assert sdk.image.get_image(image.id).status == "active"
    assert "uploaded" in {one.name for one in sdk.image.images()}
    sdk.image.delete_image(image.id)
    assert "uploaded" not in {one.name for one in sdk.image.images()}


def test_volumes(sdk: Any) -> None:
    """A volume is made, listed, shown and removed."""
    volume = sdk.block_storage.create_volume(name="data", size=1)
    sdk.block_storage.wait_for_status(volume, "available", interval=0.2, wait=15)
    assert "data" in {one.name for one in sdk.block_storage.volumes()}
    sdk.block_storage.delete_volume(volume)
    sdk.block_storage.wait_for_delete(volume, interval=0.2, wait=15)


def test_hypervisors_services_and_zones(whole_cloud: WholeCloud, sdk: Any) -> None:
    """An administrator sees the three hosts, their nodes, the services and the zone."""
    nodes = list(sdk.compute.hypervisors(details=True))
    assert sorted(node.name for node in nodes) == ["host1", "host2", "host3"]
    assert {node.state for node in nodes} == {"up"}
    assert sdk.compute.get_hypervisor(nodes[0].id).name == nodes[0].name
    services = {(one.binary, one.host): one.state for one in sdk.compute.services()}
    assert services[("nova-conductor", "controller")] == "up"
    assert services[("nova-scheduler", "controller")] == "up"
    assert [services[("nova-compute", f"host{n}")] for n in (1, 2, 3)] == ["up"] * 3
    assert [zone.name for zone in sdk.compute.availability_zones()] == ["nova"]
    stats = whole_cloud.compute("GET", "/os-hypervisors/statistics").json()
    assert stats["hypervisor_statistics"]["count"] == 3


def test_novaclient(whole_cloud: WholeCloud) -> None:
    """The seeds' client lists flavors and boots through its managers."""
    from keystoneauth1 import session
    from keystoneauth1.identity import v3
    from novaclient import client

    own = whole_cloud.credentials()
    auth = v3.Password(
        auth_url=own["OS_AUTH_URL"], username=own["OS_USERNAME"], password=own["OS_PASSWORD"],
        project_name=own["OS_PROJECT_NAME"], user_domain_id="default",
        project_domain_id="default",
    )  # fmt: skip
    nova = client.Client("2.1", session=session.Session(auth=auth))
    assert "m1.tiny" in {flavor.name for flavor in nova.flavors.list()}
    server = nova.servers.create(
        "nova-vm", image=whole_cloud.image_id, flavor="1", nics=[{"net-id": whole_cloud.network_id}]
    )
    whole_cloud.wait_for(server.id, "ACTIVE")
    assert nova.servers.get(server.id).name == "nova-vm"
    nova.servers.delete(server.id)
    whole_cloud.delete_all("nova-vm")


def test_v2_token_call_of_the_seeds(whole_cloud: WholeCloud) -> None:
    """The old token call answers with a token and a service catalog."""
    from devstack_lite.clients.http import HttpPeer

    own = whole_cloud.credentials()
    root = own["OS_AUTH_URL"].removesuffix("/v3")
    body = {
        "auth": {
            "tenantName": own["OS_PROJECT_NAME"],
            "passwordCredentials": {
                "username": own["OS_USERNAME"],
                "password": own["OS_PASSWORD"],
            },
        }
    }
    answer = HttpPeer(root).request("POST", "/v2.0/tokens", body=body)
    assert answer.status == 200, answer.data
    access = answer.json()["access"]
    kinds = {entry["type"] for entry in access["serviceCatalog"]}
    assert {"identity", "compute", "image", "network", "volumev3"} <= kinds
    listed = whole_cloud.compute("GET", "/servers", token=access["token"]["id"])
    assert listed.status == 200
