"""Security groups and rules, as clients use them, with the unmodified SDK, and of servers."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, OTHER_PROJECT, Api, Cloud
from tests.api.test_compute_servers import change, record
from tests.api.test_network_api import create, fault, make_network
from tests.api.test_network_clients import connect

GROUPS, RULES = "/v2.0/security-groups", "/v2.0/security-group-rules"


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Api:
    return cloud.api("network")


def make_group(network: Api, token: str = DEMO, **values: Any) -> dict[str, Any]:
    answer = network("POST", GROUPS, {"security_group": {"name": "g", **values}}, token=token)
    assert answer.status == 201, answer.data
    return dict(answer.json["security_group"])


def make_rule(network: Api, group: dict[str, Any], **values: Any) -> Any:
    body = {"security_group_id": group["id"], "direction": "ingress", **values}
    return network("POST", RULES, {"security_group_rule": body})


def test_a_project_has_a_default_group_when_it_looks(network: Api) -> None:
    """All may leave, those in it may enter; it keeps its name, and administrators alone end it."""
    token = f"new:{'f' * 32}:member"
    [group] = network("GET", GROUPS, token=token).json["security_groups"]
    assert (group["name"], group["project_id"]) == ("default", "f" * 32)
    assert {
        (rule["direction"], rule["ethertype"], rule["remote_group_id"])
        for rule in group["security_group_rules"]
    } == {
        ("egress", "IPv4", None), ("egress", "IPv6", None),
        ("ingress", "IPv4", group["id"]), ("ingress", "IPv6", group["id"]),
    }  # fmt: skip
    path = f"{GROUPS}/{group['id']}"
    assert network("GET", path, token=token).json["security_group"] == group
    renamed = network("PUT", path, {"security_group": {"name": "x"}}, token=token)
    assert fault(renamed)[:2] == (409, "SecurityGroupCannotUpdateDefault")
    described = network("PUT", path, {"security_group": {"description": "x"}}, token=token)
    assert described.json["security_group"]["description"] == "x"
    assert fault(network("DELETE", path, token=token))[:2] == (
        409, "SecurityGroupCannotRemoveDefault",
    )  # fmt: skip
    again = network("POST", GROUPS, {"security_group": {"name": "Default"}}, token=token)
    assert fault(again)[:2] == (409, "SecurityGroupDefaultAlreadyExists")
    rule = group["security_group_rules"][0]["id"]
    assert network("DELETE", f"{RULES}/{rule}", token=token).status == 204
    left = network("GET", path, token=token).json["security_group"]["security_group_rules"]
    assert len(left) == 3
    assert network("DELETE", path, token=ADMIN).status == 204
    assert (
        len(network("GET", path, token=token).json["security_group"]["security_group_rules"]) == 4
    )


def test_a_group_lives(network: Api) -> None:
    """It lets everything out; its project alone shows, changes, lists and deletes it."""
    made = make_group(network, name="web", description="d")
    assert (made["project_id"], made["stateful"]) == (DEMO_PROJECT, True)
    assert [rule["direction"] for rule in made["security_group_rules"]] == ["egress"] * 2
    path = f"{GROUPS}/{made['id']}"
    assert network("GET", f"{GROUPS}?name=web").json["security_groups"] == [made]
    assert made in network("GET", GROUPS, token=ADMIN).json["security_groups"]
    assert made not in network("GET", GROUPS, token=OTHER).json["security_groups"]
    changed = network("PUT", path, {"security_group": {"name": "new", "stateful": False}})
    assert changed.json["security_group"]["name"] == "new"
    assert changed.json["security_group"]["stateful"] is False
    for method, body in (("GET", None), ("PUT", {"security_group": {}}), ("DELETE", None)):
        assert fault(network(method, path, body, token=OTHER))[:2] == (404, "SecurityGroupNotFound")
    assert network("DELETE", path).status == 204
    assert fault(network("GET", path))[:2] == (404, "SecurityGroupNotFound")
    rules = network("GET", f"{RULES}?security_group_id={made['id']}").json
    assert rules["security_group_rules"] == []


def test_rules_are_made_and_ended(network: Api) -> None:
    """One or many, all or none; what is there already is a conflict, however it is spelled."""
    group = make_group(network)
    ssh = {"protocol": "tcp", "port_range_min": 22, "port_range_max": "22"}
    made = make_rule(network, group, **ssh, remote_ip_prefix="0.0.0.0/0")
    assert made.status == 201
    rule = made.json["security_group_rule"]
    assert (rule["protocol"], rule["port_range_min"], rule["port_range_max"]) == ("tcp", 22, 22)
    assert (rule["ethertype"], rule["remote_ip_prefix"]) == ("IPv4", "0.0.0.0/0")
    assert network("GET", f"{RULES}/{rule['id']}").json["security_group_rule"] == rule
    for same in (ssh, {**ssh, "protocol": 6}):
        exists = fault(make_rule(network, group, **same))
        assert exists[:2] == (409, "SecurityGroupRuleExists")
        assert rule["id"] in exists[2]
    many = [
        {"security_group_id": group["id"], "direction": "ingress", "protocol": "udp"},
        {"security_group_id": group["id"], "direction": "ingress", **ssh},
    ]
    assert network("POST", RULES, {"security_group_rules": many}).status == 409
    shown = network("GET", f"{GROUPS}/{group['id']}").json["security_group"]
    assert len(shown["security_group_rules"]) == 3
    many[1]["remote_group_id"] = group["id"]
    assert network("POST", RULES, {"security_group_rules": many}).status == 201
    path = f"{RULES}/{rule['id']}"
    assert fault(network("DELETE", path, token=OTHER))[:2] == (404, "SecurityGroupRuleNotFound")
    assert network("DELETE", path).status == 204
    assert network("GET", path).status == 404
    assert network("DELETE", path).status == 404
    assert network("PUT", path, {"security_group_rule": {}}).status == 405


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"protocol": "nope"}, "SecurityGroupRuleInvalidProtocol"),
        ({"protocol": 256}, "SecurityGroupRuleInvalidProtocol"),
        ({"port_range_min": 1, "port_range_max": 2}, "SecurityGroupProtocolRequiredWithPorts"),
        ({"protocol": "tcp", "port_range_min": 2, "port_range_max": 1},
         "SecurityGroupInvalidPortRange"),
        ({"protocol": "tcp", "port_range_min": 2}, "SecurityGroupInvalidPortRange"),
        ({"protocol": "gre", "port_range_min": 1, "port_range_max": 2},
         "SecurityGroupInvalidProtocolForPort"),
        ({"protocol": "icmp", "port_range_max": 2}, "SecurityGroupMissingIcmpType"),
        ({"protocol": "icmp", "port_range_min": 256}, "SecurityGroupInvalidIcmpValue"),
        ({"remote_ip_prefix": "fd00::/64"}, "SecurityGroupRuleParameterConflict"),
        ({"remote_ip_prefix": "10.0.0.0/24", "remote_group_id": str(uuid.uuid4())},
         "SecurityGroupRemoteGroupAndRemoteIpPrefix"),
        ({"remote_ip_prefix": "x"}, None),
        ({"port_range_min": 70000}, None),
        ({"direction": "up"}, None),
        ({"ethertype": "IPX"}, None),
    ],
)  # fmt: skip
def test_bad_rules_are_refused(network: Api, values: Any, kind: str | None) -> None:
    """Each in Neutron's words, and nothing is recorded."""
    group = make_group(network)
    status, name, _ = fault(make_rule(network, group, **values))
    assert status == 400
    assert kind in {None, name}
    after = network("GET", f"{GROUPS}/{group['id']}").json["security_group"]
    assert len(after["security_group_rules"]) == 2


