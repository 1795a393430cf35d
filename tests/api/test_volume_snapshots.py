"""Snapshots of volumes, and volumes made of them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from devstack_lite.clock import utcnow
from devstack_lite.db import volume_snapshots
from devstack_lite.exceptions import Invalid, QuotaExceeded
from devstack_lite.objects.volume import VolumeQuota, VolumeSnapshot
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, Answer, Api, Cloud
from tests.api.test_volume_api import V370, act, create, show


@pytest.fixture(scope="module")
def volume(cloud: Cloud) -> Api:
    return cloud.api("volume")


def snapshot_of(volume: Api, volume_id: str, *, token: str = DEMO, **asked: Any) -> str:
    answer = ask(volume, volume_id, token=token, **asked)
    assert answer.status == 202, answer.data
    assert answer.json["snapshot"]["status"] == "creating"
    return str(answer.json["snapshot"]["id"])


def ask(volume: Api, volume_id: str, *, token: str = DEMO, **asked: Any) -> Answer:
    body = {"snapshot": {"volume_id": volume_id, **asked}}
    return volume("POST", "/v3/snapshots", body, token=token)


def act_on(volume: Api, snapshot_id: str, body: dict[str, Any], token: str = ADMIN) -> int:
    return volume("POST", f"/v3/snapshots/{snapshot_id}/action", body, token=token).status


def test_a_snapshot_is_created_shown_changed_and_deleted(volume: Api) -> None:
    """The plain life of a snapshot."""
    volume_id = create(volume, size=3)
    snapshot_id = snapshot_of(volume, volume_id, name="s", description="d", metadata={"a": "1"})
    path = f"/v3/snapshots/{snapshot_id}"
    shown = volume("GET", path, headers=V370).json["snapshot"]
    assert tuple(shown[key] for key in ("status", "size", "volume_id", "name", "metadata")) == (
        "available", 3, volume_id, "s", {"a": "1"},
    )  # fmt: skip
    assert shown["os-extended-snapshot-attributes:project_id"] == DEMO_PROJECT
    assert shown["os-extended-snapshot-attributes:progress"] == "100%"
    assert (shown["user_id"], shown["group_snapshot_id"]) == ("demo", None)
    assert "user_id" not in volume("GET", path).json["snapshot"]
    changed = volume("PUT", path, {"snapshot": {"name": "new"}}).json["snapshot"]
    assert (changed["name"], changed["description"]) == ("new", "d")
    for method in ("GET", "DELETE"):
        assert volume(method, path, token=OTHER).status == 404
    assert volume("DELETE", path).status == 202
    gone = volume("GET", path)
    assert gone.status == 404
    assert gone.json["itemNotFound"]["message"] == f"Snapshot {snapshot_id} could not be found."


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"volume_id": str(uuid.uuid4())}, 404),
        ({"volume_id": "no uuid"}, 400),
        ({"name": 5}, 400),
        ({"force": "perhaps"}, 400),
        ({"metadata": {"k": 1}}, 400),
    ],
)
def test_a_bad_snapshot_is_refused(volume: Api, asked: dict[str, Any], status: int) -> None:
    """The documented error each, and no row."""
    body = {"snapshot": {"volume_id": create(volume), **asked}}
    before = volume("GET", "/v3/snapshots").json
    assert volume("POST", "/v3/snapshots", body).status == status
    assert volume("GET", "/v3/snapshots").json == before


def test_a_volume_in_use_is_taken_by_force_or_by_a_new_microversion(volume: Api) -> None:
    """Without force 400; from 3.66 on force is not needed, and False is refused."""
    volume_id = create(volume)
    attach = {"os-attach": {"instance_uuid": str(uuid.uuid4()), "mountpoint": "/dev/vdb"}}
    assert act(volume, volume_id, attach) == 202
    refused = ask(volume, volume_id)
    assert refused.status == 400
    assert (
        "status must be available, but current status is: in-use"
        in (refused.json["badRequest"]["message"])
    )
    snapshot_of(volume, volume_id, force=True)
    body: dict[str, Any] = {"snapshot": {"volume_id": volume_id}}
    assert volume("POST", "/v3/snapshots", body, headers=V370).status == 202
    body["snapshot"]["force"] = False
    assert volume("POST", "/v3/snapshots", body, headers=V370).status == 400


def test_a_volume_with_snapshots_is_not_deleted(volume: Api) -> None:
    """400 until its snapshots are gone; cascade takes them along."""
    volume_id = create(volume)
    snapshot_id = snapshot_of(volume, volume_id)
    path = f"/v3/volumes/{volume_id}"
    refused = volume("DELETE", path)
    assert refused.status == 400
    assert "have snapshots" in refused.json["badRequest"]["message"]
    assert act(volume, volume_id, {"os-force_delete": None}, ADMIN) == 400
    assert volume("DELETE", f"{path}?cascade=true").status == 202
    assert volume("GET", f"/v3/snapshots/{snapshot_id}").status == 404
    assert volume("GET", path).status == 404


def test_a_volume_of_a_snapshot_is_like_the_first(volume: Api) -> None:
    """Size, bootable and image metadata come along; a smaller one is refused."""
    volume_id = create(volume, size=2)
    act(volume, volume_id, {"os-set_bootable": {"bootable": True}})
    act(volume, volume_id, {"os-set_image_metadata": {"metadata": {"k": "v"}}})
    snapshot_id = snapshot_of(volume, volume_id)
    made = show(volume, create(volume, size=None, snapshot_id=snapshot_id))
    assert tuple(made[key] for key in ("size", "bootable", "snapshot_id")) == (
        2, "true", snapshot_id,
    )  # fmt: skip
    assert made["volume_image_metadata"] == {"k": "v"}
    small = {"volume": {"size": 1, "snapshot_id": snapshot_id}}
    refused = volume("POST", "/v3/volumes", small)
    assert (refused.status, "smaller than the snapshot size 2GB" in str(refused.json)) == (
        400,
        True,
    )
    absent = {"volume": {"size": 1, "snapshot_id": str(uuid.uuid4())}}
    assert volume("POST", "/v3/volumes", absent).status == 404
    assert act_on(volume, snapshot_id, {"os-reset_status": {"status": "error"}}) == 202
    assert volume("POST", "/v3/volumes", {"volume": {"snapshot_id": snapshot_id}}).status == 400
    clone = show(volume, create(volume, size=None, source_volid=volume_id))
    assert (clone["source_volid"], clone["snapshot_id"]) == (volume_id, None)


def test_administrators_set_the_state_and_force(volume: Api) -> None:
    """reset_status, update_snapshot_status and force_delete are refused to others."""
    snapshot_id = snapshot_of(volume, create(volume))
    path = f"/v3/snapshots/{snapshot_id}"
    reset = {"os-reset_status": {"status": "error_deleting"}}
    assert act_on(volume, snapshot_id, reset, DEMO) == 403
    assert act_on(volume, snapshot_id, reset) == 202
    assert volume("DELETE", path).status == 400
    assert act_on(volume, snapshot_id, {"os-reset_status": {"status": "in-use"}}) == 400
    assert act_on(volume, snapshot_id, {"os-force_delete": None}, DEMO) == 403
    assert act_on(volume, snapshot_id, {"os-force_delete": None}) == 202
    assert volume("GET", path).status == 404


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        ("creating", {"creating", "available", "error"}),
        ("deleting", {"deleting", "error_deleting"}),
        ("available", set()),
        ("error", set()),
    ],
)
def test_who_makes_a_snapshot_says_how_it_gets_on(volume: Api, now: str, allowed: set[str]) -> None:
    """Only of one that is made or removed by somebody, as in Cinder; for administrators."""
    snapshot_id = snapshot_of(volume, create(volume))
    for status in ("creating", "available", "error", "deleting", "error_deleting"):
        assert act_on(volume, snapshot_id, {"os-reset_status": {"status": now}}) == 202
        update = {"os-update_snapshot_status": {"status": status, "progress": "50%"}}
        assert act_on(volume, snapshot_id, update, DEMO) == 403
        assert act_on(volume, snapshot_id, update) == (202 if status in allowed else 400)
        shown = volume("GET", f"/v3/snapshots/{snapshot_id}").json["snapshot"]["status"]
        assert shown == (status if status in allowed else now)


def test_a_volume_is_reverted_to_its_latest_snapshot(volume: Api) -> None:
    """An older one is refused, and so is a volume in use."""
    volume_id = create(volume)
    first, last = snapshot_of(volume, volume_id), snapshot_of(volume, volume_id)
    act(volume, volume_id, {"os-set_bootable": {"bootable": True}})
    assert act(volume, volume_id, {"revert": {"snapshot_id": first}}) == 400
    assert act(volume, volume_id, {"revert": {"snapshot_id": last}}) == 202
    assert show(volume, volume_id)["bootable"] == "false"
    assert act(volume, volume_id, {"revert": {"snapshot_id": str(uuid.uuid4())}}) == 404
    act(volume, volume_id, {"os-reserve": None})
    assert act(volume, volume_id, {"revert": {"snapshot_id": last}}) == 400


def test_metadata_is_a_resource(volume: Api) -> None:
    """Items are added, replaced, shown and deleted one by one or together."""
    path = f"/v3/snapshots/{snapshot_of(volume, create(volume))}/metadata"
    both = {"a": "1", "b": "2"}
    assert volume("POST", path, {"metadata": both}).json["metadata"] == both
    assert volume("PUT", path, {"metadata": {"c": "3"}}).json["metadata"] == {"c": "3"}
    assert volume("PUT", f"{path}/c", {"meta": {"c": "4"}}).json["meta"] == {"c": "4"}
    assert volume("PUT", f"{path}/x", {"meta": {"c": "4"}}).status == 400
    assert volume("GET", f"{path}/c").json == {"meta": {"c": "4"}}
    assert [volume("DELETE", f"{path}/c").status for _ in range(2)] == [200, 404]
    assert volume("GET", path).json == {"metadata": {}}


def test_a_list_is_filtered_sorted_and_paged(volume: Api) -> None:
    """Filters, order, pages and count."""
    volume_ids = [create(volume, OTHER) for _ in range(2)]
    for number in range(4):
        snapshot_of(volume, volume_ids[number % 2], token=OTHER, name=f"n{number}",
                    metadata={"odd": str(number % 2)})  # fmt: skip

    def listed(query: str) -> list[Any]:
        answer = volume("GET", f"/v3/snapshots/detail?{query}", token=OTHER, headers=V370)
        assert answer.status == 200, answer.data
        return [one["name"] for one in answer.json["snapshots"]]

    assert listed("sort=name:desc") == ["n3", "n2", "n1", "n0"]
    assert listed(f"volume_id={volume_ids[0]}&sort=name:asc") == ["n0", "n2"]
    assert listed("metadata={'odd': '1'}&sort=name:asc") == ["n1", "n3"]
    assert listed("name=n2") == ["n2"]
    assert listed("status=error") == []
    page = volume("GET", "/v3/snapshots?limit=3&sort=name:asc&with_count=1", token=OTHER,
                  headers=V370).json  # fmt: skip
    assert (page["count"], len(page["snapshots"])) == (4, 3)
    assert listed(page["snapshots_links"][0]["href"].partition("?")[2]) == ["n3"]
    assert volume("GET", "/v3/snapshots?sort_key=colour").status == 400
    assert volume("GET", "/v3/snapshots?marker=nothing").status == 404
    assert volume("GET", "/v3/snapshots", token=ADMIN).json["snapshots"] == []
    everywhere = volume("GET", "/v3/snapshots?all_tenants=1", token=ADMIN).json["snapshots"]
    assert len(everywhere) >= 4


def test_a_snapshot_delivered_twice_is_recorded_once(cloud: Cloud, volume: Api) -> None:
    """The same again is the one that is there; the quota counts snapshots, and their size."""
    volume_id = create(volume, f"quota:{'9' * 32}:member", size=2)
    wanted = VolumeSnapshot(
        id=str(uuid.uuid4()), volume_id=volume_id, project_id="", user_id="u", created_at=utcnow()
    )
    quota = VolumeQuota(snapshots=1, gigabytes=4)

    def record(snapshot: VolumeSnapshot, quota: VolumeQuota) -> VolumeSnapshot:
        return volume_snapshots.create_snapshot(
            cloud.db, snapshot=snapshot, is_forced=False, quota=quota
        )

    assert record(wanted, quota) == record(wanted, quota)
    other = VolumeSnapshot(id=str(uuid.uuid4()), volume_id=volume_id, project_id="", user_id="u")
    with pytest.raises(QuotaExceeded, match="Maximum number of snapshots allowed"):
        record(other, quota)
    with pytest.raises(QuotaExceeded, match=r"gigabytes quota\. Requested 2G, quota is 4G and 4G"):
        record(other, VolumeQuota(snapshots=-1, gigabytes=4))
    with pytest.raises(Invalid):
        volume_snapshots.update_snapshot(cloud.db, snapshot_id=wanted.id, values={"volume_id": "v"})
