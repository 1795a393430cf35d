"""The network service's nouns, as clients use them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, OTHER_PROJECT, Answer, Api, Cloud


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Api:
    return cloud.api("network")


def create(api: Api, noun: str, token: str = DEMO, **values: Any) -> dict[str, Any]:
    answer = api("POST", f"/v2.0/{noun}s", {noun: values}, token=token)
    assert answer.status == 201, answer.data
    return dict(answer.json[noun])


def make_network(api: Api, cidr: str | None = None, token: str = DEMO, **values: Any) -> str:
    made = create(api, "network", token, name="n", **values)
    if cidr is not None:
        version = 6 if ":" in cidr else 4
        create(api, "subnet", token, network_id=made["id"], cidr=cidr, ip_version=version)
    return str(made["id"])


def fault(answer: Answer) -> tuple[int, str, str]:
    body = answer.json["NeutronError"]
    return answer.status, body["type"], body["message"]


def names(answer: Answer, noun: str) -> list[str]:
    assert answer.status == 200, answer.data
    return [one["name"] for one in answer.json[noun]]


# ---------------------------------------------------------------------------------- versions


def test_versions_need_no_token(network: Api) -> None:
    """GET / says v2.0 to anybody; what is below needs a token."""
    version = network("GET", "/", token=None).json["versions"][0]
    assert (version["id"], version["status"]) == ("v2.0", "CURRENT")
    assert version["links"][0]["href"] == "http://cloud.test/v2.0/"
    assert network("GET", "/v2.0/", token=None).status == 401
    for path in ("/v2.0", "/v2.0/"):
        resources = network("GET", path).json["resources"]
        assert [one["collection"] for one in resources] == [
            "networks",
            "subnets",
            "subnetpools",
            "ports",
            "routers",
            "floatingips",
            "security-groups",
            "security-group-rules",
        ]
        assert resources[0]["links"][0]["href"] == "http://cloud.test/v2.0/networks"


def test_what_is_not_there_says_so(network: Api) -> None:
    """Resources of extensions that are not listed are 404, methods that are not taken 405."""
    for path in ("trunks", "networks/x/y"):
        assert network("GET", f"/v2.0/{path}").status == 404
    assert network("POST", "/v2.0/agents", {"agent": {}}).status == 405
    refused = network("DELETE", "/v2.0/networks")
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, POST")


# ---------------------------------------------------------------------------------- networks


def test_a_network_lives(network: Api) -> None:
    """It is created, shown, changed, listed and deleted, its subnets with it."""
    made = create(network, "network", name="web", description="d", mtu="1400")
    assert made["project_id"] == made["tenant_id"] == DEMO_PROJECT
    assert (made["status"], made["admin_state_up"], made["mtu"]) == ("ACTIVE", True, 1400)
    assert (made["shared"], made["router:external"], made["subnets"]) == (False, False, [])
    subnet = create(network, "subnet", network_id=made["id"], cidr="10.0.0.0/24", ip_version=4)
    path = f"/v2.0/networks/{made['id']}"
    assert network("GET", path).json["network"]["subnets"] == [subnet["id"]]
    assert subnet["router:external"] is False
    changed = network("PUT", path, {"network": {"name": "new", "admin_state_up": False}})
    assert (changed.status, changed.json["network"]["name"]) == (200, "new")
    assert changed.json["network"]["admin_state_up"] is False
    assert changed.json["network"]["subnets"] == [subnet["id"]]
    assert network("DELETE", path).status == 204
    assert fault(network("GET", path))[1] == "NetworkNotFound"
    assert fault(network("DELETE", path))[0] == 404
    assert fault(network("GET", f"/v2.0/subnets/{subnet['id']}"))[1] == "SubnetNotFound"


def test_networks_are_created_in_bulk(network: Api) -> None:
    """All of a request's networks are made."""
    body = {"networks": [{"name": "bulk-1"}, {"name": "bulk-2"}]}
    answer = network("POST", "/v2.0/networks", body)
    query = "name=bulk-1&name=bulk-2&sort_key=name&sort_dir=desc"
    assert answer.status == 201
    assert ["bulk-2", "bulk-1"] == names(network("GET", f"/v2.0/networks?{query}"), "networks")
    assert ["bulk-1", "bulk-2"] == [one["name"] for one in answer.json["networks"]]


