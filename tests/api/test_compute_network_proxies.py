"""What compute passes on to network up to 2.35: security groups, floating IPs, networks."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.api.asker import make_server
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, OTHER_PROJECT, Answer, Cloud
from tests.api.test_compute_servers import change

READER = f"viewer:{DEMO_PROJECT}:reader"
NOTHING = str(uuid.uuid4())


class Both:
    """The compute API, and the network API beside it."""

    def __init__(self, cloud: Cloud) -> None:
        cloud.conf.set_override("network", cloud.serve("network"), group="endpoints")
        self.cloud = cloud
        self._compute = cloud.api("osapi_compute")
        self._network = cloud.api("network")

    def __call__(
        self, method: str, path: str, body: Any = None, *, token: str = DEMO, version: str = "2.1"
    ) -> Answer:
        headers = {"OpenStack-API-Version": f"compute {version}"}
        return self._compute(method, f"/v2.1{path}", body, token=token, headers=headers)

    def network(self, method: str, path: str, body: Any = None, *, token: str = ADMIN) -> Any:
        """Return what network answers, or nothing."""
        answer = self._network(method, f"/v2.0/{path}", body, token=token)
        assert answer.status < 300, answer.data
        return next(iter(answer.json.values())) if answer.data else None


@pytest.fixture(scope="module")
def both(cloud: Cloud) -> Both:
    return Both(cloud)


@pytest.fixture(scope="module")
def pool(both: Both) -> str:
    """Give an external network with four addresses, behind a router to a network of the project."""
    wanted = {"network": {"name": "outside", "router:external": True}}
    network_id = str(both.network("POST", "networks", wanted)["id"])
    subnet = {
        "network_id": network_id, "ip_version": 4, "cidr": "203.0.113.0/24",
        "allocation_pools": [{"start": "203.0.113.10", "end": "203.0.113.13"}],
    }  # fmt: skip
    both.network("POST", "subnets", {"subnet": subnet})
    return network_id


@pytest.fixture(scope="module")
def port(both: Both, pool: str) -> dict[str, Any]:
    """Give a port of a server of the project, on a network with a way out."""
    inside = both.network("POST", "networks", {"network": {"name": "inside"}}, token=DEMO)
    subnet = {"network_id": inside["id"], "ip_version": 4, "cidr": "10.9.0.0/24"}
    made = both.network("POST", "subnets", {"subnet": subnet}, token=DEMO)
    wanted = {"router": {"name": "r", "external_gateway_info": {"network_id": pool}}}
    router = both.network("POST", "routers", wanted, token=DEMO)
    both.network(
        "PUT", f"routers/{router['id']}/add_router_interface", {"subnet_id": made["id"]}, token=DEMO
    )
    asked = {"network_id": inside["id"], "device_id": make_server(both.cloud)}
    return dict(both.network("POST", "ports", {"port": asked}, token=DEMO))


def message(answer: Answer) -> str:
    return str(next(iter(answer.json.values()))["message"])


def make_group(both: Both, name: str, token: str = DEMO) -> dict[str, Any]:
    body = {"security_group": {"name": name, "description": f"about {name}"}}
    answer = both("POST", "/os-security-groups", body, token=token)
    assert answer.status == 200, answer.data
    return dict(answer.json["security_group"])


def add_rule(both: Both, parent: str, **rule: Any) -> Answer:
    body = {"security_group_rule": {"parent_group_id": parent, **rule}}
    return both("POST", "/os-security-group-rules", body)


SSH = {"ip_protocol": "tcp", "from_port": 22, "to_port": 22}


def test_a_groups_life(both: Both) -> None:
    """Made, listed, shown, changed and removed; what it lets out nobody sees here."""
    made = make_group(both, " spaces around ")
    path = f"/os-security-groups/{made['id']}"
    assert made == {
        "id": made["id"], "name": " spaces around ", "description": "about  spaces around ",
        "tenant_id": DEMO_PROJECT, "rules": [],
    }  # fmt: skip
    assert made in both("GET", "/os-security-groups", token=READER).json["security_groups"]
    assert both("GET", path).json == {"security_group": made}
    change = {"security_group": {"name": "else", "description": ""}}
    assert both("PUT", path, change).json["security_group"]["name"] == "else"
    assert both.network("GET", f"security-groups/{made['id']}")["name"] == "else"
    assert both("DELETE", path).status == 202
    assert both("GET", path).status == 404


def test_rules(both: Both) -> None:
    """In network's form there, in Nova's here; from a group, a whole protocol when asked."""
    group, other = make_group(both, "rules"), make_group(both, "other")
    ssh = add_rule(both, group["id"], **SSH).json["security_group_rule"]
    assert ssh == {
        **SSH, "id": ssh["id"], "parent_group_id": group["id"], "group": {},
        "ip_range": {"cidr": "0.0.0.0/0"},
    }  # fmt: skip
    kept = both.network("GET", f"security-group-rules/{ssh['id']}")
    assert (kept["direction"], kept["ethertype"], kept["port_range_max"]) == ("ingress", "IPv4", 22)
    ping = add_rule(both, group["id"], ip_protocol="icmp", from_port=-1, to_port="-1", cidr="::/0")
    shown = ping.json["security_group_rule"]
    assert (shown["from_port"], shown["to_port"]) == (-1, -1)
    assert shown["ip_range"] == {"cidr": "::/0"}
    mates = add_rule(both, group["id"], ip_protocol="UDP", group_id=other["id"])
    shown = mates.json["security_group_rule"]
    assert (shown["from_port"], shown["to_port"]) == (1, 65535)
    assert shown["group"] == {"name": "other", "tenant_id": DEMO_PROJECT}
    path = f"/os-security-groups/{group['id']}"
    rules = both("GET", path).json["security_group"]["rules"]
    assert [one["id"] for one in rules] == [
        one["id"] for one in (ssh, ping.json["security_group_rule"], shown)
    ]
    assert rules[2]["group"]["name"] == "other"
    assert both("DELETE", f"/os-security-group-rules/{ssh['id']}").status == 202
    assert both("DELETE", f"/os-security-groups/{other['id']}").status == 202
    assert [one["id"] for one in both("GET", path).json["security_group"]["rules"]] == [
        ping.json["security_group_rule"]["id"]
    ]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({}, "Not enough parameters to build a valid rule."),
        ({**SSH, "cidr": "x"}, "x is not a valid IP network."),
        ({**SSH, "cidr": "10.0.0.0"}, "10.0.0.0 is not a valid IP network."),
        ({**SSH, "cidr": "10.0.0.0/0"}, "Bad prefix for network in cidr 10.0.0.0/0"),
        ({**SSH, "ip_protocol": "999"}, "Invalid IP protocol 999."),
        ({**SSH, "from_port": "a"}, "Invalid input received: To and From ports must be integers"),
        ({**SSH, "to_port": 21},
         "Invalid port range 22:21. Former value cannot be greater than the later"),
        ({**SSH, "to_port": 65536},
         "Invalid port range 22:65536. Valid TCP ports should be between 1-65535"),
        ({**SSH, "ip_protocol": "icmp", "to_port": 256},
         "Invalid port range 22:256. For ICMP, the type:code must be valid"),
        ({"ip_protocol": "icmp", "from_port": "x", "to_port": 1},
         "Invalid input received: Type and Code must be integers for ICMP protocol type"),
    ],
)  # fmt: skip
def test_rules_that_are_refused(both: Both, rule: dict[str, Any], text: str) -> None:
    """In Nova's words, before network is asked."""
    group = make_group(both, "refused")
    refused = add_rule(both, group["id"], **rule)
    assert (refused.status, message(refused)) == (400, text)


