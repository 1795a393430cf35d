"""The network service over real HTTP: compute's client and the unmodified SDK."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import openstack
import pytest
from keystoneauth1 import session, token_endpoint
from openstack import exceptions as sdk_exceptions

from devstack_lite.clients.network import NetworkClient
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Conflict, Invalid, NotFound, Unauthorized, Unavailable
from devstack_lite.names import port_id_of
from devstack_lite.objects.compute import NetworkRequest
from tests.api.conftest import ADMIN, ADMIN_PROJECT, DEMO, DEMO_PROJECT, OTHER, OTHER_PROJECT, Cloud


@pytest.fixture(scope="module")
def url(cloud: Cloud) -> str:
    return cloud.serve("network")


def connect(url: str, token: str) -> Any:
    auth = token_endpoint.Token(url, token)
    return openstack.connection.Connection(
        session=session.Session(auth=auth), network_endpoint_override=url
    )


@pytest.fixture(scope="module")
def sdk(url: str) -> Iterator[Any]:
    connection = connect(url, DEMO)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def admin(url: str) -> Iterator[Any]:
    connection = connect(url, ADMIN)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def network_id(admin: Any) -> str:
    made = admin.network.create_network(name="shared", is_shared=True)
    admin.network.create_subnet(network_id=made.id, ip_version=4, cidr="10.0.0.0/20")
    return str(made.id)


# -------------------------------------------------------------------------------- compute's


def context(token: str = DEMO) -> RequestContext:
    user, project, roles = token.split(":")
    return RequestContext(
        auth_token=token, user_id=user, project_id=project, is_admin="admin" in roles
    )


@pytest.fixture
def client(url: str) -> NetworkClient:
    return NetworkClient(url, 10)


def on(*network_ids: str) -> list[NetworkRequest]:
    return [NetworkRequest(network_id=one) for one in network_ids]


def test_ports_are_allocated_and_given_back(
    client: NetworkClient, network_id: str, sdk: Any, admin: Any
) -> None:
    """A member's boot gets bound ports of known ids; they go with the server."""
    instance = str(uuid.uuid4())
    ports, record = client.allocate(context(), instance, "c1", on(network_id, network_id))
    assert [port_id_of(instance, index) for index in (0, 1)] == [one["port_id"] for one in ports]
    assert record is not None
    assert record.step == 15
    for port in ports:
        assert (port["network_id"], port["network_name"]) == (network_id, "shared")
        assert port["is_ours"] is True
        [ip] = port["ips"]
        assert (ip["version"], ip["address"][:5]) == (4, "10.0.")
        shown = admin.network.get_port(port["port_id"])
        assert (shown.status, shown.binding_host_id, shown.binding_vif_type) == (
            "ACTIVE", "c1", "ovs",
        )  # fmt: skip
        assert (shown.device_id, shown.device_owner) == (instance, "compute:nova")
        assert (shown.project_id, shown.mac_address) == (DEMO_PROJECT, port["mac"])
    client.deallocate(context(), instance, ports)
    client.deallocate(context(), instance, ports)
    assert list(sdk.network.ports(device_id=instance)) == []


def test_ports_are_made_in_the_groups_of_the_request(
    client: NetworkClient, network_id: str, sdk: Any
) -> None:
    """A boot's security groups reach its ports; without any they are in the default one."""
    group = sdk.network.create_security_group(name="boot")
    default = sdk.network.find_security_group("default")
    requests = [
        NetworkRequest(network_id=network_id, security_groups=(group.id,)), *on(network_id)
    ]  # fmt: skip
    instance = str(uuid.uuid4())
    made, _ = client.allocate(context(), instance, "c1", requests)
    for port, expected in zip(made, (group, default), strict=True):
        assert sdk.network.get_port(port["port_id"]).security_group_ids == [expected.id]
    with pytest.raises(sdk_exceptions.ConflictException):
        sdk.network.delete_security_group(group)
    client.deallocate(context(), instance, made)
    sdk.network.delete_security_group(group, ignore_missing=False)


def test_asking_again_allocates_nothing_more(
    client: NetworkClient, network_id: str, admin: Any
) -> None:
    """The same instance gets the same ports; another host takes them over as they are."""
    instance = str(uuid.uuid4())
    first, _ = client.allocate(context(), instance, "c1", on(network_id))
    assert first == client.allocate(context(), instance, "c1", on(network_id))[0]
    assert first == client.allocate(context(), instance, "c2", on(network_id))[0]
    assert [("c2", "ACTIVE")] == [
        (port.binding_host_id, port.status) for port in admin.network.ports(device_id=instance)
    ]
    client.deallocate(context(), instance, [])
    assert list(admin.network.ports(device_id=instance)) == []


