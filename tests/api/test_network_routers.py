"""Routers, as clients use them and with the unmodified SDK."""

from __future__ import annotations

import queue
import uuid
from typing import Any

import pytest

from tests.api.conftest import ADMIN, DEMO_PROJECT, OTHER, Api, Cloud
from tests.api.test_network_api import create, fault, make_network
from tests.api.test_network_clients import connect

CIDRS = (f"10.{number}.0.0/24" for number in range(250))


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Api:
    return cloud.api("network")


@pytest.fixture(scope="module")
def external(network: Api) -> str:
    return make_network(network, "203.0.113.0/24", ADMIN, **{"router:external": True})


def make_subnet(network: Api, **values: Any) -> dict[str, Any]:
    network_id = make_network(network)
    values = {"cidr": next(CIDRS), **values}
    return create(network, "subnet", network_id=network_id, ip_version=4, **values)


def put(network: Api, router: dict[str, Any], verb: str, **body: Any) -> Any:
    return network("PUT", f"/v2.0/routers/{router['id']}/{verb}_router_interface", body)


def test_a_router_lives(network: Api) -> None:
    """It is created, shown, changed, listed by name and deleted; others do not see it."""
    made = create(network, "router", name="r", description="d")
    assert made["project_id"] == made["tenant_id"] == DEMO_PROJECT
    assert (made["status"], made["admin_state_up"], made["routes"]) == ("ACTIVE", True, [])
    assert made["external_gateway_info"] is None
    path = f"/v2.0/routers/{made['id']}"
    assert network("GET", path).json["router"] == made
    assert made in network("GET", "/v2.0/routers?name=r").json["routers"]
    assert network("GET", "/v2.0/routers?name=x").json["routers"] == []
    routes = [{"destination": "192.0.2.0/24", "nexthop": "10.0.0.9"}]
    changed = network("PUT", path, {"router": {"name": "s", "routes": routes}}).json["router"]
    assert (changed["name"], changed["routes"], changed["description"]) == ("s", routes, "d")
    for method, body in (("GET", None), ("PUT", {"router": {"name": "x"}}), ("DELETE", None)):
        assert fault(network(method, path, body, token=OTHER))[:2] == (404, "RouterNotFound")
    assert network("GET", "/v2.0/routers", token=OTHER).json["routers"] == []
    assert network("DELETE", path).status == 204
    assert fault(network("GET", path))[:2] == (404, "RouterNotFound")
    assert network("DELETE", path).status == 404


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"name": 1}, 400),
        ({"distributed": True}, 400),
        ({"routes": [{"destination": "x", "nexthop": "10.0.0.1"}]}, 400),
        ({"external_gateway_info": {"enable_snat": True}}, 400),
        ({"external_gateway_info": {"network_id": str(uuid.uuid4())}}, 404),
    ],
)
def test_bad_routers_are_refused(network: Api, values: Any, status: int) -> None:
    """Each with its status, and nothing is recorded."""
    before = network("GET", "/v2.0/routers", token=ADMIN).json
    assert fault(network("POST", "/v2.0/routers", {"router": values}))[0] == status
    assert before == network("GET", "/v2.0/routers", token=ADMIN).json


def test_a_subnet_is_joined_and_parted(network: Api) -> None:
    """The router gets a port with the subnet's gateway address, which goes with it alone."""
    router, subnet = create(network, "router"), make_subnet(network)
    joined = put(network, router, "add", subnet_id=subnet["id"])
    assert joined.status == 200
    assert (joined.json["id"], joined.json["subnet_id"]) == (router["id"], subnet["id"])
    path = f"/v2.0/ports/{joined.json['port_id']}"
    port = network("GET", path).json["port"]
    assert (port["device_id"], port["device_owner"]) == (router["id"], "network:router_interface")
    assert port["fixed_ips"] == [{"subnet_id": subnet["id"], "ip_address": subnet["gateway_ip"]}]
    assert (port["status"], port["security_groups"]) == ("ACTIVE", [])
    assert fault(put(network, router, "add", subnet_id=subnet["id"]))[0] == 400
    assert fault(network("DELETE", path))[:2] == (409, "ServicePortInUse")
    assert fault(network("DELETE", f"/v2.0/routers/{router['id']}"))[:2] == (409, "RouterInUse")
    assert network("DELETE", f"/v2.0/subnets/{subnet['id']}").status == 409
    parted = put(network, router, "remove", subnet_id=subnet["id"])
    assert parted.json == joined.json
    assert network("GET", path).status == 404
    gone = fault(put(network, router, "remove", subnet_id=subnet["id"]))
    assert gone[:2] == (404, "RouterInterfaceNotFoundForSubnet")
    assert network("DELETE", f"/v2.0/routers/{router['id']}").status == 204