def test_what_cannot_be_done_to_groups(both: Both) -> None:
    """400 for what network calls a conflict, 404 for what is another's or nobody's."""
    group = make_group(both, "mine")
    assert add_rule(both, group["id"], **SSH).status == 200
    again = add_rule(both, group["id"], **SSH)
    assert (again.status, message(again)) == (
        400, f"This rule already exists in group {group['id']}",
    )  # fmt: skip
    listed = both("GET", "/os-security-groups").json["security_groups"]
    default = next(one for one in listed if one["name"] == "default")
    assert both("DELETE", f"/os-security-groups/{default['id']}").status == 400
    body = {"security_group": {"name": "default", "description": ""}}
    assert both("POST", "/os-security-groups", body).status == 400
    for path in (f"/os-security-groups/{group['id']}", f"/os-security-groups/{NOTHING}"):
        for method in ("GET", "PUT", "DELETE"):
            assert both(method, path, body if method == "PUT" else None, token=OTHER).status == 404
    assert both("GET", "/os-security-groups/x").status == 400
    assert both("DELETE", f"/os-security-group-rules/{NOTHING}").status == 404
    assert add_rule(both, NOTHING, **SSH).status == 404
    assert add_rule(both, "x", **SSH).status == 400


def test_all_projects_groups_are_an_administrators(both: Both) -> None:
    """Members see their own, whatever they say."""
    theirs = make_group(both, "theirs", OTHER)["id"]

    def listed(query: str, token: str) -> set[str]:
        found = both("GET", f"/os-security-groups?{query}", token=token).json["security_groups"]
        return {one["id"] for one in found}

    assert theirs in listed("all_tenants=1", ADMIN)
    assert theirs not in listed("", ADMIN)
    assert theirs not in listed("all_tenants=1", DEMO)
    assert len(listed("limit=1", DEMO)) == 1


