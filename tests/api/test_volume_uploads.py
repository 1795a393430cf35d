"""Images made of volumes, and volumes of those."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.api.conftest import DEMO, DEMO_PROJECT, OTHER, Answer, Api, Cloud
from tests.api.test_volume_api import V370, act, create, show


@pytest.fixture(scope="module")
def image(cloud: Cloud) -> Api:
    cloud.conf.set_override("image", cloud.serve("image"), group="endpoints")
    return cloud.api("image")


@pytest.fixture(scope="module")
def volume(cloud: Cloud, image: Api) -> Api:
    return cloud.api("volume")


def upload(volume: Api, volume_id: str, token: str = DEMO, **asked: Any) -> Answer:
    body = {"os-volume_upload_image": {"image_name": "of-volume", **asked}}
    path = f"/v3/volumes/{volume_id}/action"
    return volume("POST", path, body, headers=V370, token=token)


def test_an_image_is_made_of_a_volume(volume: Api, image: Api) -> None:
    """It is active, keeps what the volume knew of its first image, and makes bootable volumes."""
    volume_id = create(volume, size=2, description="d")
    kept = {"os_distro": "cirros", "image_id": str(uuid.uuid4()), "min_disk": "9"}
    act(volume, volume_id, {"os-set_image_metadata": {"metadata": kept}})
    answer = upload(volume, volume_id, disk_format="qcow2", visibility="shared")
    assert answer.status == 202, answer.data
    said = answer.json["os-volume_upload_image"]
    assert tuple(said[key] for key in ("id", "status", "size", "visibility", "protected")) == (
        volume_id, "uploading", 2, "shared", False,
    )  # fmt: skip
    made = image("GET", f"/v2/images/{said['image_id']}").json
    assert tuple(
        made[key] for key in ("status", "name", "disk_format", "min_disk", "os_distro")
    ) == ("active", "of-volume", "qcow2", 2, "cirros")
    assert "image_name" not in made
    again = show(volume, create(volume, size=2, imageRef=said["image_id"]))
    assert (again["bootable"], again["volume_image_metadata"]["image_name"]) == (
        "true", "of-volume",
    )  # fmt: skip


def test_a_volume_in_use_is_uploaded_by_force_only(volume: Api) -> None:
    """400 without force; another project's volume is not found; a name is needed."""
    volume_id = create(volume)
    attach = {"os-attach": {"instance_uuid": str(uuid.uuid4()), "mountpoint": "/dev/vdb"}}
    act(volume, volume_id, attach)
    refused = upload(volume, volume_id)
    assert refused.status == 400
    assert "status must be available" in refused.json["badRequest"]["message"]
    assert upload(volume, volume_id, force=True).status == 202
    assert upload(volume, volume_id, token=OTHER).status == 404
    assert upload(volume, volume_id, image_name="").status == 400


def test_what_the_image_service_refuses_is_refused(volume: Api) -> None:
    """A public image is for administrators: 403, in its own words."""
    refused = upload(volume, create(volume), visibility="public")
    assert refused.status == 403
    assert "publicize_image" in refused.json["forbidden"]["message"]


def test_a_volume_is_written_anew_from_an_image(volume: Api) -> None:
    """From 3.68 on; one that a server keeps reserved only when that is said, one in use never."""
    first, second = create(volume, size=1), create(volume, size=1)
    made = upload(volume, first).json["os-volume_upload_image"]["image_id"]
    wanted = {"os-reimage": {"image_id": made}}
    reserved = {"os-reimage": {"image_id": made, "reimage_reserved": True}}
    before = {"OpenStack-API-Version": "volume 3.67"}
    path = f"/v3/volumes/{second}/action"
    assert volume("POST", path, wanted, headers=before).status == 404
    assert act(volume, second, wanted) == 202
    shown = show(volume, second)
    assert (shown["status"], shown["bootable"]) == ("available", "true")
    assert shown["volume_image_metadata"]["image_id"] == made
    assert act(volume, second, {"os-reserve": {}}) == 202
    assert act(volume, second, wanted) == 400
    assert [act(volume, second, reserved) for _ in range(2)] == [202, 202]
    assert show(volume, second)["status"] == "reserved"
    attach = {"os-attach": {"instance_uuid": str(uuid.uuid4()), "mountpoint": "/dev/vdb"}}
    act(volume, first, attach)
    assert act(volume, first, reserved) == 400
    assert act(volume, second, {"os-reimage": {"image_id": str(uuid.uuid4())}}) == 400
    assert act(volume, second, wanted, OTHER) == 404
    assert act(volume, second, wanted, f"viewer:{DEMO_PROJECT}:reader") == 403
