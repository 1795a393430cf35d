"""Aggregates of hosts and groups of servers, as the compute API has them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from devstack_lite.db import hosts
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Unavailable
from services.compute.rpcapi import ComputeAPI
from tests.api.conftest import ADMIN, DEMO, OTHER, Api, Cloud
from tests.api.test_compute_api import message


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Api:
    """The compute API of a cloud with two compute hosts."""
    for host in ("one", "two"):
        hosts.report_service(
            cloud.db, binary="nova-compute", host=host, topic="compute", availability_zone="nova"
        )
    return cloud.api("osapi_compute")


@pytest.fixture
def aggregate(api: Api) -> Iterator[int]:
    """Return the id of an aggregate in the zone `east`, gone after the test."""
    body = {"aggregate": {"name": f"racks-{uuid.uuid4()}", "availability_zone": "east"}}
    answer = api("POST", "/v2.1/os-aggregates", body, token=ADMIN)
    assert answer.status == 200, answer.data
    made = answer.json["aggregate"]
    assert "hosts" not in made
    yield made["id"]
    path = f"/v2.1/os-aggregates/{made['id']}"
    for host in api("GET", path, token=ADMIN).json["aggregate"]["hosts"]:
        api("POST", f"{path}/action", {"remove_host": {"host": host}}, token=ADMIN)
    assert api("DELETE", path, token=ADMIN).status == 200


def act(api: Api, aggregate: int, **body: Any) -> Any:
    return api("POST", f"/v2.1/os-aggregates/{aggregate}/action", body, token=ADMIN)


def zone_of(db: Database, host: str) -> str:
    return next(one.availability_zone for one in hosts.list_services(db) if one.host == host)


def test_a_host_is_in_the_zone_of_its_aggregate(api: Api, cloud: Cloud, aggregate: int) -> None:
    """It comes with the host or with the metadata, and goes with them."""
    added = act(api, aggregate, add_host={"host": "one"}).json["aggregate"]
    assert (added["hosts"], added["availability_zone"]) == (["one"], "east")
    assert zone_of(cloud.db, "one") == "east"
    zones = api("GET", "/v2.1/os-availability-zone", token=DEMO).json["availabilityZoneInfo"]
    assert {one["zoneName"] for one in zones} == {"east", "nova"}
    in_full = api("GET", "/v2.1/os-availability-zone/detail", token=ADMIN)
    services = next(
        zone["hosts"]["one"]
        for zone in in_full.json["availabilityZoneInfo"]
        if "one" in zone["hosts"]
    )
    assert set(services["nova-compute"]) == {"active", "available", "updated_at"}
    metadata = {"availability_zone": None, "ssd": "true"}
    changed = act(api, aggregate, set_metadata={"metadata": metadata}).json["aggregate"]
    assert (changed["metadata"], changed["availability_zone"]) == ({"ssd": "true"}, None)
    assert zone_of(cloud.db, "one") == "nova"
    path = f"/v2.1/os-aggregates/{aggregate}"
    api("PUT", path, {"aggregate": {"availability_zone": "west"}}, token=ADMIN)
    assert zone_of(cloud.db, "one") == "west"
    assert act(api, aggregate, remove_host={"host": "one"}).json["aggregate"]["hosts"] == []
    assert zone_of(cloud.db, "one") == "nova"


def test_what_an_aggregate_refuses(api: Api, aggregate: int) -> None:
    """A host twice, in two zones or unknown; a name twice; removing one that has hosts."""
    assert act(api, aggregate, add_host={"host": "one"}).status == 200
    again = message(act(api, aggregate, add_host={"host": "one"}), 409, "conflictingRequest")
    assert "already in it" in again
    assert act(api, aggregate, add_host={"host": "nobody"}).status == 404
    assert act(api, aggregate, remove_host={"host": "two"}).status == 404
    path = f"/v2.1/os-aggregates/{aggregate}"
    name = api("GET", path, token=ADMIN).json["aggregate"]["name"]
    second = api("POST", "/v2.1/os-aggregates", {"aggregate": {"name": name}}, token=ADMIN)
    assert second.status == 409
    assert "not empty" in message(api("DELETE", path, token=ADMIN), 409, "conflictingRequest")
    other = {"aggregate": {"name": f"{name}-2", "availability_zone": "west"}}
    second = api("POST", "/v2.1/os-aggregates", other, token=ADMIN).json["aggregate"]["id"]
    refused = message(act(api, second, add_host={"host": "one"}), 409, "conflictingRequest")
    assert "already in availability zone east" in refused
    assert api("DELETE", f"/v2.1/os-aggregates/{second}", token=ADMIN).status == 200
    assert api("GET", "/v2.1/os-aggregates/999", token=ADMIN).status == 404
    assert api("GET", "/v2.1/os-aggregates/x", token=ADMIN).status == 400
    assert api("GET", "/v2.1/os-aggregates/-1", token=ADMIN).status == 404
    assert api("GET", path, token=DEMO).status == 403


def test_a_group_is_its_projects(api: Api) -> None:
    """Made, listed, shown and removed by its project; not found by another one."""
    body = {"server_group": {"name": "apart", "policies": ["anti-affinity"]}}
    made = api("POST", "/v2.1/os-server-groups", body, token=DEMO).json["server_group"]
    assert made == {**made, "name": "apart", "policies": ["anti-affinity"], "members": [],
                    "metadata": {}}  # fmt: skip
    path = f"/v2.1/os-server-groups/{made['id']}"
    assert api("GET", path, token=DEMO).json == {"server_group": made}
    assert api("GET", "/v2.1/os-server-groups", token=DEMO).json == {"server_groups": [made]}
    assert api("GET", "/v2.1/os-server-groups", token=OTHER).json == {"server_groups": []}
    assert api("GET", path, token=OTHER).status == 404
    assert api("DELETE", path, token=OTHER).status == 404
    everything = api("GET", "/v2.1/os-server-groups?all_projects=1", token=ADMIN)
    assert everything.json == {"server_groups": [made]}
    assert api("DELETE", path, token=DEMO).status == 204
    assert api("DELETE", path, token=DEMO).status == 404


@pytest.mark.parametrize(
    "policies", [[], ["soft-affinity"], ["affinity", "anti-affinity"], "affinity", ["none"]]
)
def test_a_policy_that_is_none_is_refused(api: Api, policies: Any) -> None:
    body = {"server_group": {"name": "x", "policies": policies}}
    assert api("POST", "/v2.1/os-server-groups", body, token=DEMO).status == 400


SINCE_2_81 = {"OpenStack-API-Version": "compute 2.81"}


def test_images_are_kept_by_an_aggregates_hosts(
    api: Api, aggregate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By those that are up; one that fails holds nobody up; 202 without a body."""
    told: list[tuple[str, list[str]]] = []

    def cache_images(_own: Any, _context: Any, *, host: str, image_ids: list[str]) -> Any:
        told.append((host, list(image_ids)))
        raise Unavailable("nobody answers")

    monkeypatch.setattr(ComputeAPI, "cache_images", cache_images)
    path = f"/v2.1/os-aggregates/{aggregate}/images"
    images = [str(uuid.uuid4()) for _ in range(2)]
    body = {"cache": [{"id": one} for one in images]}

    def ask(body: Any, token: str = ADMIN, path: str = path, version: Any = SINCE_2_81) -> Any:
        return api("POST", path, body, token=token, headers=version)

    assert (ask(body).status, told) == (202, [])
    for host in ("one", "two"):
        act(api, aggregate, add_host={"host": host})
    answer = ask(body)
    assert (answer.status, answer.data) == (202, b"")
    assert sorted(told) == sorted((host, [one]) for host in ("one", "two") for one in images)
    twice = ask({"cache": [*body["cache"], {"id": images[0]}]})
    assert message(twice, 400, "badRequest") == "Duplicate images in request"
    assert ask({"cache": []}).status == 400
    assert ask({"cache": [{"id": "x"}]}).status == 400
    assert ask(body, DEMO).status == 403
    assert ask(body, path="/v2.1/os-aggregates/9999/images").status == 404
    assert ask(body, version={"OpenStack-API-Version": "compute 2.80"}).status == 404
