"""Floating IPs, as clients use them, with the unmodified SDK, and as servers show them."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.db import floating_ips
from devstack_lite.db.holdings import take_from
from devstack_lite.db.schema import instances
from devstack_lite.exceptions import Conflict
from devstack_lite.names import port_id_of
from devstack_lite.objects.routing import FloatingIp
from devstack_lite.states import VmState
from tests.api.conftest import ADMIN, DEMO_PROJECT, OTHER, Api, Cloud
from tests.api.test_compute_servers import change, record
from tests.api.test_network_api import create, fault, make_network
from tests.api.test_network_clients import connect
from tests.api.test_network_routers import make_subnet, put


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Api:
    return cloud.api("network")


@pytest.fixture(scope="module")
def external(network: Api) -> str:
    return make_network(network, "203.0.113.0/24", ADMIN, **{"router:external": True})


@pytest.fixture(scope="module")
def subnet(network: Api, external: str) -> dict[str, Any]:
    """A project's subnet that reaches the external network."""
    router = create(network, "router", external_gateway_info={"network_id": external})
    made = make_subnet(network)
    assert put(network, router, "add", subnet_id=made["id"]).status == 200
    return {**made, "router_id": router["id"]}


@pytest.fixture
def port(network: Api, subnet: dict[str, Any]) -> dict[str, Any]:
    return create(network, "port", network_id=subnet["network_id"])


def make(network: Api, external: str, **values: Any) -> dict[str, Any]:
    return create(network, "floatingip", floating_network_id=external, **values)


def path_of(floating: dict[str, Any]) -> str:
    return f"/v2.0/floatingips/{floating['id']}"


def test_a_floating_ip_lives(network: Api, external: str) -> None:
    """It takes an address of the external network, and gives it back."""
    made = make(network, external, description="d")
    assert made["floating_ip_address"].startswith("203.0.113.")
    assert (made["status"], made["port_id"], made["router_id"]) == ("DOWN", None, None)
    assert (made["project_id"], made["fixed_ip_address"]) == (DEMO_PROJECT, None)
    path = path_of(made)
    assert network("GET", path).json["floatingip"] == made
    asked = f"/v2.0/floatingips?floating_ip_address={made['floating_ip_address']}"
    assert network("GET", asked).json["floatingips"] == [made]
    assert network("GET", asked, token=OTHER).json["floatingips"] == []
    for method, body in (("GET", None), ("PUT", {"floatingip": {}}), ("DELETE", None)):
        assert fault(network(method, path, body, token=OTHER))[:2] == (404, "FloatingIPNotFound")
    [held] = network("GET", f"/v2.0/ports?device_id={made['id']}", token=ADMIN).json["ports"]
    assert (held["device_owner"], held["project_id"]) == ("network:floatingip", "")
    refused = network("DELETE", f"/v2.0/ports/{held['id']}", token=ADMIN)
    assert fault(refused)[:2] == (409, "ServicePortInUse")
    assert network("PUT", path, {"floatingip": {"description": "e"}}).json["floatingip"][
        "description"
    ] == "e"  # fmt: skip
    assert network("DELETE", path).status == 204
    assert network("GET", path).status == 404
    assert network("GET", f"/v2.0/ports/{held['id']}", token=ADMIN).status == 404
    mine = {"floating_network_id": external, "floating_ip_address": "203.0.113.200"}
    assert network("POST", "/v2.0/floatingips", {"floatingip": mine}).status == 403
    chosen = create(network, "floatingip", ADMIN, **mine, project_id=DEMO_PROJECT)
    assert chosen["floating_ip_address"] == "203.0.113.200"
    again = network("POST", "/v2.0/floatingips", {"floatingip": mine}, token=ADMIN)
    assert fault(again)[:2] == (409, "IpAddressAlreadyAllocated")


