"""Ports as clients use them, and what every list understands."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.api.conftest import ADMIN, DEMO_PROJECT, OTHER, OTHER_PROJECT, Api, Cloud
from tests.api.test_network_api import create, fault, make_network, names


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Api:
    return cloud.api("network")


# ------------------------------------------------------------------------------------- ports


def test_a_port_lives(network: Api) -> None:
    """It gets a MAC and an address, is DOWN until it is bound, and frees its address."""
    network_id = make_network(network, "10.0.0.0/30")
    made = create(network, "port", network_id=network_id, name="p")
    assert made["mac_address"].startswith("fa:16:3e:")
    assert [one["ip_address"] for one in made["fixed_ips"]] == ["10.0.0.2"]
    assert (made["status"], made["device_id"], made["admin_state_up"]) == ("DOWN", "", True)
    assert "binding:host_id" not in made
    path = f"/v2.0/ports/{made['id']}"
    assert network("GET", path).json["port"] == made
    assert network("GET", path, token=OTHER).status == 404
    binding = {"binding:host_id": "c1", "device_id": "d1", "device_owner": "compute:nova"}
    assert fault(network("PUT", path, {"port": binding}))[0] == 403
    bound = network("PUT", path, {"port": binding}, token=ADMIN).json["port"]
    assert (bound["status"], bound["binding:vif_type"]) == ("ACTIVE", "ovs")
    assert binding == {key: bound[key] for key in binding}
    unbound = network("PUT", path, {"port": {"device_id": "", "binding:host_id": None}},
                      token=ADMIN).json["port"]  # fmt: skip
    assert (unbound["status"], unbound["binding:vif_type"]) == ("DOWN", "unbound")
    assert network("DELETE", path, token=OTHER).status == 404
    assert network("DELETE", path).status == 204
    assert network("DELETE", path).status == 404
    again = create(network, "port", network_id=network_id)
    assert again["fixed_ips"] == made["fixed_ips"]


def test_addresses_are_asked_for(network: Api) -> None:
    """By address, by subnet, by both, or none at all; what the port keeps stays its own."""
    network_id = make_network(network, "10.0.0.0/24")
    six = create(network, "subnet", network_id=network_id, cidr="fd00::/64", ip_version=6)["id"]

    def held(**values: Any) -> list[str]:
        port = create(network, "port", network_id=network_id, **values)
        return [one["ip_address"] for one in port["fixed_ips"]]

    assert held() == ["10.0.0.2", "fd00::2"]
    assert held(fixed_ips=[]) == []
    assert held(fixed_ips=[{"ip_address": "10.0.0.200"}]) == ["10.0.0.200"]
    assert held(fixed_ips=[{"ip_address": "10.0.0.1"}]) == ["10.0.0.1"]
    assert held(fixed_ips=[{"subnet_id": six}]) == ["fd00::3"]
    assert held(fixed_ips=[{"subnet_id": six, "ip_address": "FD00::0:99"}]) == ["fd00::99"]
    port = create(network, "port", network_id=network_id)
    path = f"/v2.0/ports/{port['id']}"
    wanted = [*port["fixed_ips"], {"ip_address": "10.0.0.77"}]
    changed = network("PUT", path, {"port": {"fixed_ips": wanted}}).json["port"]
    assert {"10.0.0.77", "10.0.0.3", "fd00::4"} == {
        one["ip_address"] for one in changed["fixed_ips"]
    }
    kept = network("PUT", path, {"port": {"fixed_ips": [{"subnet_id": six}]}}).json["port"]
    assert [one["ip_address"] for one in kept["fixed_ips"]] == ["fd00::4"]
    assert held(fixed_ips=[{"ip_address": "10.0.0.77"}]) == ["10.0.0.77"]


@pytest.mark.parametrize(
    ("fixed", "status", "kind"),
    [
        ({"ip_address": "10.0.0.2"}, 409, "IpAddressAlreadyAllocated"),
        ({"ip_address": "10.9.0.2"}, 400, "InvalidIpForNetwork"),
        ({"ip_address": "10.0.0.255"}, 400, "InvalidIpForSubnet"),
        ({"ip_address": "nonsense"}, 400, "HTTPBadRequest"),
        ({"subnet_id": str(uuid.uuid4())}, 400, "InvalidInput"),
    ],
)
def test_addresses_that_cannot_be_had(network: Api, fixed: Any, status: int, kind: str) -> None:
    """Each is refused in Neutron's words, and no port stays behind."""
    network_id = make_network(network, "10.0.0.0/24")
    create(network, "port", network_id=network_id)
    bodies = [{"network_id": network_id}, {"network_id": network_id, "fixed_ips": [fixed]}]
    assert fault(network("POST", "/v2.0/ports", {"ports": bodies}))[:2] == (status, kind)
    assert len(network("GET", f"/v2.0/ports?network_id={network_id}").json["ports"]) == 1


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"network_id": str(uuid.uuid4())}, 404),
        ({"network_id": "x"}, 400),
        ({"mac_address": "zz"}, 400),
        ({"mac_address": "00:00:00:00:00:00"}, 400),
        ({"mac_address": "FF:FF:FF:FF:FF:FF"}, 400),
        ({"binding:host_id": "c1"}, 403),
        ({"binding:profile": {"a": 1}}, 403),
        ({"security_groups": ["other"]}, 404),
        ({"fixed_ips": "10.0.0.2"}, 400),
        ({"device_id": 1}, 400),
        ({"qos_policy_id": "x"}, 400),
    ],
)
def test_bad_ports_are_refused(network: Api, values: Any, status: int) -> None:
    """Each with its status, and nothing is recorded."""
    network_id = make_network(network, "10.0.0.0/24")
    body = {"port": {"network_id": network_id, **values}}
    assert fault(network("POST", "/v2.0/ports", body))[0] == status
    assert network("GET", f"/v2.0/ports?network_id={network_id}").json["ports"] == []


