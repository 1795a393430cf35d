"""What projects may have of volumes and snapshots, and that they get no more."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, Answer, Api, Cloud
from tests.api.test_volume_api import V370, act, create

_LIMITS = ("volumes", "gigabytes", "snapshots", "per_volume_gigabytes")


@pytest.fixture(scope="module")
def volume(cloud: Cloud) -> Api:
    return cloud.api("volume")


@pytest.fixture
def project() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def token(project: str) -> str:
    return f"user:{project}:member"


def set_quota(volume: Api, project: str, **limits: Any) -> Answer:
    path = f"/v3/os-quota-sets/{project}"
    return volume("PUT", path, {"quota_set": limits}, token=ADMIN)


def refused(answer: Answer) -> str:
    assert answer.status == 413, answer.data
    return str(answer.json["overLimit"]["message"])


def test_a_quota_is_set_shown_and_deleted(volume: Api, project: str, token: str) -> None:
    """A project without its own has the defaults; only administrators set one."""
    path = f"/v3/os-quota-sets/{project}"
    shown = volume("GET", path, token=token).json["quota_set"]
    assert tuple(shown[name] for name in _LIMITS) == (1000, 100_000, 1000, -1)
    assert shown == volume("GET", f"{path}/defaults", token=token).json["quota_set"]
    assert set_quota(volume, project, volumes=5, gigabytes="-1", force=True).status == 200
    changed = volume("GET", path, token=token).json["quota_set"]
    assert (changed["volumes"], changed["gigabytes"], changed["snapshots"]) == (5, -1, 1000)
    assert volume("GET", f"{path}/defaults", token=token).json["quota_set"] == shown
    for method, body in (("PUT", {"quota_set": {"volumes": 9}}), ("DELETE", None)):
        assert volume(method, path, body, token=token).status == 403
    assert volume("GET", path).status == 403
    assert [volume("DELETE", path, token=ADMIN).status for _ in range(2)] == [200, 200]
    assert volume("GET", path, token=token).json["quota_set"] == shown


@pytest.mark.parametrize("limits", [{"cows": 1}, {"volumes": -2}, {"volumes": "many"}, {}])
def test_a_bad_quota_is_refused(volume: Api, project: str, limits: dict[str, Any]) -> None:
    """400, and nothing is set."""
    assert set_quota(volume, project, **limits).status == 400


def test_volumes_and_gigabytes_are_bounded(volume: Api, project: str, token: str) -> None:
    """Creating and extending beyond the quota is 413, in Cinder's words."""
    set_quota(volume, project, volumes=2, gigabytes=4, per_volume_gigabytes=3)
    wanted = {"volume": {"size": 1}}
    first = create(volume, token, size=1)
    too_large = volume("POST", "/v3/volumes", {"volume": {"size": 4}}, token=token)
    assert refused(too_large).startswith("VolumeSizeExceedsLimit: Requested volume size 4G")
    create(volume, token, size=3)
    answer = volume("POST", "/v3/volumes", wanted, token=token)
    assert refused(answer) == (
        "VolumeLimitExceeded: Maximum number of volumes allowed (2) exceeded for quota 'volumes'."
    )
    extend = {"os-extend": {"new_size": 2}}
    assert act(volume, first, extend, token) == 413
    set_quota(volume, project, volumes=3)
    assert "Requested 1G, quota is 4G and 4G has been consumed." in refused(
        volume("POST", "/v3/volumes", wanted, token=token)
    )
    set_quota(volume, project, gigabytes=-1)
    assert act(volume, first, extend, token) == 202


def test_snapshots_are_bounded(volume: Api, project: str, token: str) -> None:
    """By their number, and their size counts among the gigabytes."""
    volume_id = create(volume, token, size=2)
    set_quota(volume, project, snapshots=1, gigabytes=5)
    wanted = {"snapshot": {"volume_id": volume_id}}
    assert volume("POST", "/v3/snapshots", wanted, token=token).status == 202
    assert "Maximum number of snapshots allowed (1) exceeded" in refused(
        volume("POST", "/v3/snapshots", wanted, token=token)
    )
    set_quota(volume, project, snapshots=2)
    assert "gigabytes quota" in refused(volume("POST", "/v3/snapshots", wanted, token=token))


def test_usage_and_limits_agree(volume: Api, project: str, token: str) -> None:
    """What is there is what both say is used; an administrator asks for any project."""
    volume_id = create(volume, token, size=2)
    body = {"snapshot": {"volume_id": volume_id}}
    assert volume("POST", "/v3/snapshots", body, token=token).status == 202
    used = volume("GET", f"/v3/os-quota-sets/{project}?usage=true", token=token).json["quota_set"]
    assert [used[name]["in_use"] for name in _LIMITS] == [1, 4, 1, 0]
    limits = volume("GET", "/v3/limits", token=token).json["limits"]["absolute"]
    names = ("totalVolumesUsed", "totalGigabytesUsed", "totalSnapshotsUsed", "maxTotalSnapshots")
    assert [limits[name] for name in names] == [1, 4, 1, 1000]
    path = f"/v3/limits?project_id={project}"
    asked = volume("GET", path, token=ADMIN, headers=V370).json["limits"]["absolute"]
    assert asked == limits
    assert volume("GET", path, headers=V370).json["limits"]["absolute"] != limits


def test_the_class_holds_for_projects_without_their_own(
    volume: Api, project: str, token: str
) -> None:
    """What administrators set there is every such project's default."""
    path = "/v3/os-quota-class-sets/default"
    assert volume("GET", path).status == 403
    before = volume("GET", path, token=ADMIN).json["quota_class_set"]
    body = {"quota_class_set": {"volumes": 0}}
    assert volume("PUT", path, body, token=ADMIN).json["quota_class_set"]["volumes"] == 0
    set_quota(volume, DEMO_PROJECT, volumes=before["volumes"])
    assert volume("POST", "/v3/volumes", {"volume": {"size": 1}}, token=token).status == 413
    assert volume("POST", "/v3/volumes", {"volume": {"size": 1}}, token=DEMO).status == 202
    restored = {"quota_class_set": {"volumes": before["volumes"]}}
    assert volume("PUT", path, restored, token=ADMIN).json["quota_class_set"] == {
        name: value for name, value in before.items() if name != "id"
    }
    assert volume("GET", "/v3/os-quota-class-sets/gold", token=ADMIN).status == 404
