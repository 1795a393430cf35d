"""Servers that boot from volumes, as an unmodified client asks for it."""

from __future__ import annotations

import pytest

from tests.chaos.test_device_changes import serials
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud


def test_a_server_boots_from_a_volume_and_takes_it_along(whole_cloud: WholeCloud) -> None:
    """Its volume is vda, it survives a stop, and it goes with the server."""
    sdk = whole_cloud.sdk()
    flavor = next(iter(sdk.compute.flavors()))
    root = {
        "uuid": whole_cloud.image_id, "source_type": "image", "destination_type": "volume",
        "boot_index": 0, "volume_size": 1, "delete_on_termination": True,
    }  # fmt: skip
    made = sdk.compute.create_server(
        name="of-volume", flavor_id=flavor.id, block_device_mapping=[root],
        networks=[{"uuid": whole_cloud.network_id}],
    )  # fmt: skip
    server = whole_cloud.wait_for(made.id, "ACTIVE")
    [attached] = sdk.compute.volume_attachments(made.id)
    volume = sdk.block_storage.get_volume(attached.volume_id)
    assert (attached.device, volume.status, volume.is_bootable) == ("/dev/vda", "in-use", True)
    assert serials(whole_cloud, server) == [{volume.id}] * 2
    sdk.compute.stop_server(made.id)
    whole_cloud.wait_for(made.id, "SHUTOFF")
    whole_cloud.delete_all("of-volume")
    assert whole_cloud.rows("SELECT * FROM volumes WHERE id = :v", v=volume.id) == []


def test_an_image_of_it_names_snapshots_of_its_volumes(whole_cloud: WholeCloud) -> None:
    """The image is empty and active; a server of it boots from a volume of the snapshot."""
    root = {
        "uuid": whole_cloud.image_id, "source_type": "image", "destination_type": "volume",
        "boot_index": 0, "volume_size": 1, "delete_on_termination": True,
    }  # fmt: skip
    sdk = whole_cloud.sdk()
    flavor = next(iter(sdk.compute.flavors()))
    networks = [{"uuid": whole_cloud.network_id}]
    first = sdk.compute.create_server(
        name="pictured-1", flavor_id=flavor.id, block_device_mapping=[root], networks=networks
    )
    whole_cloud.wait_for(first.id, "ACTIVE")
    image = sdk.compute.create_server_image(first.id, "of-volumes", wait=True, timeout=30)
    assert (image.status, image.size) == ("active", 0)
    [snapshot] = sdk.block_storage.snapshots()
    assert (snapshot.name, snapshot.status) == ("snapshot for of-volumes", "available")
    second = sdk.compute.create_server(
        name="pictured-2", flavor_id=flavor.id, image_id=image.id, networks=networks
    )
    whole_cloud.wait_for(second.id, "ACTIVE")
    [attached] = sdk.compute.volume_attachments(second.id)
    volume = sdk.block_storage.get_volume(attached.volume_id)
    assert (volume.snapshot_id, volume.is_bootable) == (snapshot.id, True)
    whole_cloud.delete_all("pictured-")
    sdk.image.delete_image(image)
    sdk.block_storage.delete_snapshot(snapshot)
    for one in sdk.block_storage.volumes():
        sdk.block_storage.delete_volume(one)