def test_a_projects_quota_bounds_groups_and_floating_ips(both: Both, pool: str) -> None:
    """403, in network's words and in Nova's."""
    quota = {"quota": {"security_group": 0, "floatingip": 0}}
    both.network("PUT", f"quotas/{OTHER_PROJECT}", quota)
    body = {"security_group": {"name": "more", "description": ""}}
    assert both("POST", "/os-security-groups", body, token=OTHER).status == 403
    refused = both("POST", "/os-floating-ips", {"pool": "outside"}, token=OTHER)
    assert (refused.status, message(refused)) == (403, "IP allocation over quota in pool outside.")


def test_floating_ips(both: Both, pool: str) -> None:
    """Of a pool by name, by id or of the only one; until there are no more."""
    assert both("GET", "/os-floating-ip-pools").json == {"floating_ip_pools": [{"name": "outside"}]}
    made = [
        both("POST", "/os-floating-ips", body).json["floating_ip"]
        for body in ({"pool": "outside"}, {"pool": pool}, {})
    ]
    assert made[0] == {
        "id": made[0]["id"], "ip": made[0]["ip"], "pool": "outside", "fixed_ip": None,
        "instance_id": None,
    }  # fmt: skip
    listed = both("GET", "/os-floating-ips", token=READER).json["floating_ips"]
    assert all(one in listed for one in made)
    path = f"/os-floating-ips/{made[0]['id']}"
    assert both("GET", path).json == {"floating_ip": made[0]}
    assert both("GET", path, token=OTHER).status == 404
    assert made[0]["id"] not in both("GET", "/os-floating-ips", token=ADMIN).data.decode()
    while (answer := both("POST", "/os-floating-ips", {"pool": "outside"})).status == 200:
        made.append(answer.json["floating_ip"])
    assert (answer.status, message(answer)) == (404, "No more floating IPs in pool outside.")
    for one in made:
        assert both("DELETE", f"/os-floating-ips/{one['id']}").status == 202
    refused = both("GET", path)
    text = f"Floating IP not found for ID {made[0]['id']}"
    assert (refused.status, message(refused)) == (404, text)
    assert both("POST", "/os-floating-ips", {"pool": "nowhere"}).status == 404
    assert both("GET", "/os-floating-ips/x").status == 400


def test_a_servers_floating_ips(both: Both, port: dict[str, Any]) -> None:
    """It leads to the server until it is removed; a second one to the same address is refused."""
    uuid_, [fixed] = port["device_id"], port["fixed_ips"]
    first, second = (
        both("POST", "/os-floating-ips", {"pool": "outside"}).json["floating_ip"] for _ in range(2)
    )

    def act(action: str, address: str, server: str = uuid_, **more: str) -> Answer:
        path = f"/servers/{server}/action"
        return both("POST", path, {action: {"address": address, **more}}, version="2.43")

    assert act("addFloatingIp", first["ip"]).status == 202
    shown = both("GET", f"/os-floating-ips/{first['id']}").json["floating_ip"]
    assert (shown["instance_id"], shown["fixed_ip"]) == (uuid_, fixed["ip_address"])
    assert act("addFloatingIp", second["ip"]).status == 400
    wrong = act("addFloatingIp", second["ip"], fixed_address="10.9.0.250")
    text = "Specified fixed address not assigned to instance"
    assert (wrong.status, message(wrong)) == (400, text)
    other = make_server(both.cloud)
    bare = act("addFloatingIp", second["ip"], other)
    assert (bare.status, message(bare)) == (400, "No fixed IPs associated to instance")
    missed = act("removeFloatingIp", first["ip"], other)
    text = f"Floating IP {first['ip']} is not associated with instance {other}."
    assert (missed.status, message(missed)) == (409, text)
    assert act("removeFloatingIp", first["ip"]).status == 202
    assert both("GET", f"/os-floating-ips/{first['id']}").json["floating_ip"] == first
    assert act("removeFloatingIp", first["ip"]).status == 409
    for action in ("addFloatingIp", "removeFloatingIp"):
        assert act(action, "198.51.100.1").status == 404
        assert act(action, "").status == 400
    path = f"/servers/{uuid_}/action"
    body = {"addFloatingIp": {"address": first["ip"]}}
    assert both("POST", path, body, version="2.44").status == 404
    for one in (first, second):
        assert both("DELETE", f"/os-floating-ips/{one['id']}").status == 202


