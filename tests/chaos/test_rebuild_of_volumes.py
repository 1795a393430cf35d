"""Servers that boot from volumes are rebuilt, whoever dies meanwhile: the image is theirs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chaos.conftest import all_active
from tests.chaos.test_device_changes import serials
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

LATEST = {"OpenStack-API-Version": "compute 2.93"}


def rebuild(cloud: WholeCloud, uuid: str, image_id: str, headers: dict[str, str]) -> Any:
    body = {"rebuild": {"imageRef": image_id}}
    return cloud.sdk().compute.post(f"/servers/{uuid}/action", json=body, headers=headers)


def attempt_of(cloud: WholeCloud, uuid: str) -> int:
    [row] = cloud.rows("SELECT attempt FROM instances WHERE uuid = :u", u=uuid)
    return int(row.attempt)


def test_a_rebuild_writes_the_volume_and_outlives_its_worker(cloud: WholeCloud) -> None:
    """Killed before the volume is written, after it, and before the guest is built anew."""
    sdk = cloud.sdk()
    other = sdk.image.create_image(
        "other", data=b"x" * 64, disk_format="raw", container_format="bare", wait=True
    )
    root = {
        "uuid": cloud.image_id, "source_type": "image", "destination_type": "volume",
        "boot_index": 0, "volume_size": 1, "delete_on_termination": True,
    }  # fmt: skip
    flavor = next(iter(sdk.compute.flavors()))
    made = sdk.compute.create_server(
        name="written", flavor_id=flavor.id, block_device_mapping=[root],
        networks=[{"uuid": cloud.network_id}],
    )  # fmt: skip
    (server,) = all_active(cloud, "written", 1)
    [attached] = sdk.compute.volume_attachments(made.id)
    refused = rebuild(cloud, made.id, other.id, {"OpenStack-API-Version": "compute 2.92"})
    assert refused.status_code == 400
    assert "Unable to rebuild with a different image for a volume-backed" in refused.text
    images = [other.id, cloud.image_id]
    for number, (point, attempts) in enumerate(
        (("volume.before", 2), ("volume.after", 2), ("after", 1))
    ):
        cloud.command(
            "chaos", "failpoint", "arm", f"op.rebuild.{point}", "kill", "--service", "compute"
        )
        before = attempt_of(cloud, made.id)
        image_id = images[number % 2]
        answer = rebuild(cloud, made.id, image_id, LATEST)
        assert (answer.status_code, answer.json()["server"]["image"]) == (202, "")
        server = cloud.wait_for(made.id, "ACTIVE", 60.0)
        cloud.command("chaos", "failpoint", "disarm", "--all")
        assert attempt_of(cloud, made.id) == before + attempts
        volume = sdk.block_storage.get_volume(attached.volume_id)
        assert volume.volume_image_metadata["image_id"] == image_id
        assert (volume.status, volume.is_bootable) == ("in-use", True)
        assert [one.volume_id for one in sdk.compute.volume_attachments(made.id)] == [volume.id]
        assert serials(cloud, server) == [{volume.id}] * 2
        cloud.command("check", "--wait", "30")
    cloud.delete_all("written")
    assert cloud.rows("SELECT * FROM volumes WHERE id = :v", v=attached.volume_id) == []
    sdk.image.delete_image(other)