def test_projects_see_their_own_and_shared_networks(network: Api) -> None:
    """What is another's is 404; what is shared can be seen and not be changed."""
    own = make_network(network)
    shared = make_network(network, token=ADMIN, shared=True)
    external = create(network, "network", ADMIN, **{"router:external": True})["id"]
    seen = {one["id"] for one in network("GET", "/v2.0/networks", token=OTHER).json["networks"]}
    assert {shared, external} <= seen
    assert own not in seen
    assert own in {one["id"] for one in network("GET", "/v2.0/networks", token=ADMIN)
                   .json["networks"]}  # fmt: skip
    for method, body in (("GET", None), ("PUT", {"network": {"name": "x"}}), ("DELETE", None)):
        assert network(method, f"/v2.0/networks/{own}", body, token=OTHER).status == 404
    for method, body in (("PUT", {"network": {"name": "x"}}), ("DELETE", None)):
        assert network(method, f"/v2.0/networks/{shared}", body, token=OTHER).status == 403
    port = {"port": {"network_id": external}}
    assert network("POST", "/v2.0/ports", port, token=OTHER).status == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"network": {"shared": True}}, 403),
        ({"network": {"router:external": True}}, 403),
        ({"network": {"project_id": OTHER_PROJECT}}, 400),
        ({"network": {"name": 1}}, 400),
        ({"network": {"name": "x" * 256}}, 400),
        ({"network": {"mtu": 10}}, 400),
        ({"network": {"mtu": "65536"}}, 400),
        ({"network": {"provider:network_type": "vlan"}}, 400),
        ({"networks": []}, 400),
        ({"net": {}}, 400),
        ({}, 400),
    ],
)
def test_bad_networks_are_refused(network: Api, body: Any, status: int) -> None:
    """Each in the service's own format, and nothing is recorded."""
    before = network("GET", "/v2.0/networks", token=ADMIN).json
    assert fault(network("POST", "/v2.0/networks", body))[0] == status
    assert before == network("GET", "/v2.0/networks", token=ADMIN).json


def test_a_network_in_use_stays(network: Api) -> None:
    """Neither it nor its subnet can be deleted while a port holds an address."""
    network_id = make_network(network, "10.0.0.0/24")
    port = create(network, "port", network_id=network_id)
    assert fault(network("DELETE", f"/v2.0/networks/{network_id}")) == (
        409,
        "NetworkInUse",
        (
            f"Unable to complete operation on network {network_id}. There are one or more ports"
            " still in use on the network."
        ),
    )
    subnet_id = port["fixed_ips"][0]["subnet_id"]
    assert fault(network("DELETE", f"/v2.0/subnets/{subnet_id}")) == (
        409,
        "SubnetInUse",
        (
            f"Unable to complete operation on subnet {subnet_id}: One or more ports have an IP"
            " allocation from this subnet."
        ),
    )
    assert network("DELETE", f"/v2.0/ports/{port['id']}").status == 204
    assert network("DELETE", f"/v2.0/subnets/{subnet_id}").status == 204
    assert network("DELETE", f"/v2.0/networks/{network_id}").status == 204


# ----------------------------------------------------------------------------------- subnets


def test_a_subnet_lives(network: Api) -> None:
    """Gateway and pools have their defaults; names and pools can be changed."""
    network_id = make_network(network)
    made = create(network, "subnet", network_id=network_id, cidr="10.0.0.0/24", ip_version=4,
                  name="s", dns_nameservers=["9.9.9.9"])  # fmt: skip
    assert made["gateway_ip"] == "10.0.0.1"
    assert made["allocation_pools"] == [{"start": "10.0.0.2", "end": "10.0.0.254"}]
    assert (made["enable_dhcp"], made["dns_nameservers"]) == (True, ["9.9.9.9"])
    path = f"/v2.0/subnets/{made['id']}"
    pools = [{"start": "10.0.0.100", "end": "10.0.0.200"}]
    change = {"name": "t", "gateway_ip": "10.0.0.9", "allocation_pools": pools}
    changed = network("PUT", path, {"subnet": change}).json["subnet"]
    assert change == {key: changed[key] for key in change}
    assert changed == network("GET", path).json["subnet"]
    assert names(network("GET", "/v2.0/subnets?ip_version=4&name=t"), "subnets") == ["t"]
    assert names(network("GET", f"/v2.0/subnets?ip_version=6&network_id={network_id}"),
                 "subnets") == []  # fmt: skip
    assert network("PUT", path, {"subnet": {"cidr": "10.9.0.0/24"}}).status == 400
    assert network("DELETE", path).status == 204