def test_networks(both: Both, pool: str, port: dict[str, Any]) -> None:
    """By id and name, in the form for administrators and in that for members; else 404."""
    inside = port["network_id"]
    for token, more in ((DEMO, 0), (ADMIN, 21)):
        listed = both("GET", "/os-networks", token=token).json["networks"]
        found = next(one for one in listed if one["id"] == inside)
        known = {key: value for key, value in found.items() if value is not None}
        assert known == {"id": inside, "label": "inside"}
        assert len(found) == 11 + more
        assert both("GET", f"/os-networks/{inside}", token=token).json == {"network": found}
    short = {"id": inside, "cidr": "None", "label": "inside"}
    assert short in both("GET", "/os-tenant-networks").json["networks"]
    assert both("GET", f"/os-tenant-networks/{inside}", token=READER).json == {"network": short}
    for path in ("/os-networks", "/os-tenant-networks"):
        assert both("GET", f"{path}/{inside}", token=OTHER).status == 404
        assert both("POST", path, {}).status == 410


@pytest.mark.parametrize(
    "path",
    ["/os-security-groups", "/os-floating-ips", "/os-floating-ip-pools", "/os-networks",
     "/os-tenant-networks"],
)  # fmt: skip
def test_the_proxies_end_with_2_36(both: Both, path: str) -> None:
    assert both("GET", path, version="2.35").status == 200
    assert both("GET", path, version="2.36").status == 404


def test_a_server_gets_another_address_and_gives_it_back(both: Both) -> None:
    """Of its port's network, up to 2.43; the server shows what the port has, whoever changed it."""
    network = both.network("POST", "networks", {"network": {"name": "narrow"}}, token=DEMO)
    subnet = {
        "network_id": network["id"], "ip_version": 4, "cidr": "10.8.0.0/24",
        "allocation_pools": [{"start": "10.8.0.10", "end": "10.8.0.11"}],
    }  # fmt: skip
    both.network("POST", "subnets", {"subnet": subnet}, token=DEMO)
    uuid = make_server(both.cloud)
    asked = {"network_id": network["id"], "device_id": uuid}
    port = both.network("POST", "ports", {"port": asked}, token=DEMO)
    [first] = [one["ip_address"] for one in port["fixed_ips"]]
    change(both.cloud, uuid, network_info=[{
        "port_id": port["id"], "mac": port["mac_address"], "network_id": network["id"],
        "network_name": "narrow", "is_ours": True, "ips": [],
    }])  # fmt: skip

    def act(name: str, value: Any, **more: Any) -> Answer:
        return both("POST", f"/servers/{uuid}/action", {name: value}, **more)

    def shown() -> list[str]:
        addresses = both("GET", f"/servers/{uuid}").json["server"]["addresses"]
        return sorted(one["addr"] for one in addresses["narrow"])

    wanted = {"networkId": network["id"]}
    assert act("addFixedIp", wanted, version="2.44").status == 404
    assert act("addFixedIp", wanted, token=READER).status == 403
    change(both.cloud, uuid, is_locked=True)
    assert act("addFixedIp", wanted).status == 409
    assert act("removeFixedIp", {"address": first}).status == 409
    change(both.cloud, uuid, is_locked=False)
    assert act("addFixedIp", wanted).status == 202
    assert shown() == ["10.8.0.10", "10.8.0.11"]
    full = act("addFixedIp", wanted)
    assert (full.status, message(full)) == (
        400, f"No fixed IP addresses available for network: {network['id']}",
    )  # fmt: skip
    nowhere = act("addFixedIp", {"networkId": NOTHING})
    assert (nowhere.status, message(nowhere)) == (
        404, f"Network could not be found for instance {uuid}.",
    )  # fmt: skip
    assert act("removeFixedIp", {"address": first}).status == 202
    [left] = {"10.8.0.10", "10.8.0.11"} - {first}
    assert shown() == [left]
    gone = act("removeFixedIp", {"address": first})
    assert (gone.status, message(gone)) == (400, f"Instance {uuid} does not have fixed IP {first}.")
    other = {"fixed_ips": [{"ip_address": first}]}
    both.network("PUT", f"ports/{port['id']}", {"port": other}, token=DEMO)
    assert shown() == [first]
