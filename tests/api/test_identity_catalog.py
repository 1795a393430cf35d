"""Services, endpoints and regions through identity's real pipeline."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api import identity_cloud
from tests.api.conftest import Cloud
from tests.api.identity_cloud import PROJECT_ID, Keystone

Json = dict[str, Any]


@pytest.fixture(scope="module")
def keystone(cloud: Cloud) -> Keystone:
    identity_cloud.seed(cloud)
    return Keystone(cloud)


@pytest.fixture(scope="module")
def admin(keystone: Keystone) -> str:
    return keystone.token("admin")


def add(keystone: Keystone, admin: str, kind: str, **body: Any) -> Json:
    answer = keystone("POST", f"/{kind}s", {kind: body}, token=admin)
    assert answer.status == 201, answer.data
    found: Json = answer.json[kind]
    return found


def urls(keystone: Keystone, kind: str) -> list[str]:
    """Return where a new token says that the services of a type are."""
    catalog = keystone.validate(keystone.token("demo")).json["token"]["catalog"]
    return [one["url"] for entry in catalog if entry["type"] == kind for one in entry["endpoints"]]


def test_tokens_follow_the_catalog(keystone: Keystone, admin: str) -> None:
    """What is added, changed, disabled and removed is so in the next token."""
    service = add(keystone, admin, "service", type="object-store", name="swift")
    assert (service["enabled"], service["description"]) == (True, "")
    url = "http://swift.test/v1/AUTH_$(project_id)s"
    endpoint = add(
        keystone, admin, "endpoint", service_id=service["id"], interface="public", url=url,
        region_id="RegionOne",
    )  # fmt: skip
    assert (endpoint["url"], endpoint["region"]) == (url, "RegionOne")
    mine = f"http://swift.test/v1/AUTH_{PROJECT_ID['demo']}"
    assert urls(keystone, "object-store") == [mine]
    path = f"/endpoints/{endpoint['id']}"
    off = keystone("PATCH", path, {"endpoint": {"enabled": False}}, token=admin)
    assert off.json["endpoint"]["enabled"] is False
    assert urls(keystone, "object-store") == []
    keystone("PATCH", path, {"endpoint": {"enabled": True}}, token=admin)
    own = f"/services/{service['id']}"
    keystone("PATCH", own, {"service": {"type": "store"}}, token=admin)
    assert (urls(keystone, "object-store"), urls(keystone, "store")) == ([], [mine])
    found = keystone("GET", "/services?type=store", token=admin).json["services"]
    assert [one["name"] for one in found] == ["swift"]
    assert keystone("DELETE", own, token=admin).status == 204
    assert urls(keystone, "store") == []
    for gone in (own, path):
        assert keystone("GET", gone, token=admin).status == 404


def test_an_endpoint_of_the_clouds_own_service(keystone: Keystone, admin: str) -> None:
    """The cloud's own services may be elsewhere, too; a region by its old name comes along."""
    [compute] = keystone("GET", "/services?type=compute", token=admin).json["services"]
    endpoint = add(
        keystone, admin, "endpoint", service_id=compute["id"], interface="public",
        url="http://far.test/v2.1", region="far",
    )  # fmt: skip
    assert endpoint["region_id"] == "far"
    assert "http://far.test/v2.1" in urls(keystone, "compute")
    used = keystone("DELETE", "/regions/far", token=admin)
    assert used.status == 403
    assert "have associated endpoints" in used.json["error"]["message"]
    assert keystone("DELETE", f"/endpoints/{endpoint['id']}", token=admin).status == 204
    assert keystone("DELETE", "/regions/far", token=admin).status == 204


def test_the_clouds_own_entries_stay(keystone: Keystone, admin: str) -> None:
    """They follow the configuration, so no request changes them."""
    for kind in ("service", "endpoint", "region"):
        own = keystone("GET", f"/{kind}s", token=admin).json[f"{kind}s"][0]
        path = f"/{kind}s/{own['id']}"
        assert keystone("GET", path, token=admin).json[kind] == own
        assert keystone("PATCH", path, {kind: {}}, token=admin).status == 403
        assert keystone("DELETE", path, token=admin).status == 403


def test_regions(keystone: Keystone, admin: str) -> None:
    """Their ids may be chosen, in the body or the URL; they may be in one another."""
    assert add(keystone, admin, "region", id="north")["description"] == ""
    named = keystone("PUT", "/regions/south", {"region": {"description": "d"}}, token=admin)
    assert (named.status, named.json["region"]["id"]) == (201, "south")
    inner = add(keystone, admin, "region", parent_region_id="north")
    again = keystone("POST", "/regions", {"region": {"id": "north", "description": "x"}},
                     token=admin)  # fmt: skip
    assert again.status == 409
    assert keystone("POST", "/regions", {"region": {"id": "RegionOne"}}, token=admin).status == 409
    lost = {"region": {"parent_region_id": "nowhere"}}
    assert keystone("POST", "/regions", lost, token=admin).status == 404
    query = "/regions?parent_region_id=north"
    found = keystone("GET", query, token=keystone.token("demo")).json["regions"]
    assert [one["id"] for one in found] == [inner["id"]]
    changed = keystone("PATCH", "/regions/south", {"region": {"description": "e"}}, token=admin)
    assert changed.json["region"]["description"] == "e"
    assert keystone("DELETE", "/regions/north", token=admin).status == 204
    assert keystone("GET", f"/regions/{inner['id']}", token=admin).status == 404
    assert keystone("DELETE", "/regions/south", token=admin).status == 204


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"service_id": "x"}, 404),
        ({"region_id": "nowhere"}, 400),
        ({"interface": "secret"}, 400),
        ({"url": "not a url"}, 400),
        ({"url": "http://x/$(who)s"}, 400),
    ],
)
def test_endpoint_refused(keystone: Keystone, admin: str, more: Json, status: int) -> None:
    """An endpoint is of a service, in a region, and at a URL that can be made."""
    [compute] = keystone("GET", "/services?type=compute", token=admin).json["services"]
    body = {"service_id": compute["id"], "interface": "public", "url": "http://x.test", **more}
    assert keystone("POST", "/endpoints", {"endpoint": body}, token=admin).status == status


def test_administrators_business(keystone: Keystone) -> None:
    """Others see regions only."""
    demo = keystone.token("demo")
    for path in ("/services", "/endpoints"):
        assert keystone("GET", path, token=demo).status == 403
    assert keystone("POST", "/services", {"service": {"type": "x"}}, token=demo).status == 403
    assert keystone("DELETE", "/regions/RegionOne", token=demo).status == 403
