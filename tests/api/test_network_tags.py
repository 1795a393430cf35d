"""Tags of the network service's resources."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import ADMIN, DEMO_PROJECT, OTHER, Api, Cloud
from tests.api.test_network_api import create, fault, make_network
from tests.api.test_network_clients import connect
from tests.api.test_network_security_groups import make_group


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Api:
    return cloud.api("network")


@pytest.fixture(scope="module")
def resources(network: Api) -> dict[str, str]:
    """One resource of each collection that has tags."""
    external = make_network(network, "203.0.113.0/24", ADMIN, **{"router:external": True})
    own = make_network(network)
    subnet = create(network, "subnet", network_id=own, cidr="10.0.0.0/24", ip_version=4)
    return {
        "networks": own,
        "subnets": subnet["id"],
        "ports": create(network, "port", network_id=own)["id"],
        "routers": create(network, "router")["id"],
        "floatingips": create(network, "floatingip", floating_network_id=external)["id"],
        "security-groups": make_group(network)["id"],
    }


COLLECTIONS = ("networks", "subnets", "ports", "routers", "floatingips", "security-groups")


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_resources_have_tags(network: Api, resources: dict[str, str], collection: str) -> None:
    """Set at once or one by one, shown wherever the resource is, changed by its project alone."""
    path = f"/v2.0/{collection}/{resources[collection]}"
    key = collection.removesuffix("s").replace("-", "_")
    assert network("GET", path).json[key]["tags"] == []
    answer = network("PUT", f"{path}/tags", {"tags": ["b", "a"]})
    assert (answer.status, answer.json) == (200, {"tags": ["a", "b"]})
    assert network("PUT", f"{path}/tags/c").status == 201
    assert network("PUT", f"{path}/tags/c").status == 201
    assert network("GET", path).json[key]["tags"] == ["a", "b", "c"]
    assert network("GET", f"{path}/tags").json == {"tags": ["a", "b", "c"]}
    assert network("GET", f"{path}/tags/c").status == 204
    assert network("DELETE", f"{path}/tags/c").status == 204
    for method in ("GET", "DELETE"):
        assert fault(network(method, f"{path}/tags/c"))[:2] == (404, "TagNotFound")
    for method, body in (("GET", None), ("PUT", {"tags": []}), ("DELETE", None)):
        assert network(method, f"{path}/tags", body, token=OTHER).status == 404
    [listed] = network("GET", f"/v2.0/{collection}?tags=a,b").json[f"{key}s"]
    assert (listed["id"], listed["tags"]) == (resources[collection], ["a", "b"])
    for query, is_there in (
        ("tags=a,z", False), ("tags-any=a,z", True), ("not-tags=a,z", True),
        ("not-tags-any=a,z", False), ("not-tags=a,b", False),
    ):  # fmt: skip
        found = network("GET", f"/v2.0/{collection}?{query}").json[f"{key}s"]
        assert (resources[collection] in {one["id"] for one in found}) is is_there, query
    assert network("DELETE", f"{path}/tags").status == 204
    assert network("GET", path).json[key]["tags"] == []


def test_bad_tags_are_refused(network: Api, resources: dict[str, str]) -> None:
    """Twice the same, none, too many, or of something that is not there."""
    path = f"/v2.0/networks/{resources['networks']}/tags"
    for tags in (["a", "a"], [""], [1], "a", [str(number) for number in range(51)]):
        assert network("PUT", path, {"tags": tags}).status == 400
    assert network("GET", "/v2.0/networks/x/tags").status == 404


def test_the_sdk_tags(cloud: Cloud, resources: dict[str, str]) -> None:
    """The unmodified SDK sets tags and finds by them."""
    sdk: Any = connect(cloud.serve("network"), "demo:" + DEMO_PROJECT + ":member")
    found = sdk.network.get_network(resources["networks"])
    assert sdk.network.set_tags(found, ["red"]).tags == ["red"]
    assert [one.id for one in sdk.network.networks(tags="red")] == [found.id]
    sdk.network.set_tags(found, [])
    sdk.close()