def test_a_port_becomes_a_routers(network: Api) -> None:
    """A project's port is taken with its addresses; one in use, or without any, is not."""
    router, subnet = create(network, "router"), make_subnet(network)
    port = create(network, "port", network_id=subnet["network_id"])
    joined = put(network, router, "add", port_id=port["id"])
    assert joined.json["subnet_ids"] == [subnet["id"]]
    second = create(network, "router")
    assert fault(put(network, second, "add", port_id=port["id"]))[:2] == (409, "PortInUse")
    empty = create(network, "port", network_id=subnet["network_id"], fixed_ips=[])
    assert fault(put(network, second, "add", port_id=empty["id"]))[:2] == (400, "BadRequest")
    other = make_subnet(network)
    for body, answer in (
        ({"port_id": empty["id"]}, (404, "RouterInterfaceNotFound")),
        ({"port_id": port["id"], "subnet_id": other["id"]}, (409, "SubnetMismatchForPort")),
        ({}, (400, "BadRequest")),
    ):
        assert fault(put(network, router, "remove", **body))[:2] == answer
    assert put(network, router, "remove", port_id=port["id"]).status == 200
    assert network("GET", f"/v2.0/ports/{port['id']}").status == 404


def test_interfaces_that_cannot_be(network: Api) -> None:
    """Neither both nor nothing, no subnet without a gateway, none that overlaps, none unseen."""
    router, subnet = create(network, "router"), make_subnet(network, cidr="10.255.0.0/16")
    assert put(network, router, "add", subnet_id=subnet["id"]).status == 200
    overlapping = make_subnet(network, cidr="10.255.7.0/24")
    closed = make_subnet(network, gateway_ip=None)
    hidden = make_network(network, "10.0.9.0/24", OTHER)
    unseen = network("GET", f"/v2.0/networks/{hidden}", token=OTHER).json["network"]["subnets"][0]
    for body, status in (
        ({}, 400),
        ({"subnet_id": closed["id"], "port_id": str(uuid.uuid4())}, 400),
        ({"subnet_id": closed["id"]}, 400),
        ({"subnet_id": overlapping["id"]}, 400),
        ({"subnet_id": unseen}, 404),
        ({"port_id": str(uuid.uuid4())}, 404),
    ):
        assert fault(put(network, router, "add", **body))[0] == status


def test_a_way_out_is_opened_and_closed(network: Api, external: str) -> None:
    """It has an address on the external network, whose port the project does not see."""
    gateway = {"network_id": external}
    router = create(network, "router", external_gateway_info=gateway)
    info = router["external_gateway_info"]
    assert (info["network_id"], info["enable_snat"]) == (external, True)
    [fixed] = info["external_fixed_ips"]
    assert fixed["ip_address"].startswith("203.0.113.")
    asked = f"/v2.0/ports?device_id={router['id']}"
    assert network("GET", asked).json["ports"] == []
    [port] = network("GET", asked, token=ADMIN).json["ports"]
    assert (port["device_owner"], port["project_id"]) == ("network:router_gateway", "")
    path = f"/v2.0/routers/{router['id']}"
    again = network("PUT", path, {"router": {"external_gateway_info": gateway}}).json["router"]
    assert again["external_gateway_info"] == info
    assert network("DELETE", f"/v2.0/networks/{external}", token=ADMIN).status == 409
    chosen = {**gateway, "external_fixed_ips": [{"ip_address": "203.0.113.77"}]}
    body = {"router": {"external_gateway_info": chosen}}
    assert fault(network("PUT", path, body))[0] == 403
    moved = network("PUT", path, body, token=ADMIN).json["router"]["external_gateway_info"]
    assert [one["ip_address"] for one in moved["external_fixed_ips"]] == ["203.0.113.77"]
    inside = {"router": {"external_gateway_info": {"network_id": make_network(network)}}}
    assert fault(network("PUT", path, inside))[:2] == (400, "BadRequest")
    closed = network("PUT", path, {"router": {"external_gateway_info": {}}}).json["router"]
    assert closed["external_gateway_info"] is None
    assert network("GET", asked, token=ADMIN).json["ports"] == []
    assert network("PUT", path, {"router": {"external_gateway_info": gateway}}).status == 200
    assert network("DELETE", path).status == 204
    assert network("GET", asked, token=ADMIN).json["ports"] == []


