"""/os-volumes and /os-snapshots of compute: what the volume service has, as Nova showed it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import DEMO, OTHER, Answer, Api, Cloud

VOLUME = {"display_name": "old", "display_description": "d", "size": "1", "metadata": {"k": "v"}}


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Api:
    """Give the compute API beside a volume service."""
    cloud.conf.set_override("volume", f"{cloud.serve('volume')}/v3", group="endpoints")
    return cloud.api("osapi_compute")


def ask(api: Api, method: str, path: str, body: Any = None, token: str = DEMO) -> Answer:
    return api(method, f"/v2.1{path}", body, token=token)


def test_a_volume_lives(api: Api) -> None:
    """Made, shown, listed and removed, by its owner alone."""
    made = ask(api, "POST", "/os-volumes", {"volume": VOLUME})
    assert made.status == 200, made.data
    volume = made.json["volume"]
    assert volume.pop("createdAt")
    volume_id = volume.pop("id")
    assert volume == {
        "status": "creating", "size": 1, "displayName": "old", "displayDescription": "d",
        "availabilityZone": "nova", "volumeType": "__DEFAULT__", "snapshotId": None,
        "metadata": {"k": "v"}, "attachments": [{}],
    }  # fmt: skip
    shown = ask(api, "GET", f"/os-volumes/{volume_id}").json["volume"]
    assert (shown["status"], shown["displayName"]) == ("available", "old")
    for path in ("/os-volumes", "/os-volumes/detail"):
        assert ask(api, "GET", path).json == {"volumes": [shown]}
        assert ask(api, "GET", path, token=OTHER).json == {"volumes": []}
        assert ask(api, "GET", f"{path}?limit=1&offset=1").json == {"volumes": []}
    for method in ("GET", "DELETE"):
        gone = ask(api, method, f"/os-volumes/{volume_id}", token=OTHER)
        assert (gone.status, gone.json["itemNotFound"]["message"]) == (
            404, f"Volume {volume_id} could not be found.",
        )  # fmt: skip
    assert ask(api, "DELETE", f"/os-volumes/{volume_id}").status == 202
    assert ask(api, "GET", f"/os-volumes/{volume_id}").status == 404


def test_a_snapshot_lives(api: Api) -> None:
    """Made of a volume that may be in use, shown, listed and removed."""
    volume_id = ask(api, "POST", "/os-volumes", {"volume": VOLUME}).json["volume"]["id"]
    body = {"snapshot": {"volume_id": volume_id, "display_name": "s", "force": "True"}}
    made = ask(api, "POST", "/os-snapshots", body)
    assert made.status == 200, made.data
    snapshot_id = made.json["snapshot"]["id"]
    shown = ask(api, "GET", f"/os-snapshots/{snapshot_id}").json["snapshot"]
    assert shown.pop("createdAt")
    assert shown == {
        "id": snapshot_id, "volumeId": volume_id, "status": "available", "size": 1,
        "displayName": "s", "displayDescription": None,
    }  # fmt: skip
    listed = ask(api, "GET", "/os-snapshots/detail").json["snapshots"]
    assert [one["id"] for one in listed] == [snapshot_id]
    assert ask(api, "DELETE", f"/os-volumes/{volume_id}").status == 400
    assert ask(api, "DELETE", f"/os-snapshots/{snapshot_id}").status == 202
    assert ask(api, "DELETE", f"/os-volumes/{volume_id}").status == 202


@pytest.mark.parametrize("size", [0, "0", "#$%", None, "", -1, 2**31, 1.5])
def test_a_size_is_needed(api: Api, size: Any) -> None:
    """400 for a size that is none, and for none at all."""
    body = {"volume": {**VOLUME, "size": size}}
    assert ask(api, "POST", "/os-volumes", body).status == 400
    assert ask(api, "POST", "/os-volumes", {"volume": {"display_name": "x"}}).status == 400


def test_what_is_beside_the_ids_is_none(api: Api) -> None:
    """The volume service's other pages are no volumes and no snapshots."""
    for method, path in (
        ("GET", "volumes/summary"), ("DELETE", "volumes/summary"), ("DELETE", "volumes/detail"),
        ("GET", "snapshots/summary"), ("DELETE", "snapshots/detail"),
    ):  # fmt: skip
        noun, name = path.split("/")
        answer = ask(api, method, f"/os-{path}")
        assert (answer.status, answer.json["itemNotFound"]["message"]) == (
            404, f"{noun[:-1].title()} {name} could not be found.",
        )  # fmt: skip


def test_what_the_volume_service_refuses_is_refused(api: Api) -> None:
    """Its answers are the caller's, as far as they say whose fault it is."""
    for more, status in (
        ({"snapshot_id": "nowhere"}, 404), ({"volume_type": "none"}, 404),
        ({"size": 10**6}, 403), ({"availability_zone": "moon"}, 400),
    ):  # fmt: skip
        answer = ask(api, "POST", "/os-volumes", {"volume": {**VOLUME, **more}})
        assert answer.status == status, (more, answer.data)


def test_they_are_gone_from_2_36_on(api: Api) -> None:
    """404, as for what never was."""
    later = {"X-OpenStack-Nova-API-Version": "2.36"}
    for noun in ("volumes", "snapshots"):
        for path in (f"/os-{noun}", f"/os-{noun}/detail", f"/os-{noun}/x"):
            assert api("GET", f"/v2.1{path}", headers=later).status == 404