def test_an_administrator_moves_another_projects_server(
    client: NetworkClient, network_id: str, admin: Any
) -> None:
    """Who moves a server has its ports on the new host, and they stay its project's."""
    instance = str(uuid.uuid4())
    mine, _ = client.allocate(context(), instance, "c1", on(network_id))
    moved, _ = client.allocate(
        context(ADMIN), instance, "c2", on(network_id), project_id=DEMO_PROJECT
    )
    assert mine == moved
    [port] = admin.network.ports(device_id=instance)
    assert ("c2", DEMO_PROJECT) == (port.binding_host_id, port.project_id)
    client.deallocate(context(), instance, [])


def test_given_ports_are_bound_and_kept(client: NetworkClient, network_id: str, sdk: Any) -> None:
    """A user's port stands where it was asked for, and outlives the server, unbound."""
    given = sdk.network.create_port(network_id=network_id, name="mine")
    instance, other = str(uuid.uuid4()), str(uuid.uuid4())
    requests = [*on(network_id), NetworkRequest(port_id=given.id), *on(network_id)]
    ports, record = client.allocate(context(), instance, "c1", requests)
    assert [True, False, True] == [one["is_ours"] for one in ports]
    assert ports[1]["port_id"] == given.id
    assert ports[2]["port_id"] == port_id_of(instance, 2)
    assert record is not None
    assert sdk.network.get_port(given.id).status == "ACTIVE"
    with pytest.raises(Conflict, match="still in use"):
        client.allocate(context(), other, "c2", [NetworkRequest(port_id=given.id)])
    client.deallocate(context(), other, [ports[1]])
    assert sdk.network.get_port(given.id).device_id == instance
    client.deallocate(context(), instance, [])
    left = sdk.network.get_port(given.id)
    assert (left.status, left.device_id, left.device_owner) == ("DOWN", "", "")
    assert list(sdk.network.ports(device_id=instance)) == []
    only, record = client.allocate(context(), other, "c2", [NetworkRequest(port_id=given.id)])
    assert only[0]["ips"] == ports[1]["ips"]
    assert record is not None
    sdk.network.delete_port(given.id)
    client.deallocate(context(), other, only)


def test_a_server_without_a_port_still_asks(client: NetworkClient) -> None:
    """The question is a step of its boot."""
    ports, record = client.allocate(context(), str(uuid.uuid4()), "c1", [])
    assert ports == []
    assert record is not None


def test_an_address_that_was_asked_for(client: NetworkClient, network_id: str) -> None:
    """It is the port's, or the boot is told that it is taken."""
    request = NetworkRequest(network_id=network_id, fixed_ip="10.0.9.9")
    instance = str(uuid.uuid4())
    [port], _ = client.allocate(context(), instance, "c1", [request])
    assert [ip["address"] for ip in port["ips"]] == ["10.0.9.9"]
    with pytest.raises(Conflict, match=r"10\.0\.9\.9 already allocated"):
        client.allocate(context(), str(uuid.uuid4()), "c1", [request])
    client.deallocate(context(), instance, [port])


def test_what_cannot_be_allocated(client: NetworkClient, sdk: Any) -> None:
    """Each failure says what it is, and whether anything may have happened."""
    instance = str(uuid.uuid4())
    hidden = sdk.network.create_network(name="hidden").id
    with pytest.raises(NotFound):
        client.allocate(context(), instance, "c1", on(str(uuid.uuid4())))
    with pytest.raises(NotFound):
        client.allocate(context(OTHER), instance, "c1", on(hidden))
    with pytest.raises(NotFound):
        client.allocate(context(), instance, "c1", [NetworkRequest(port_id=str(uuid.uuid4()))])
    request = NetworkRequest(network_id=hidden, fixed_ip="10.0.0.9")
    with pytest.raises(Invalid):
        client.allocate(context(), instance, "c1", [request])
    with pytest.raises(Unauthorized):
        client.allocate(RequestContext(auth_token="bad"), instance, "c1", on(hidden))
    with pytest.raises(Unavailable) as gone:
        NetworkClient("http://127.0.0.1:1", 1).deallocate(context(), instance, [])
    assert gone.value.definite is False


