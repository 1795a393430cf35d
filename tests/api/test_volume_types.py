"""Volume types: the default one, and those that administrators make."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from devstack_lite.clock import utcnow
from devstack_lite.db import volume_types
from devstack_lite.exceptions import Conflict
from devstack_lite.objects.volume_type import VolumeType
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, Api, Cloud
from tests.api.test_volume_api import V370, act, create, show


@pytest.fixture(scope="module")
def volume(cloud: Cloud) -> Api:
    return cloud.api("volume")


def make(volume: Api, name: str, **asked: Any) -> str:
    body = {"volume_type": {"name": name, **asked}}
    answer = volume("POST", "/v3/types", body, token=ADMIN)
    assert answer.status == 200, answer.data
    return str(answer.json["volume_type"]["id"])


def names(volume: Api, query: str = "", token: str = DEMO) -> list[str]:
    found = volume("GET", f"/v3/types{query}", token=token).json["volume_types"]
    return [one["name"] for one in found]


def test_a_type_is_created_shown_changed_and_deleted(volume: Api) -> None:
    """The life of a type; the default type has its own rules."""
    type_id = make(volume, "fast", description="d", extra_specs={"a": "1"})
    path = f"/v3/types/{type_id}"
    shown = volume("GET", path, token=ADMIN).json["volume_type"]
    assert (shown["name"], shown["extra_specs"], shown["is_public"]) == ("fast", {"a": "1"}, True)
    assert volume("GET", path).json["volume_type"]["extra_specs"] == {}
    assert volume("POST", "/v3/types", {"volume_type": {"name": "fast"}}, token=ADMIN).status == 409
    taken = {"volume_type": {"name": "__DEFAULT__"}}
    assert volume("POST", "/v3/types", taken, token=ADMIN).status == 409
    volume_id = create(volume, volume_type="fast")
    assert show(volume, volume_id)["volume_type_id"] == type_id
    body = {"volume_type": {"name": "faster", "description": "new"}}
    assert volume("PUT", path, body, token=ADMIN).json["volume_type"]["name"] == "faster"
    assert show(volume, volume_id)["volume_type"] == "faster"
    assert volume("PUT", path, {"volume_type": {}}, token=ADMIN).status == 400
    refused = volume("DELETE", path, token=ADMIN)
    assert refused.status == 400
    assert "volumes present with the type" in refused.json["badRequest"]["message"]
    assert act(volume, volume_id, {"os-retype": {"new_type": "__DEFAULT__"}}) == 202
    assert show(volume, volume_id)["volume_type"] == "__DEFAULT__"
    assert act(volume, volume_id, {"os-retype": {"new_type": "__DEFAULT__"}}) == 400
    assert act(volume, volume_id, {"os-retype": {"new_type": "unknown"}}) == 400
    assert [volume("DELETE", path, token=ADMIN).status for _ in range(2)] == [202, 404]


def test_only_administrators_change_types(volume: Api) -> None:
    """403 for everybody else."""
    default = volume("GET", "/v3/types/default").json["volume_type"]["id"]
    body: dict[str, Any]
    for method, path, body in (
        ("POST", "/v3/types", {"volume_type": {"name": "mine"}}),
        ("PUT", f"/v3/types/{default}", {"volume_type": {"name": "mine"}}),
        ("DELETE", f"/v3/types/{default}", {}),
        ("POST", f"/v3/types/{default}/extra_specs", {"extra_specs": {"a": "1"}}),
        ("POST", f"/v3/types/{default}/action", {"addProjectAccess": {"project": "p"}}),
    ):
        assert volume(method, path, body or None).status == 403, path


def test_the_default_type_is_changed_but_not_deleted(volume: Api) -> None:
    """It gets its row with the first change; volumes that name no type have it."""
    default = volume("GET", "/v3/types/default").json["volume_type"]["id"]
    path = f"/v3/types/{default}"
    assert volume("DELETE", path, token=ADMIN).status == 403
    body = {"extra_specs": {"k": "v"}}
    assert volume("POST", f"{path}/extra_specs", body, token=ADMIN).json == body
    assert volume("GET", f"{path}/extra_specs", token=ADMIN).json["extra_specs"] == {
        "k": "v", "volume_backend_name": "lvmdriver-1",
    }  # fmt: skip
    assert names(volume).count("__DEFAULT__") == 1
    assert show(volume, create(volume))["volume_type_id"] == default


def test_extra_specs_are_a_resource(volume: Api) -> None:
    """Items are set, shown and deleted one by one."""
    path = f"/v3/types/{make(volume, 'specs')}/extra_specs"
    assert volume("PUT", f"{path}/a", {"a": "1"}, token=ADMIN).json == {"a": "1"}
    assert volume("PUT", f"{path}/a", {"b": "1"}, token=ADMIN).status == 400
    assert volume("GET", f"{path}/a", token=ADMIN).json == {"a": "1"}
    assert [volume("DELETE", f"{path}/a", token=ADMIN).status for _ in range(2)] == [202, 404]
    assert volume("GET", f"{path}/a", token=ADMIN).status == 404


def test_a_private_type_is_for_those_with_access(volume: Api) -> None:
    """Others neither see nor use it; access to a public type is refused."""
    type_id = make(volume, "private", **{"os-volume-type-access:is_public": False})
    path = f"/v3/types/{type_id}"
    wanted = {"volume": {"size": 1, "volume_type": "private"}}
    assert "private" not in names(volume)
    assert "private" in names(volume, token=ADMIN)
    assert "private" in names(volume, "?is_public=false", ADMIN)
    assert "private" not in names(volume, "?is_public=true", ADMIN)
    assert volume("GET", path).status == 404
    assert volume("POST", "/v3/volumes", wanted).status == 404
    add = {"addProjectAccess": {"project": DEMO_PROJECT}}
    statuses = [volume("POST", f"{path}/action", add, token=ADMIN).status for _ in range(2)]
    assert statuses == [202, 409]
    listed = volume("GET", f"{path}/os-volume-type-access", token=ADMIN).json
    assert listed["volume_type_access"] == [{"volume_type_id": type_id, "project_id": DEMO_PROJECT}]
    assert volume("POST", "/v3/volumes", wanted).status == 202
    assert volume("POST", "/v3/volumes", wanted, token=OTHER).status == 404
    remove = {"removeProjectAccess": {"project": DEMO_PROJECT}}
    statuses = [volume("POST", f"{path}/action", remove, token=ADMIN).status for _ in range(2)]
    assert statuses == [202, 404]
    public = f"/v3/types/{make(volume, 'public')}"
    assert volume("POST", f"{public}/action", add, token=ADMIN).status == 409
    assert volume("GET", f"{public}/os-volume-type-access", token=ADMIN).status == 404


def test_types_are_listed_in_pages(volume: Api) -> None:
    """limit, marker, sort and name."""
    for name in ("page-b", "page-a"):
        make(volume, name)
    everything = names(volume)
    assert everything == sorted(everything)
    assert names(volume, "?name=page-a") == ["page-a"]
    assert names(volume, "?sort=name:desc")[-1] == everything[0]
    page = volume("GET", "/v3/types?limit=1").json
    rest = page["volume_type_links"][0]["href"].partition("?")[2].replace("limit=1", "limit=99")
    assert names(volume, f"?{rest}") == everything[1:]
    assert volume("GET", "/v3/types?marker=nothing").status == 404
    assert volume("GET", "/v3/types", headers=V370).status == 200


def test_a_type_delivered_twice_is_recorded_once(cloud: Cloud) -> None:
    """The same again is the one that is there; another of the name is a conflict."""
    wanted = VolumeType(id=str(uuid.uuid4()), name="twice", created_at=utcnow())
    first = volume_types.create_type(cloud.db, volume_type=wanted)
    assert volume_types.create_type(cloud.db, volume_type=wanted).id == first.id
    with pytest.raises(Conflict):
        volume_types.create_type(
            cloud.db, volume_type=VolumeType(id=str(uuid.uuid4()), name="twice")
        )