def test_rules_name_groups_that_are_seen(network: Api) -> None:
    """Neither another's nor none; a group that goes takes the rules that name it along."""
    group, hidden = make_group(network), make_group(network, OTHER)
    for values in ({"security_group_id": hidden["id"]}, {"remote_group_id": hidden["id"]},
                   {"remote_group_id": str(uuid.uuid4())}):  # fmt: skip
        answer = fault(make_rule(network, group, **values))
        assert answer[:2] == (404, "SecurityGroupNotFound")
    let_in = make_group(network)
    assert make_rule(network, group, remote_group_id=let_in["id"]).status == 201
    assert network("DELETE", f"{GROUPS}/{let_in['id']}").status == 204
    shown = network("GET", f"{GROUPS}/{group['id']}").json["security_group"]
    assert len(shown["security_group_rules"]) == 2


def test_ports_are_in_groups(network: Api) -> None:
    """Given at their making or changed later; a group in use stays."""
    network_id, one, two = make_network(network), make_group(network), make_group(network)
    port = create(network, "port", network_id=network_id, security_groups=[one["id"]])
    assert port["security_groups"] == [one["id"]]
    in_use = fault(network("DELETE", f"{GROUPS}/{one['id']}"))
    assert in_use[:2] == (409, "SecurityGroupInUse")
    assert fault(
        network("PUT", f"{GROUPS}/{one['id']}", {"security_group": {"stateful": False}})
    )[0] == 409  # fmt: skip
    path = f"/v2.0/ports/{port['id']}"
    both = {"port": {"security_groups": [two["id"], one["id"]]}}
    changed = network("PUT", path, both).json["port"]
    assert sorted(changed["security_groups"]) == sorted([one["id"], two["id"]])
    listed = network("GET", f"/v2.0/ports?network_id={network_id}").json["ports"]
    assert listed[0]["security_groups"] == changed["security_groups"]
    hidden = make_group(network, OTHER)
    for groups in ([hidden["id"]], ["x"]):
        refused = network("PUT", path, {"port": {"security_groups": groups}})
        assert fault(refused)[:2] == (404, "SecurityGroupNotFound")
    open_ = {"port": {"port_security_enabled": False}}
    assert fault(network("PUT", path, open_))[:2] == (409, "PortSecurityPortHasSecurityGroup")
    open_["port"]["security_groups"] = []
    assert network("PUT", path, open_).json["port"]["security_groups"] == []
    assert network("DELETE", f"{GROUPS}/{one['id']}").status == 204
    last = create(network, "port", network_id=network_id, security_groups=[two["id"]])
    assert network("DELETE", f"/v2.0/ports/{last['id']}").status == 204
    assert network("DELETE", f"{GROUPS}/{two['id']}").status == 204


