"""Quotas of the network service: unlimited until an administrator says otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import ADMIN, Api, Cloud
from tests.api.test_network_api import fault, make_network
from tests.api.test_network_clients import connect

PROJECT = "9" * 32
TOKEN = f"q:{PROJECT}:member"
PATH = f"/v2.0/quotas/{PROJECT}"


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Api:
    return cloud.api("network")


def limit(network: Api, /, **limits: Any) -> Any:
    return network("PUT", PATH, {"quota": limits}, token=ADMIN)


def test_administrators_set_quotas(network: Api) -> None:
    """Some limits, or none again; members see their own and change nothing."""
    default = network("GET", f"{PATH}/default", token=TOKEN).json["quota"]
    assert {-1} == set(default.values())
    assert len(default) == 7
    assert limit(network, network=3, port="7").json["quota"] == {**default, "network": 3, "port": 7}
    shown = network("GET", PATH, token=TOKEN).json["quota"]
    assert (shown["network"], shown["port"], shown["subnet"]) == (3, 7, -1)
    [listed] = network("GET", "/v2.0/quotas", token=ADMIN).json["quotas"]
    assert (listed["project_id"], listed["network"]) == (PROJECT, 3)
    for method, path, body in (
        ("PUT", PATH, {"quota": {"network": 9}}),
        ("DELETE", PATH, None),
        ("GET", "/v2.0/quotas", None),
    ):
        assert fault(network(method, path, body, token=TOKEN))[0] == 403
    for bad in ({"network": -2}, {"network": "x"}, {"things": 1}):
        assert limit(network, **bad).status == 400
    assert network("DELETE", PATH, token=ADMIN).status == 204
    assert network("GET", PATH, token=TOKEN).json["quota"] == default
    assert fault(network("DELETE", PATH, token=ADMIN))[:2] == (404, "TenantQuotaNotFound")


def test_more_than_the_quota_is_refused(network: Api) -> None:
    """Of each resource, all of a request or nothing; details say how much is used."""
    network_id = make_network(network, "10.0.0.0/24", TOKEN)
    external = make_network(network, "203.0.113.0/24", ADMIN, **{"router:external": True})
    [group] = network("GET", "/v2.0/security-groups", token=TOKEN).json["security_groups"]
    assert limit(
        network, network=1, subnet=1, port=1, router=0, floatingip=0, security_group=1,
        security_group_rule=4,
    ).status == 200  # fmt: skip
    rule = {"security_group_id": group["id"], "direction": "ingress", "protocol": "tcp"}
    for path, body in (
        ("networks", {"network": {}}),
        ("subnets", {"subnet": {"network_id": network_id, "cidr": "10.1.0.0/24",
                                "ip_version": 4}}),
        ("ports", {"ports": [{"network_id": network_id}] * 2}),
        ("routers", {"router": {}}),
        ("floatingips", {"floatingip": {"floating_network_id": external}}),
        ("security-groups", {"security_group": {"name": "g"}}),
        ("security-group-rules", {"security_group_rule": rule}),
    ):  # fmt: skip
        refused = fault(network("POST", f"/v2.0/{path}", body, token=TOKEN))
        assert refused[:2] == (409, "OverQuota"), path
    one = {"port": {"network_id": network_id}}
    assert network("POST", "/v2.0/ports", one, token=TOKEN).status == 201
    used = network("GET", f"{PATH}/details", token=TOKEN).json["quota"]
    assert used["port"] == {"limit": 1, "used": 1, "reserved": 0}
    assert used["security_group_rule"] == {"limit": 4, "used": 4, "reserved": 0}
    assert limit(network, port=0, check_limit=True).status == 400
    assert limit(network, port=0, force=True).status == 200


def test_the_sdk_sets_quotas(cloud: Cloud) -> None:
    """The unmodified SDK reads, sets and deletes them."""
    admin: Any = connect(cloud.serve("network"), ADMIN)
    assert admin.network.update_quota(PROJECT, routers=5).routers == 5
    assert admin.network.get_quota(PROJECT).routers == 5
    assert admin.network.get_quota_default(PROJECT).routers == -1
    assert admin.network.get_quota(PROJECT, details=True).routers["limit"] == 5
    admin.network.delete_quota(PROJECT, ignore_missing=False)
    assert admin.network.get_quota(PROJECT).routers == -1
    admin.close()