@pytest.mark.parametrize(
    ("cidr", "gateway", "pools"),
    [
        ("10.0.0.0/30", "10.0.0.1", [("10.0.0.2", "10.0.0.2")]),
        ("10.0.0.0/31", None, [("10.0.0.0", "10.0.0.1")]),
        ("10.0.0.7/32", None, [("10.0.0.7", "10.0.0.7")]),
        ("fd00::/64", "fd00::1", [("fd00::2", "fd00::ffff:ffff:ffff:ffff")]),
        ("FD00:0::/126", "fd00::1", [("fd00::2", "fd00::3")]),
    ],
)
def test_pools_hold_every_host(
    network: Api, cidr: str, gateway: str | None, pools: list[tuple[str, str]]
) -> None:
    """The default pools leave out the gateway, and the ends where a block has some to spare."""
    version = 6 if ":" in cidr else 4
    made = create(network, "subnet", network_id=make_network(network), cidr=cidr,
                  ip_version=version)  # fmt: skip
    assert gateway == made["gateway_ip"]
    assert pools == [(one["start"], one["end"]) for one in made["allocation_pools"]]


def test_a_gateway_may_be_anywhere_or_nowhere(network: Api) -> None:
    """The pools are cut around it; null is none; as in Neutron it may be on another network."""
    network_id = make_network(network)
    away = create(network, "subnet", network_id=network_id, cidr="10.0.2.0/29", ip_version=4,
                  gateway_ip="10.9.0.1")  # fmt: skip
    assert away["gateway_ip"] == "10.9.0.1"
    assert away["allocation_pools"] == [{"start": "10.0.2.1", "end": "10.0.2.6"}]
    six = create(network, "subnet", network_id=network_id, cidr="fd00::/64", ip_version=6)
    path = f"/v2.0/subnets/{six['id']}"
    moved = network("PUT", path, {"subnet": {"gateway_ip": "FE80::0:1"}}).json["subnet"]
    assert (moved["gateway_ip"], moved["allocation_pools"]) == ("fe80::1", six["allocation_pools"])
    assert fault(network("PUT", path, {"subnet": {"gateway_ip": "fd00::5"}}))[:2] == (
        409, "GatewayConflictWithAllocationPools",
    )  # fmt: skip
    middle = create(network, "subnet", network_id=network_id, cidr="10.0.0.0/29", ip_version=4,
                    gateway_ip="10.0.0.3")  # fmt: skip
    assert [(one["start"], one["end"]) for one in middle["allocation_pools"]] == [
        ("10.0.0.1", "10.0.0.2"), ("10.0.0.4", "10.0.0.6"),
    ]  # fmt: skip
    none = create(network, "subnet", network_id=network_id, cidr="10.0.1.0/29", ip_version=4,
                  gateway_ip=None)  # fmt: skip
    assert none["gateway_ip"] is None
    assert none["allocation_pools"] == [{"start": "10.0.1.1", "end": "10.0.1.6"}]


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"cidr": "10.0.0.5/24"}, 400),
        ({"cidr": "nonsense"}, 400),
        ({"cidr": "fd00::/64"}, 400),
        ({"ip_version": 5}, 400),
        ({"gateway_ip": "10.0.0.0"}, 400),
        ({"gateway_ip": "10.0.0.255"}, 400),
        ({"gateway_ip": "fe80::1"}, 400),
        ({"gateway_ip": "x"}, 400),
        ({"allocation_pools": [{"start": "10.0.0.9", "end": "10.0.0.2"}]}, 400),
        ({"allocation_pools": [{"start": "10.0.0.9", "end": "10.0.1.2"}]}, 400),
        ({"allocation_pools": [{"start": "10.0.0.1", "end": "10.0.0.9"}]}, 409),
        ({"allocation_pools": [{"start": "10.0.0.2", "end": "10.0.0.9"},
                               {"start": "10.0.0.9", "end": "10.0.0.12"}]}, 409),
        ({"network_id": str(uuid.uuid4())}, 404),
        ({"host_routes": [{"destination": "10.8.0.0/24"}]}, 400),
        ({"host_routes": [{"destination": "nowhere", "nexthop": "10.0.0.9"}]}, 400),
        ({"host_routes": [{"destination": "fd00::/64", "nexthop": "10.0.0.9"}]}, 400),
        ({"host_routes": [{"destination": "10.8.0.0/24", "nexthop": "fd00::9"}]}, 400),
        ({"name": "nul\0"}, 400),
    ],
)  # fmt: skip
def test_bad_subnets_are_refused(network: Api, values: Any, status: int) -> None:
    """Each with a reason, and nothing is recorded."""
    network_id = make_network(network)
    body = {"network_id": network_id, "cidr": "10.0.0.0/24", "ip_version": 4, **values}
    assert fault(network("POST", "/v2.0/subnets", {"subnet": body}))[0] == status
    assert network("GET", f"/v2.0/subnets?network_id={network_id}").json["subnets"] == []