def test_macs_are_unique_on_a_network(network: Api) -> None:
    """The same one can be asked for on another network only; case does not matter."""
    network_id, mac = make_network(network), "fa:16:3e:AA:BB:CC"
    made = create(network, "port", network_id=network_id, mac_address=mac)
    assert made["mac_address"] == mac.lower()
    body = {"port": {"network_id": network_id, "mac_address": mac}}
    assert fault(network("POST", "/v2.0/ports", body))[:2] == (409, "MacAddressInUse")
    other = make_network(network)
    assert create(network, "port", network_id=other, mac_address=mac)
    two = [{"network_id": other, "mac_address": "fa:16:3e:00:00:01"}] * 2
    assert fault(network("POST", "/v2.0/ports", {"ports": two}))[0] == 409
    free = create(network, "port", network_id=network_id)
    path = f"/v2.0/ports/{free['id']}"
    assert fault(network("PUT", path, {"port": {"mac_address": mac}}, token=ADMIN)) == (
        409,
        "MacAddressInUse",
        (
            f"Unable to complete operation for network {network_id}. The mac address {mac.lower()}"
            " is in use."
        ),
    )
    again = network("PUT", path, {"port": {"mac_address": free["mac_address"]}}, token=ADMIN)
    assert again.status == 200
    assert fault(network("PUT", path, {"port": {"mac_address": mac}}))[0] == 403


def test_ports_have_their_projects_default_group(network: Api) -> None:
    """It is the one group there is, and none without port security."""
    group = network("GET", "/v2.0/security-groups?name=default").json["security_groups"][0]
    assert group["project_id"] == DEMO_PROJECT
    assert len(group["security_group_rules"]) == 4
    path = f"/v2.0/security-groups/{group['id']}"
    assert network("GET", path).json["security_group"] == group
    assert fault(network("GET", path, token=OTHER))[:2] == (404, "SecurityGroupNotFound")
    asked = f"/v2.0/security-groups?project_id={DEMO_PROJECT}"
    assert network("GET", asked, token=ADMIN).json["security_groups"] == [group]
    assert network("GET", asked, token=OTHER).json["security_groups"] == []
    rules = network("GET", "/v2.0/security-group-rules?direction=egress").json
    assert len(rules["security_group_rules"]) == 2
    network_id = make_network(network)
    for groups in ([group["id"]], None):
        plain = create(network, "port", network_id=network_id, security_groups=groups)
        assert plain["security_groups"] == [group["id"]]
    assert create(network, "port", network_id=network_id, security_groups=[])[
        "security_groups"
    ] == []  # fmt: skip
    open_network = make_network(network, port_security_enabled=False)
    loose = create(network, "port", network_id=open_network)
    assert (loose["port_security_enabled"], loose["security_groups"]) == (False, [])