def test_it_stands_for_a_ports_address(
    network: Api, external: str, subnet: dict[str, Any], port: dict[str, Any]
) -> None:
    """One for each fixed address; moved by another PUT, ended by port_id null."""
    first, second = make(network, external, port_id=port["id"]), make(network, external)
    assert (first["status"], first["router_id"]) == ("ACTIVE", subnet["router_id"])
    assert first["fixed_ip_address"] == port["fixed_ips"][0]["ip_address"]
    assert first["port_details"]["network_id"] == subnet["network_id"]
    taken = network("PUT", path_of(second), {"floatingip": {"port_id": port["id"]}})
    assert fault(taken)[:2] == (409, "FloatingIPPortAlreadyAssociated")
    same = network("PUT", path_of(first), {"floatingip": {"port_id": port["id"]}})
    assert same.json["floatingip"]["port_id"] == port["id"]
    other = create(network, "port", network_id=subnet["network_id"])
    moved = network("PUT", path_of(first), {"floatingip": {"port_id": other["id"]}})
    assert moved.json["floatingip"]["port_id"] == other["id"]
    kept = network("PUT", path_of(first), {"floatingip": {"description": "x"}})
    assert kept.json["floatingip"]["port_id"] == other["id"]
    ended = network("PUT", path_of(first), {"floatingip": {"port_id": None}}).json["floatingip"]
    assert (ended["port_id"], ended["fixed_ip_address"], ended["status"]) == (None, None, "DOWN")
    assert ended["router_id"] is None


def test_what_cannot_be_stood_for(
    network: Api, external: str, subnet: dict[str, Any], port: dict[str, Any]
) -> None:
    """Unreachable, ambiguous, foreign and missing ports; networks that are not external."""
    far = create(network, "port", network_id=make_subnet(network)["network_id"])
    fixed = [{"subnet_id": subnet["id"]}] * 2
    two = create(network, "port", network_id=subnet["network_id"], fixed_ips=fixed)
    none = create(network, "port", network_id=subnet["network_id"], fixed_ips=[])
    foreign = create(network, "port", OTHER, network_id=make_network(network, token=OTHER))
    floating = make(network, external)
    for values, answer in (
        ({"port_id": far["id"]}, (404, "ExternalGatewayForFloatingIPNotFound")),
        ({"port_id": two["id"]}, (400, "BadRequest")),
        ({"port_id": none["id"]}, (400, "BadRequest")),
        ({"port_id": foreign["id"]}, (404, "PortNotFound")),
        ({"port_id": str(uuid.uuid4())}, (404, "PortNotFound")),
        ({"port_id": port["id"], "fixed_ip_address": "10.9.9.9"}, (400, "BadRequest")),
        ({"fixed_ip_address": "10.9.9.9"}, (400, "BadRequest")),
    ):
        for method, path, more in (
            ("PUT", path_of(floating), {}),
            ("POST", "/v2.0/floatingips", {"floating_network_id": external}),
        ):
            assert fault(network(method, path, {"floatingip": {**values, **more}}))[:2] == answer
    address = two["fixed_ips"][1]["ip_address"]
    body = {"floatingip": {"port_id": two["id"], "fixed_ip_address": address}}
    assert network("PUT", path_of(floating), body).json["floatingip"][
        "fixed_ip_address"
    ] == address  # fmt: skip
    inside = {"floatingip": {"floating_network_id": subnet["network_id"]}}
    assert fault(network("POST", "/v2.0/floatingips", inside))[:2] == (400, "BadRequest")


def test_the_end_of_a_port_frees_it(
    network: Api, external: str, subnet: dict[str, Any], port: dict[str, Any]
) -> None:
    """So does the loss of the fixed address; the address itself stays the project's."""
    floating = make(network, external, port_id=port["id"])
    fixed = [{"ip_address": port["fixed_ips"][0]["ip_address"]}, {"subnet_id": subnet["id"]}]
    path = f"/v2.0/ports/{port['id']}"
    grown = network("PUT", path, {"port": {"fixed_ips": fixed}}).json["port"]["fixed_ips"]
    assert network("GET", path_of(floating)).json["floatingip"]["port_id"] == port["id"]
    assert network("PUT", path, {"port": {"fixed_ips": grown[1:]}}).status == 200
    assert network("GET", path_of(floating)).json["floatingip"]["port_id"] is None
    body = {"floatingip": {"port_id": port["id"]}}
    assert network("PUT", path_of(floating), body).status == 200
    assert network("DELETE", path).status == 204
    left = network("GET", path_of(floating)).json["floatingip"]
    assert (left["port_id"], left["status"], left["router_id"]) == (None, "DOWN", None)


def test_what_carries_it_stays(
    network: Api, external: str, subnet: dict[str, Any], port: dict[str, Any]
) -> None:
    """A router keeps its way out and its interface while a floating IP needs them."""
    floating = make(network, external, port_id=port["id"])
    router = {"id": subnet["router_id"]}
    closed = network(
        "PUT", f"/v2.0/routers/{router['id']}", {"router": {"external_gateway_info": None}}
    )
    assert fault(closed)[:2] == (409, "RouterExternalGatewayInUseByFloatingIp")
    parted = put(network, router, "remove", subnet_id=subnet["id"])
    assert fault(parted)[:2] == (409, "RouterInterfaceInUseByFloatingIP")
    assert network("DELETE", path_of(floating)).status == 204