def test_another_projects_port_cannot_be_taken_by_its_id(
    client: NetworkClient, network_id: str
) -> None:
    """Whoever knows an instance's uuid knows its ports' ids, and gets nothing by them."""
    instance = str(uuid.uuid4())
    ports, _ = client.allocate(context(), instance, "c1", on(network_id))
    with pytest.raises(Conflict):
        client.allocate(context(OTHER), instance, "evil", on(network_id))
    client.deallocate(context(OTHER), instance, ports)
    assert ports == client.allocate(context(), instance, "c1", on(network_id))[0]
    client.deallocate(context(), instance, ports)


# ------------------------------------------------------------------------------------ the SDK


def test_the_sdk_creates_lists_shows_changes_and_deletes(sdk: Any) -> None:
    """What `openstack network|subnet|port …` does, through the same library."""
    own = sdk.network.create_network(name="sdk", description="d", mtu=1300)
    subnet = sdk.network.create_subnet(
        network_id=own.id, name="sdk", ip_version=4, cidr="10.3.0.0/24", gateway_ip="10.3.0.254",
        dns_nameservers=["9.9.9.9"], is_dhcp_enabled=False,
        host_routes=[{"destination": "10.4.0.0/24", "nexthop": "10.3.0.7"}],
        allocation_pools=[{"start": "10.3.0.10", "end": "10.3.0.20"}],
    )  # fmt: skip
    assert (subnet.gateway_ip, subnet.is_dhcp_enabled) == ("10.3.0.254", False)
    port = sdk.network.create_port(network_id=own.id, name="sdk")
    assert [one["ip_address"] for one in port.fixed_ips] == ["10.3.0.10"]
    assert own.id == sdk.network.find_network("sdk").id
    assert [subnet.id] == sdk.network.find_network("sdk").subnet_ids
    assert subnet.id == sdk.network.find_subnet("sdk").id
    assert port.id == sdk.network.find_port("sdk").id
    assert [own.id] == [one.id for one in sdk.network.networks(name="sdk", is_shared=False)]
    assert [port.id] == [one.id for one in sdk.network.ports(fixed_ips="ip_address=10.3.0.10")]
    assert sdk.network.update_network(own, name="renamed").name == "renamed"
    assert sdk.network.update_port(port, description="x").description == "x"
    assert sdk.network.update_subnet(subnet, name="renamed").name == "renamed"
    with pytest.raises(sdk_exceptions.ConflictException, match="ports still in use"):
        sdk.network.delete_network(own, ignore_missing=False)
    sdk.network.delete_port(port, ignore_missing=False)
    sdk.network.delete_subnet(subnet, ignore_missing=False)
    sdk.network.delete_network(own, ignore_missing=False)
    assert sdk.network.find_network("renamed") is None
    with pytest.raises(sdk_exceptions.NotFoundException):
        sdk.network.get_network(own.id)


def test_the_sdk_reads_pages(sdk: Any, network_id: str) -> None:
    """It follows the links until the last page."""
    names = {f"page-{index}" for index in range(7)}
    sdk.network.create_ports([{"network_id": network_id, "name": name} for name in names])
    found = list(sdk.network.ports(network_id=network_id, limit=2))
    assert names <= {port.name for port in found}
    assert len(found) == len({port.id for port in found})
    for port in found:
        sdk.network.delete_port(port)


def test_the_sdk_asks_about_the_service(sdk: Any, admin: Any) -> None:
    """Extensions, zones, agents, quotas and groups are read by the SDK."""
    assert sdk.network.find_extension("binding").name == "Port Binding"
    assert sdk.network.find_extension("Availability Zone") is not None
    assert sdk.network.find_extension("dvr") is None
    assert ["nova"] == [zone.name for zone in sdk.network.availability_zones()]
    assert list(admin.network.agents()) == []
    assert sdk.network.get_quota(DEMO_PROJECT).ports == -1
    assert admin.network.get_quota(OTHER_PROJECT).networks == -1
    group = sdk.network.find_security_group("default")
    assert group.project_id == DEMO_PROJECT
    assert admin.network.find_security_group("default").project_id == ADMIN_PROJECT
    assert len(list(sdk.network.security_group_rules(security_group_id=group.id))) == 4