def test_address_pairs_are_kept(network: Api) -> None:
    """With the port's MAC address where none is given, and only where the port is secured."""
    network_id = make_network(network)
    pairs = [{"ip_address": "10.0.0.0/24"},
             {"ip_address": "10.1.0.1", "mac_address": "fa:16:3e:00:00:09"}]  # fmt: skip
    port = create(network, "port", network_id=network_id, allowed_address_pairs=pairs)
    assert port["allowed_address_pairs"] == [
        {"ip_address": "10.0.0.0/24", "mac_address": port["mac_address"]}, pairs[1],
    ]  # fmt: skip
    path = f"/v2.0/ports/{port['id']}"
    body = {"port": {"port_security_enabled": False, "security_groups": []}}
    assert fault(network("PUT", path, body))[:2] == (409, "AddressPairAndPortSecurityRequired")
    body["port"]["allowed_address_pairs"] = []
    assert network("PUT", path, body).json["port"]["allowed_address_pairs"] == []
    bad = {"port": {"network_id": network_id, "allowed_address_pairs": [{"ip_address": "x"}]}}
    assert network("POST", "/v2.0/ports", bad).status == 400


# ---------------------------------------------------------------------------------- servers


def make_server(cloud: Cloud, network: Api) -> str:
    """Record a server with one port, as a boot does."""
    server, network_id = str(uuid.uuid4()), make_network(network)
    port = create(network, "port", network_id=network_id, device_id=server,
                  device_owner="compute:nova")  # fmt: skip
    record(cloud, DEMO_PROJECT, [server], "vm")
    shown = {"port_id": port["id"], "mac": port["mac_address"], "network_id": network_id,
             "network_name": "n", "ips": [], "is_ours": False}  # fmt: skip
    change(cloud, server, task_state=None, vm_state="active", network_info=[shown])
    return server


