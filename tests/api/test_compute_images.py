"""/images of compute: the image service's images in the form that Nova gave them."""

from __future__ import annotations

from typing import Any

import pytest

from devstack_lite.db import images
from devstack_lite.objects.image import Image
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, OTHER_PROJECT, Api, Cloud

IMAGES = [f"11111111-2222-4333-8444-00000000000{number}" for number in range(4)]
SERVER = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Api:
    """Give the compute API beside an image service with four images, the last another's."""
    cloud.conf.set_override("image", cloud.serve("image"), group="endpoints")
    for number, image_id in enumerate(IMAGES):
        is_snapshot = number == 1
        image = Image(
            id=image_id, name=f"image{number}", visibility="private", size=100 + number,
            owner=OTHER_PROJECT if number == 3 else DEMO_PROJECT, min_ram=64, min_disk=number,
            status="queued" if number == 2 else "active", disk_format="raw",
            properties={"instance_uuid": SERVER, "image_type": "snapshot"} if is_snapshot else {},
        )  # fmt: skip
        images.create_image(cloud.db, image=image)
    return cloud.api("osapi_compute")


def get(api: Api, path: str, token: str = DEMO, version: str = "2.1") -> Any:
    headers = {"OpenStack-API-Version": f"compute {version}"}
    return api("GET", f"/v2.1{path}", token=token, headers=headers)


def names(answer: Any) -> list[str]:
    assert answer.status == 200, answer.data
    return [one["name"] for one in answer.json["images"]]


def test_a_list_is_the_caller_s(api: Api) -> None:
    """The newest first, each with its three links; an administrator sees all."""
    assert names(get(api, "/images")) == ["image2", "image1", "image0"]
    assert names(get(api, "/images", token=OTHER)) == ["image3"]
    assert len(names(get(api, "/images", token=ADMIN))) == 4
    first = get(api, "/images").json["images"][0]
    assert set(first) == {"id", "name", "links"}
    assert [link["rel"] for link in first["links"]] == ["self", "bookmark", "alternate"]


def test_an_image_in_full(api: Api) -> None:
    """A snapshot names its server; one without data is being saved."""
    shown = get(api, f"/images/{IMAGES[1]}").json["image"]
    assert shown.pop("server")["id"] == SERVER
    for name in ("links", "created", "updated"):
        assert shown.pop(name)
    assert shown == {
        "id": IMAGES[1], "name": "image1", "status": "ACTIVE", "progress": 100, "minRam": 64,
        "minDisk": 1, "OS-EXT-IMG-SIZE:size": 101,
        "metadata": {"instance_uuid": SERVER, "image_type": "snapshot"},
    }  # fmt: skip
    queued = get(api, f"/images/{IMAGES[2]}").json["image"]
    assert (queued["status"], queued["progress"]) == ("SAVING", 25)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name=image0", ["image0"]),
        ("status=ACTIVE", ["image1", "image0"]),
        (f"server=http://cloud.test/servers/{SERVER}", ["image1"]),
        ("type=snapshot", ["image1"]),
        ("property-image_type=snapshot", ["image1"]),
        ("minDisk=1", ["image1"]),
        ("property-context=x", []),
        ("property-self=x", []),
        ("property-query=x", []),
        ("changes-since=2100-01-01T00:00:00Z", []),
        ("changes-since=2000-01-01T00:00:00Z&limit=1", ["image2"]),
        (f"limit=1&marker={IMAGES[2]}", ["image1"]),
    ],
)
def test_filters_and_pages(api: Api, query: str, found: list[str]) -> None:
    assert names(get(api, f"/images/detail?{query}")) == found


def test_a_full_page_links_to_the_next(api: Api) -> None:
    link = get(api, "/images?limit=2").json["images_links"][0]
    assert link["rel"] == "next"
    assert names(get(api, link["href"].partition("/v2.1")[2])) == ["image0"]


def test_what_is_not_there_or_not_yours_is_not_found(api: Api) -> None:
    answer = get(api, f"/images/{IMAGES[3]}")
    assert answer.status == 404
    assert answer.json == {"itemNotFound": {"code": 404, "message": "Image not found."}}
    assert get(api, "/images/detail?marker=nothing").status == 400


def test_properties_are_metadata(api: Api) -> None:
    """Some are set, all are replaced, one is set, one is taken away."""
    path = f"/v2.1/images/{IMAGES[0]}/metadata"
    assert api("POST", path, {"metadata": {"a": "1", "b:c": "2"}}).json == {
        "metadata": {"a": "1", "b:c": "2"}
    }
    assert api("PUT", f"{path}/a", {"meta": {"a": "3"}}).json == {"meta": {"a": "3"}}
    assert api("PUT", f"{path}/a", {"meta": {"b": "3"}}).status == 400
    assert api("GET", f"{path}/a").json == {"meta": {"a": "3"}}
    assert api("PUT", path, {"metadata": {"a": "3", "d": "4"}}).status == 200
    assert api("DELETE", f"{path}/a").status == 204
    assert api("DELETE", f"{path}/a").status == 404
    assert api("GET", path).json == {"metadata": {"d": "4"}}
    many = {f"key{number}": "" for number in range(129)}
    assert api("POST", path, {"metadata": many}).status == 403
    assert api("POST", path, {"metadata": {"a": "1"}}, token=OTHER).status == 404


def test_the_proxy_ends_with_2_35(api: Api) -> None:
    """And its metadata with 2.38."""
    assert get(api, "/images", version="2.35").status == 200
    assert get(api, "/images", version="2.36").status == 404
    path = f"/images/{IMAGES[0]}/metadata"
    assert get(api, path, version="2.38").status == 200
    assert get(api, path, version="2.39").status == 404


def test_an_image_is_removed(api: Api, cloud: Cloud) -> None:
    """Unless the image service refuses."""
    change = images.ImageChange(values={"protected": True})
    images.update_image(cloud.db, image_id=IMAGES[2], change=change)
    refused = api("DELETE", f"/v2.1/images/{IMAGES[2]}")
    assert refused.status == 403
    assert refused.json["forbidden"]["message"] == "You are not allowed to delete the image."
    assert api("DELETE", f"/v2.1/images/{IMAGES[1]}").status == 204
    assert get(api, f"/images/{IMAGES[1]}").status == 404