def test_subnets_of_a_network_do_not_overlap(network: Api) -> None:
    """Neither with what is there nor within one request; on another network they may."""
    network_id = make_network(network, "10.0.0.0/24")
    body = {"network_id": network_id, "cidr": "10.0.0.128/25", "ip_version": 4}
    status, kind, message = fault(network("POST", "/v2.0/subnets", {"subnet": body}))
    assert (status, kind) == (400, "InvalidInput")
    assert f"10.0.0.128/25 for network: {network_id} overlaps with another subnet" in message
    pair = [{**body, "cidr": cidr} for cidr in ("10.1.0.0/16", "10.1.2.0/24")]
    assert fault(network("POST", "/v2.0/subnets", {"subnets": pair}))[0] == 400
    assert len(network("GET", f"/v2.0/subnets?network_id={network_id}").json["subnets"]) == 1
    pair[1]["cidr"] = "10.2.0.0/16"
    assert network("POST", "/v2.0/subnets", {"subnets": pair}).status == 201
    assert make_network(network, "10.0.0.0/24")


def test_subnets_are_their_networks_owners(network: Api) -> None:
    """On a shared network a member sees subnets and makes none."""
    shared = make_network(network, "10.0.0.0/24", ADMIN, shared=True)
    found = network("GET", f"/v2.0/subnets?network_id={shared}").json["subnets"]
    assert len(found) == 1
    body = {"subnet": {"network_id": shared, "cidr": "10.1.0.0/24", "ip_version": 4}}
    assert network("POST", "/v2.0/subnets", body).status == 403
    assert network("DELETE", f"/v2.0/subnets/{found[0]['id']}").status == 403
    hidden = make_network(network, "10.0.0.0/24")
    assert network("GET", f"/v2.0/subnets?network_id={hidden}", token=OTHER).json["subnets"] == []


# ------------------------------------------------------------------------------------- facts


def test_extensions_are_listed_and_shown(network: Api) -> None:
    """Only those that work; the rest is 404."""
    listed = network("GET", "/v2.0/extensions").json["extensions"]
    aliases = {one["alias"] for one in listed}
    assert {"external-net", "binding", "pagination", "sorting", "project-id"} <= aliases
    assert not aliases & {"dvr", "provider", "agent", "qos"}
    for one in listed:
        assert network("GET", f"/v2.0/extensions/{one['alias']}").json == {"extension": one}
    assert fault(network("GET", "/v2.0/extensions/dvr"))[:2] == (404, "ExtensionNotFound")


def test_quotas_zones_and_agents(network: Api) -> None:
    """Nothing is limited, there is one zone and no agent."""
    quota = network("GET", f"/v2.0/quotas/{DEMO_PROJECT}").json["quota"]
    assert {-1} == set(quota.values())
    assert network("GET", f"/v2.0/quotas/{DEMO_PROJECT}", token=OTHER).status == 404
    assert network("GET", f"/v2.0/quotas/{DEMO_PROJECT}/default").json["quota"] == quota
    owned = len(network("GET", "/v2.0/ports").json["ports"])
    details = network("GET", f"/v2.0/quotas/{DEMO_PROJECT}/details").json["quota"]
    assert details["port"] == {"limit": -1, "used": owned, "reserved": 0}
    assert network("GET", f"/v2.0/quotas/{DEMO_PROJECT}/details", token=OTHER).status == 404
    zones = network("GET", "/v2.0/availability_zones").json["availability_zones"]
    assert [("nova", "available")] == [(one["name"], one["state"]) for one in zones]
    assert network("GET", "/v2.0/agents").json == {"agents": []}
