"""Subnet pools, and the blocks that subnets get of them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from devstack_lite.db import networks as rows
from devstack_lite.db import subnet_pools
from devstack_lite.exceptions import Conflict
from devstack_lite.objects.network import Subnet
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, Answer, Api, Cloud
from tests.api.test_network_api import create


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Api:
    return cloud.api("network")


@pytest.fixture
def network_id(network: Api) -> str:
    return str(create(network, "network", name="pooled")["id"])


def pool(api: Api, token: str = DEMO, **more: Any) -> dict[str, Any]:
    wanted = {"name": "p", "prefixes": ["10.1.0.0/24", "10.0.0.0/24"], **more}
    return dict(create(api, "subnetpool", token, **wanted))


def subnet(api: Api, network_id: str, pool_id: str, **more: Any) -> Answer:
    wanted = {"network_id": network_id, "ip_version": 4, "subnetpool_id": pool_id, **more}
    return api("POST", "/v2.0/subnets", {"subnet": wanted})


def cidr(answer: Answer) -> str:
    assert answer.status == 201, answer.data
    return str(answer.json["subnet"]["cidr"])


def refusal(answer: Answer, status: int = 400) -> str:
    assert answer.status == status, answer.data
    return str(answer.json["NeutronError"]["message"])


def test_a_pool_lives(network: Api) -> None:
    """Made, shown, listed, changed and removed by its own project; blocks that meet are joined."""
    made = pool(network, prefixes=["10.0.0.0/25", "10.0.0.128/25"], description="d")
    assert {key: made[key] for key in ("prefixes", "ip_version", "shared", "is_default")} == {
        "prefixes": ["10.0.0.0/24"], "ip_version": 4, "shared": False, "is_default": False,
    }  # fmt: skip
    assert (made["min_prefixlen"], made["default_prefixlen"], made["max_prefixlen"]) == (8, 8, 32)
    path = f"/v2.0/subnetpools/{made['id']}"
    change = {"name": "q", "prefixes": ["10.0.0.0/23"], "default_prefixlen": "28"}
    changed = network("PUT", path, {"subnetpool": change})
    assert changed.status == 200, changed.data
    assert changed.json == network("GET", path).json
    shown = changed.json["subnetpool"]
    assert (shown["name"], shown["prefixes"]) == ("q", ["10.0.0.0/23"])
    assert (shown["default_prefixlen"], shown["min_prefixlen"]) == (28, 8)
    assert network("GET", "/v2.0/subnetpools?name=q").json["subnetpools"] == [shown]
    for method in ("GET", "PUT", "DELETE"):
        assert network(method, path, {"subnetpool": {}}, token=OTHER).status == 404
    assert network("GET", "/v2.0/subnetpools", token=OTHER).json == {"subnetpools": []}
    assert network("DELETE", path).status == 204
    assert network("GET", path).status == 404


def test_a_shared_pool_is_seen_by_all(network: Api) -> None:
    """An administrator alone shares one, and changes it."""
    wanted = {"subnetpool": {"name": "x", "prefixes": ["10.0.0.0/8"], "shared": True}}
    assert network("POST", "/v2.0/subnetpools", wanted).status == 403
    path = f"/v2.0/subnetpools/{pool(network, ADMIN, shared=True)['id']}"
    assert network("GET", path).status == 200
    assert network("DELETE", path).status == 403
    assert network("DELETE", path, token=ADMIN).status == 204


@pytest.mark.parametrize(
    "wanted",
    [
        {"prefixes": []}, {"prefixes": ["10.0.0.1/24"]}, {"prefixes": ["10.0.0.0/24", "fd00::/64"]},
        {"min_prefixlen": 33}, {"min_prefixlen": 24, "max_prefixlen": 16}, {"is_default": True},
        {"default_prefixlen": 4}, {"address_scope_id": str(uuid.uuid4())}, {"colour": "red"},
        {"default_prefixlen": "x"},
    ],
)  # fmt: skip
def test_a_pool_that_makes_no_sense_is_refused(network: Api, wanted: dict[str, Any]) -> None:
    """400."""
    body = {"subnetpool": {"name": "p", "prefixes": ["10.0.0.0/24"], **wanted}}
    assert network("POST", "/v2.0/subnetpools", body).status == 400


def test_subnets_get_their_blocks_of_a_pool(network: Api, network_id: str) -> None:
    """The first that is free and large enough; none twice, and those of deleted ones again."""
    made = pool(network, default_prefixlen=26)
    first = subnet(network, network_id, made["id"])
    assert cidr(first) == "10.0.0.0/26"
    assert first.json["subnet"]["subnetpool_id"] == made["id"]
    assert first.json["subnet"]["gateway_ip"] == "10.0.0.1"
    assert cidr(subnet(network, network_id, made["id"], prefixlen=25)) == "10.0.0.128/25"
    assert cidr(subnet(network, network_id, made["id"])) == "10.0.0.64/26"
    assert cidr(subnet(network, network_id, made["id"], cidr="10.1.0.0/25")) == "10.1.0.0/25"
    assert cidr(subnet(network, network_id, made["id"])) == "10.1.0.128/26"
    full = refusal(subnet(network, network_id, made["id"], prefixlen=25))
    assert full.endswith("Insufficient prefix space to allocate subnet size /25.")
    taken = {"cidr": "10.1.0.0/26"}
    other = str(create(network, "network", name="other")["id"])
    assert "is taken" in refusal(subnet(network, other, made["id"], **taken), 409)
    assert "from the set of prefixes" in refusal(
        subnet(network, other, made["id"], cidr="10.2.0.0/24")
    )
    assert "prefix length 4" in refusal(subnet(network, other, made["id"], prefixlen=4))
    used = network("DELETE", f"/v2.0/subnetpools/{made['id']}")
    assert "existing allocations" in refusal(used)
    network("DELETE", f"/v2.0/subnets/{first.json['subnet']['id']}")
    assert cidr(subnet(network, other, made["id"], prefixlen=27)) == "10.0.0.0/27"


def test_many_at_once_get_blocks_of_their_own(network: Api, network_id: str) -> None:
    """Of one request."""
    made = pool(network, default_prefixlen=28)
    one = {"network_id": network_id, "ip_version": 4, "subnetpool_id": made["id"]}
    answer = network("POST", "/v2.0/subnets", {"subnets": [one, one, one]})
    assert answer.status == 201, answer.data
    assert [found["cidr"] for found in answer.json["subnets"]] == [
        "10.0.0.0/28", "10.0.0.16/28", "10.0.0.32/28",
    ]  # fmt: skip


def test_a_subnet_needs_a_block_or_a_pool(network: Api, network_id: str) -> None:
    """400 with neither, 404 for a pool that is not seen."""
    one = {"network_id": network_id, "ip_version": 4}
    neither = network("POST", "/v2.0/subnets", {"subnet": one})
    assert "a subnetpool must be specified in the absence of a cidr" in refusal(neither)
    theirs = pool(network, OTHER)
    assert subnet(network, network_id, theirs["id"]).status == 404


def test_who_comes_later_to_a_block_is_refused(cloud: Cloud, network: Api, network_id: str) -> None:
    """Whatever was read before: the transaction that records a subnet says whose a block is."""
    made = pool(network)

    def wanted(number: int) -> Subnet:
        return Subnet(
            id=str(uuid.uuid4()), network_id=network_id, project_id=DEMO_PROJECT, name="s",
            cidr=f"10.0.0.{number}/25", ip_version=4, subnetpool_id=made["id"],
        )  # fmt: skip

    rows.create_subnets(cloud.db, [wanted(0)])
    with pytest.raises(Conflict, match="is taken"):
        rows.create_subnets(cloud.db, [wanted(128), wanted(0)])
    assert subnet_pools.taken_of(cloud.db, made["id"]) == ["10.0.0.0/25"]