def test_an_external_network_in_use_stays_external(network: Api, external: str) -> None:
    """While a router has its way out there, it cannot become an inner one."""
    router = create(network, "router", external_gateway_info={"network_id": external})
    path, inner = f"/v2.0/networks/{external}", {"network": {"router:external": False}}
    refused = fault(network("PUT", path, inner, token=ADMIN))
    assert refused[:2] == (409, "ExternalNetworkInUse")
    assert network("DELETE", f"/v2.0/routers/{router['id']}").status == 204


def test_members_do_not_pose_as_devices_of_the_network(network: Api) -> None:
    """A network's owner may make such ports, not on others' networks nor for others' routers."""
    shared = make_network(network, token=ADMIN, shared=True)
    own, foreign = make_network(network), create(network, "router", OTHER)
    for network_id, device_id, status in (
        (shared, "", 403), (own, "", 201), (own, foreign["id"], 409), (own, "dhcp", 409),
    ):  # fmt: skip
        port = {"network_id": network_id, "device_id": device_id,
                "device_owner": "network:router_interface"}  # fmt: skip
        assert network("POST", "/v2.0/ports", {"port": port}).status == status
    plain = create(network, "port", network_id=shared)
    body = {"port": {"device_owner": "network:dhcp"}}
    assert network("PUT", f"/v2.0/ports/{plain['id']}", body).status == 403


def test_the_sdk_cleans_a_project_up(cloud: Cloud, network: Api, external: str) -> None:
    """All that a project has of the network goes, in one call; others keep theirs."""
    token = f"clean:{'7' * 32}:member"
    sdk: Any = connect(cloud.serve("network"), token)
    kept = create(network, "router")["id"]
    inner = sdk.network.create_network(name="inner")
    subnet = sdk.network.create_subnet(network_id=inner.id, ip_version=4, cidr="10.0.0.0/24")
    router = sdk.network.create_router(external_gateway_info={"network_id": external})
    sdk.network.add_interface_to_router(router, subnet_id=subnet.id)
    port = sdk.network.create_port(network_id=inner.id)
    sdk.network.create_ip(floating_network_id=external, port_id=port.id)
    sdk.network.create_security_group(name="g")
    sdk.network.create_router(name="alone")
    sdk.network.get_project_id = lambda: "7" * 32  # this token has no session of Keystone's
    sdk.network._service_cleanup(
        dry_run=False, client_status_queue=queue.Queue(), identified_resources={}
    )
    for found in (sdk.network.ips, sdk.network.ports, sdk.network.routers):
        assert list(found()) == []
    assert [one.name for one in sdk.network.security_groups()] == ["default"]
    assert [one.id for one in sdk.network.networks(project_id="7" * 32)] == []
    assert network("GET", f"/v2.0/routers/{kept}").status == 200
    sdk.close()


def test_routes_come_and_go_one_by_one(network: Api) -> None:
    """Others stay; what is there already, or gone, is no error."""
    router = create(network, "router")
    path = f"/v2.0/routers/{router['id']}"
    first, second = (
        {"destination": f"192.0.{number}.0/24", "nexthop": "10.0.0.9"} for number in (1, 2)
    )

    def change(verb: str, *routes: Any) -> Any:
        answer = network("PUT", f"{path}/{verb}_extraroutes", {"router": {"routes": routes}})
        return answer.json["router"]["routes"]

    assert change("add", first) == [first]
    assert change("add", first, second) == [first, second]
    assert change("remove", first) == [second]
    assert change("remove", first) == [second]
    bad = {"router": {"routes": [{"destination": "x", "nexthop": "10.0.0.9"}]}}
    assert fault(network("PUT", f"{path}/add_extraroutes", bad))[0] == 400
    assert network("PUT", f"{path}/add_extraroutes", bad, token=OTHER).status == 404


def test_the_sdk_routes(cloud: Cloud, network: Api, external: str) -> None:
    """The unmodified SDK makes a router, joins it, opens and closes its way out."""
    sdk: Any = connect(cloud.serve("network"), "demo:" + DEMO_PROJECT + ":member")
    subnet = make_subnet(network)
    router = sdk.network.create_router(name="sdk", external_gateway_info={"network_id": external})
    assert router.external_gateway_info["network_id"] == external
    sdk.network.add_interface_to_router(router, subnet_id=subnet["id"])
    [port] = sdk.network.ports(device_id=router.id)
    assert port.device_owner == "network:router_interface"
    assert [one.id for one in sdk.list_router_interfaces(router, "internal")] == [port.id]
    sdk.network.remove_interface_from_router(router, subnet_id=subnet["id"])
    assert sdk.network.update_router(router, external_gateway_info={}).external_gateway_info is None
    sdk.network.delete_router(router, ignore_missing=False)
    assert sdk.network.find_router("sdk") is None
    sdk.close()