def test_addresses_are_taken_without_races(cloud: Cloud, network: Api) -> None:
    """Of five addresses each is given once, whoever comes first; a sixth is refused."""
    small = make_network(network, "198.51.100.0/29", ADMIN, **{"router:external": True})
    made, refused = [], []

    def take() -> None:
        wanted = FloatingIp(id=str(uuid.uuid4()), project_id=DEMO_PROJECT, network_id=small)
        try:
            made.append(floating_ips.create_floating_ip(cloud.db, wanted).address)
        except Conflict as error:
            refused.append(error.kind)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [f"198.51.100.{last}" for last in range(2, 7)]
    assert refused == ["IpAddressGenerationFailure"] * 3


def test_a_second_subnet_is_taken_from_when_the_first_is_full(network: Api) -> None:
    """Only IPv4 ones, in the order in which they were made, or the one that is named."""
    network_id = make_network(network, "fd00:9::/64", ADMIN, **{"router:external": True})
    body = {"floatingip": {"floating_network_id": network_id}}
    assert fault(network("POST", "/v2.0/floatingips", body))[0] == 400
    for cidr in ("198.51.100.8/30", "198.51.100.16/29"):
        last = create(network, "subnet", ADMIN, network_id=network_id, cidr=cidr, ip_version=4)
    given = [make(network, network_id)["floating_ip_address"] for _ in range(2)]
    assert given == ["198.51.100.10", "198.51.100.18"]
    named = make(network, network_id, subnet_id=last["id"])
    assert named["floating_ip_address"] == "198.51.100.19"


def test_servers_show_their_floating_ips(
    cloud: Cloud, network: Api, external: str, subnet: dict[str, Any]
) -> None:
    """Behind the fixed address, as type floating; the end of the server frees them."""
    server = str(uuid.uuid4())
    port_id = port_id_of(server, 0)
    body = {"port": {"network_id": subnet["network_id"], "device_id": server,
                     "device_owner": "compute:nova"}}  # fmt: skip
    made = network("POST", "/v2.0/ports", body, headers={"X-Devstack-Port-Ids": port_id})
    port = made.json["port"]
    address = port["fixed_ips"][0]["ip_address"]
    record(cloud, DEMO_PROJECT, [server], "vm")
    change(cloud, server, vm_state=VmState.ACTIVE, task_state=None, network_info=[
        {"port_id": port_id, "mac": port["mac_address"], "network_id": subnet["network_id"],
         "network_name": "n", "ips": [{"address": address, "version": 4}], "is_ours": True}
    ])  # fmt: skip
    floating = make(network, external, port_id=port_id)
    compute = cloud.api("osapi_compute")
    shown = compute("GET", f"/v2.1/servers/{server}").json["server"]
    assert [
        (one["addr"], one["OS-EXT-IPS:type"], one["OS-EXT-IPS-MAC:mac_addr"])
        for one in shown["addresses"]["n"]
    ] == [
        (address, "fixed", port["mac_address"]),
        (floating["floating_ip_address"], "floating", port["mac_address"]),
    ]
    ips = compute("GET", f"/v2.1/servers/{server}/ips").json["addresses"]["n"]
    assert [one["addr"] for one in ips] == [address, floating["floating_ip_address"]]
    with cloud.db.write() as connection:
        take_from(connection, [server])
        connection.execute(sa.delete(instances))
    assert network("GET", path_of(floating)).json["floatingip"]["port_id"] is None


def test_the_sdk_gives_addresses(
    cloud: Cloud, external: str, port: dict[str, Any], network: Api
) -> None:
    """The unmodified SDK takes an address, has it stand for a port, and gives it back."""
    sdk: Any = connect(cloud.serve("network"), "demo:" + DEMO_PROJECT + ":member")
    made = sdk.network.create_ip(floating_network_id=external)
    assert made.status == "DOWN"
    [found] = sdk.network.ips(floating_ip_address=made.floating_ip_address)
    changed = sdk.network.update_ip(found, port_id=port["id"])
    assert (changed.port_id, changed.status) == (port["id"], "ACTIVE")
    assert sdk.network.update_ip(found, port_id=None).port_id is None
    assert sdk.network.find_available_ip() is not None
    sdk.network.delete_ip(found, ignore_missing=False)
    sdk.close()