# ------------------------------------------------------------------------------------- lists


@pytest.fixture(scope="module")
def rack(network: Api) -> str:
    """Five ports, a to e, of one network; b and d have a device."""
    network_id = make_network(network, "10.7.0.0/24")
    for name in "abcde":
        device = f"device-{name}" if name in "bd" else ""
        create(network, "port", network_id=network_id, name=name, device_id=device)
    return network_id


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "abcde"),
        ("name=a", "a"),
        ("name=A", ""),
        ("name=a&name=c", "ac"),
        ("device_id=device-b&device_id=device-d", "bd"),
        ("device_id=", "ace"),
        ("status=DOWN&admin_state_up=True", "abcde"),
        ("admin_state_up=false", ""),
        ("status=ACTIVE", ""),
        ("fixed_ips=ip_address%3D10.7.0.3", "b"),
        ("fixed_ips=ip_address%3D10.7.0.3&fixed_ips=ip_address%3D10.7.0.4", "bc"),
        (f"project_id={OTHER_PROJECT}", ""),
        (f"tenant_id={DEMO_PROJECT}", "abcde"),
        ("unknown=1", "abcde"),
        ("sort_key=name&sort_dir=desc", "edcba"),
        ("sort_key=status&sort_dir=asc&sort_key=name&sort_dir=desc", "edcba"),
        ("limit=2", "ab"),
        ("limit=0", "abcde"),
        ("limit=2&sort_key=name&sort_dir=desc", "ed"),
        ("limit=2&page_reverse=True", "de"),
    ],
)
def test_ports_are_filtered_sorted_and_cut(
    network: Api, rack: str, query: str, expected: str
) -> None:
    """Each attribute filters; a repeated one takes any of its values."""
    answer = network("GET", f"/v2.0/ports?network_id={rack}&{query}")
    assert list(expected) == names(answer, "ports")


@pytest.mark.parametrize(
    "query",
    ["limit=-1", "limit=x", f"limit={'9' * 5000}", "sort_key=name", "sort_key=nope&sort_dir=asc",
     "sort_key=name&sort_dir=up", "sort_key=fixed_ips&sort_dir=asc", "marker=nope"],
)  # fmt: skip
def test_bad_lists_are_refused(network: Api, rack: str, query: str) -> None:
    """400, whatever is wrong about the query string."""
    assert fault(network("GET", f"/v2.0/ports?network_id={rack}&{query}"))[0] == 400


@pytest.mark.parametrize("direction", ["next", "previous"])
def test_pages_lead_to_each_other(network: Api, rack: str, direction: str) -> None:
    """Following the links gives each port once, in order, and ends; filters go with them."""
    start = "" if direction == "next" else "&page_reverse=True"
    url = f"/v2.0/ports?network_id={rack}&limit=2{start}"
    pages = []
    while url:
        body = network("GET", url).json
        pages.append("".join(one["name"] for one in body["ports"]))
        links = {one["rel"]: one["href"] for one in body.get("ports_links", ())}
        url = links.get(direction, "").removeprefix("http://cloud.test")
    assert pages == (["ab", "cd", "e"] if direction == "next" else ["de", "bc", "a"])


def test_only_the_fields_that_are_asked_for(network: Api, rack: str) -> None:
    """In lists and of one thing."""
    answer = network("GET", f"/v2.0/ports?network_id={rack}&fields=id&fields=name&fields=x")
    assert all({"id", "name"} == set(one) for one in answer.json["ports"])
    shown = network("GET", f"/v2.0/networks/{rack}?fields=mtu").json
    assert shown == {"network": {"mtu": 1450}}


def test_networks_are_filtered(network: Api) -> None:
    """By flags in any spelling, and by what they hold."""
    network_id = make_network(network, "10.0.0.0/24", admin_state_up=False)
    subnet_id = network("GET", f"/v2.0/networks/{network_id}").json["network"]["subnets"][0]
    for query in ("admin_state_up=False&shared=0&router%3Aexternal=false", f"subnets={subnet_id}",
                  f"id={network_id}"):  # fmt: skip
        found = network("GET", f"/v2.0/networks?{query}").json["networks"]
        assert [network_id] == [one["id"] for one in found]