def test_servers_change_groups(cloud: Cloud, network: Api) -> None:
    """By name or id, all their ports; what they are in is shown with what it lets in."""
    compute, server, group = cloud.api("osapi_compute"), make_server(cloud, network), make_group(
        network, name=f"web-{uuid.uuid4()}"
    )  # fmt: skip
    make_rule(network, group, protocol="tcp", port_range_min=80, port_range_max=80)
    make_rule(network, group, protocol="icmp", remote_group_id=group["id"])
    path = f"/v2.1/servers/{server}"

    def act(name: str, group: str, token: str = DEMO) -> int:
        return compute("POST", f"{path}/action", {name: {"name": group}}, token=token).status

    def names() -> list[str]:
        listed = compute("GET", f"{path}/os-security-groups").json["security_groups"]
        shown = compute("GET", path).json["server"]["security_groups"]
        assert sorted(one["name"] for one in listed) == sorted(one["name"] for one in shown)
        return sorted(one["name"] for one in listed)

    assert names() == ["default"]
    assert act("addSecurityGroup", group["name"]) == 202
    assert act("addSecurityGroup", group["id"]) == 202
    assert names() == ["default", group["name"]]
    found = compute("GET", f"{path}/os-security-groups").json["security_groups"]
    [shown] = [one for one in found if one["id"] == group["id"]]
    assert shown["tenant_id"] == DEMO_PROJECT
    assert [
        (one["ip_protocol"], one["from_port"], one["to_port"], one["ip_range"], one["group"])
        for one in shown["rules"]
    ] == [
        ("tcp", 80, 80, {"cidr": "0.0.0.0/0"}, {}),
        ("icmp", -1, -1, {}, {"name": group["name"], "tenant_id": DEMO_PROJECT}),
    ]
    assert act("removeSecurityGroup", "default") == 202
    assert names() == [group["name"]]
    assert act("removeSecurityGroup", "default") == 404
    assert act("addSecurityGroup", "nope") == 404
    assert act("addSecurityGroup", group["id"], token=OTHER) == 404
    assert compute("POST", f"{path}/action", {"addSecurityGroup": {}}).status == 400
    make_group(network, name="twice")
    make_group(network, name="twice")
    assert act("addSecurityGroup", "twice") == 409
    assert compute("GET", f"{path}/os-security-groups", token=OTHER).status == 404


def test_servers_without_ports_have_no_groups(cloud: Cloud) -> None:
    """Nothing can be added to them."""
    compute, server = cloud.api("osapi_compute"), str(uuid.uuid4())
    record(cloud, DEMO_PROJECT, [server], "vm")
    path = f"/v2.1/servers/{server}"
    assert compute("GET", f"{path}/os-security-groups").json == {"security_groups": []}
    body = {"addSecurityGroup": {"name": "default"}}
    assert compute("POST", f"{path}/action", body).status == 400


def test_the_sdk_groups(cloud: Cloud) -> None:
    """The unmodified SDK makes a group and a rule, finds them, and takes them away."""
    sdk: Any = connect(cloud.serve("network"), f"sdk:{OTHER_PROJECT}:member")
    assert sdk.network.find_security_group("default").project_id == OTHER_PROJECT
    group = sdk.network.create_security_group(name="sdk", description="d")
    rule = sdk.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", ether_type="IPv4", protocol="tcp",
        port_range_min=22, port_range_max=22, remote_ip_prefix="0.0.0.0/0",
    )  # fmt: skip
    found = sdk.network.find_security_group("sdk", ignore_missing=False)
    assert rule.id in {one["id"] for one in found.security_group_rules}
    assert sdk.network.update_security_group(group, description="e").description == "e"
    sdk.network.delete_security_group_rule(rule, ignore_missing=False)
    sdk.network.delete_security_group(group, ignore_missing=False)
    assert sdk.network.find_security_group("sdk") is None
    sdk.close()
