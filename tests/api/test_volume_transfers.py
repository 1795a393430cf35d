"""Volumes that go from one project to another."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.api.conftest import ADMIN, DEMO, OTHER, OTHER_PROJECT, Api, Cloud
from tests.api.test_volume_api import V370, create, show


@pytest.fixture(scope="module")
def volume(cloud: Cloud) -> Api:
    return cloud.api("volume")


def offer(volume: Api, volume_id: str, **asked: Any) -> dict[str, Any]:
    body = {"transfer": {"volume_id": volume_id, "name": "t", **asked}}
    answer = volume("POST", "/v3/volume-transfers", body, headers=V370)
    assert answer.status == 202, answer.data
    return dict(answer.json["transfer"])


def accept(volume: Api, transfer: dict[str, Any], key: str, token: str = OTHER) -> Any:
    path = f"/v3/volume-transfers/{transfer['id']}/accept"
    return volume("POST", path, {"accept": {"auth_key": key}}, token=token)


def snapshot(volume: Api, volume_id: str) -> str:
    body = {"snapshot": {"volume_id": volume_id}}
    return str(volume("POST", "/v3/snapshots", body).json["snapshot"]["id"])


def test_a_volume_is_offered_and_accepted(volume: Api) -> None:
    """With the key, once; it is the other project's then, with its snapshots."""
    volume_id = create(volume)
    snapshot_id = snapshot(volume, volume_id)
    made = offer(volume, volume_id)
    assert show(volume, volume_id)["status"] == "awaiting-transfer"
    assert volume("DELETE", f"/v3/volumes/{volume_id}").status == 400
    shown = volume("GET", f"/v3/volume-transfers/{made['id']}", headers=V370).json["transfer"]
    assert (shown["volume_id"], shown["name"], "auth_key" in shown) == (volume_id, "t", False)
    refused = accept(volume, made, "wrong")
    assert refused.status == 400
    assert "with invalid auth key" in refused.json["badRequest"]["message"]
    accepted = accept(volume, made, made["auth_key"])
    assert (accepted.status, accepted.json["transfer"]["volume_id"]) == (202, volume_id)
    assert accept(volume, made, made["auth_key"]).status == 404
    for path in (f"/v3/volumes/{volume_id}", f"/v3/snapshots/{snapshot_id}"):
        assert volume("GET", path).status == 404
        assert volume("GET", path, token=OTHER).status == 200
    there = volume("GET", f"/v3/volumes/{volume_id}", token=OTHER).json["volume"]
    assert there["status"] == "available"


def test_snapshots_can_stay(volume: Api) -> None:
    """With no_snapshots, which 3.55 brought."""
    volume_id = create(volume)
    snapshot_id = snapshot(volume, volume_id)
    made = offer(volume, volume_id, no_snapshots=True)
    assert made["no_snapshots"] is True
    assert accept(volume, made, made["auth_key"]).status == 202
    assert volume("GET", f"/v3/snapshots/{snapshot_id}").status == 200


def test_an_offer_is_taken_back(volume: Api) -> None:
    """The volume is available again; others neither see nor end the offer."""
    volume_id = create(volume)
    made = offer(volume, volume_id)
    path = f"/v3/os-volume-transfer/{made['id']}"
    assert [volume(method, path, token=OTHER).status for method in ("GET", "DELETE")] == [404, 404]
    again = {"transfer": {"volume_id": volume_id}}
    assert volume("POST", "/v3/os-volume-transfer", again).status == 400
    assert [volume("DELETE", path).status for _ in range(2)] == [202, 404]
    assert show(volume, volume_id)["status"] == "available"


def test_offers_are_listed(volume: Api) -> None:
    """Each project its own, administrators all on request."""
    made = offer(volume, create(volume), name=str(uuid.uuid4()))
    query = f"name={made['name']}"

    def listed(path: str, token: str = DEMO) -> list[str]:
        found = volume("GET", f"/v3/volume-transfers{path}", token=token).json["transfers"]
        return [one["id"] for one in found]

    assert listed(f"?{query}") == listed(f"/detail?{query}") == [made["id"]]
    assert listed(f"?{query}", OTHER) == listed(f"?{query}", ADMIN) == []
    assert listed(f"?all_tenants=1&{query}", ADMIN) == [made["id"]]
    assert listed(f"?{query}&limit=0") == []


def test_the_receivers_quota_is_kept_to(volume: Api) -> None:
    """413, and the offer stands."""
    made = offer(volume, create(volume))
    path = f"/v3/os-quota-sets/{OTHER_PROJECT}"
    volume("PUT", path, {"quota_set": {"volumes": 0}}, token=ADMIN)
    assert accept(volume, made, made["auth_key"]).status == 413
    volume("DELETE", path, token=ADMIN)
    assert accept(volume, made, made["auth_key"]).status == 202
