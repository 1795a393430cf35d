"""Rebuilds of servers that boot from volumes, as far as the API decides; nobody does them."""

from __future__ import annotations

import uuid as uuids
from typing import Any

import pytest

from devstack_lite.db import images as image_records
from devstack_lite.db import instances, volume_attachments
from devstack_lite.names import volume_id_of
from devstack_lite.objects.image import Image
from devstack_lite.states import PowerState, VmState
from tests.api.conftest import DEMO, DEMO_PROJECT, Answer, Api, Cloud
from tests.api.test_compute_boot_volumes import api, booted, from_image, image_id, refusal, volume
from tests.api.test_compute_servers import change

__all__ = ["api", "image_id", "volume"]


@pytest.fixture
def other_id(cloud: Cloud) -> str:
    """Give an image that is not the volume's."""
    return make_image(cloud, min_disk=1)


@pytest.fixture
def uuid(cloud: Cloud, api: Api, image_id: str) -> str:
    """Give a running server that boots from a volume of an image."""
    made = booted(api, from_image(image_id))
    change(cloud, made, vm_state=VmState.ACTIVE, task_state=None, operation=None, host="nowhere",
           node="nowhere", power_state=PowerState.RUNNING)  # fmt: skip
    [attached] = volume_attachments.list_attachments(cloud.db, equals=(("instance_uuid", made),))
    volume_attachments.complete_attachment(cloud.db, attachment_id=attached.id)
    return made


def make_image(cloud: Cloud, *, min_disk: int) -> str:
    image = Image(
        id=str(uuids.uuid4()), name="other", owner=DEMO_PROJECT, disk_format="qcow2",
        container_format="bare", min_disk=min_disk, size=10, status="active", checksum="c",
        properties={"os_distro": "other"},
    )  # fmt: skip
    image_records.create_image(cloud.db, image=image)
    return image.id


def rebuild(api: Api, uuid: str, reference: str, version: str = "2.93", **more: Any) -> Answer:
    headers = {"OpenStack-API-Version": f"compute {version}"}
    body = {"rebuild": {"imageRef": reference, **more}}
    return api("POST", f"/v2.1/servers/{uuid}/action", body, token=DEMO, headers=headers)


def test_another_image_is_for_2_93(api: Api, cloud: Cloud, uuid: str, other_id: str) -> None:
    """The volume is the host's to write then; the server still shows no image."""
    assert refusal(rebuild(api, uuid, other_id, "2.92")) == (
        f"Image {other_id} is unacceptable: Unable to rebuild with a different image for a"
        " volume-backed server."
    )
    answer = rebuild(api, uuid, other_id, name="anew")
    assert answer.status == 202, answer.data
    shown = answer.json["server"]
    assert (shown["image"], shown["name"]) == ("", "anew")
    seen = instances.get_instance(cloud.db, uuid)
    assert (seen.operation or {})["arguments"]["reimage"] == {
        "volume_id": volume_id_of(uuid, 0), "image_id": other_id,
    }  # fmt: skip
    assert (seen.image_ref, seen.boot_request["image_properties"]) == ("", {"os_distro": "other"})


@pytest.mark.parametrize(("version", "is_written"), [("2.92", False), ("2.93", True)])
def test_its_own_image(
    api: Api, cloud: Cloud, uuid: str, image_id: str, version: str, is_written: bool
) -> None:
    """Was always taken, and nothing written before 2.93."""
    assert rebuild(api, uuid, image_id, version).status == 202
    seen = instances.get_instance(cloud.db, uuid)
    assert ("reimage" in (seen.operation or {})["arguments"]) is is_written


def test_an_image_that_the_volume_is_too_small_for(api: Api, cloud: Cloud, uuid: str) -> None:
    assert refusal(rebuild(api, uuid, make_image(cloud, min_disk=3))) == (
        "Volume is smaller than the minimum size specified in image metadata. Volume size is"
        f" {2 << 30} bytes, minimum size is {3 << 30} bytes."
    )


def test_volumes_must_be_in_use(api: Api, cloud: Cloud, uuid: str, other_id: str) -> None:
    """Unless the server is in ERROR: then they are what a failure has left of them."""
    with cloud.db.write() as connection:
        volume_attachments.disconnect(connection, uuid)
    assert refusal(rebuild(api, uuid, other_id)) == (
        f"Invalid volume: volume '{volume_id_of(uuid, 0)}' status must be 'in-use'. Currently in"
        " 'reserved' status"
    )
    change(cloud, uuid, vm_state=VmState.ERROR)
    assert rebuild(api, uuid, other_id).status == 202
