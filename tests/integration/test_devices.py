"""Volumes and ports that come to a server and go, as an unmodified client asks for it."""

from __future__ import annotations

import pytest

from tests.chaos.test_device_changes import make_volume, serials, taps, wait_for_volume
from tests.integration.conftest import wait_until
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud


def test_a_volume_comes_and_goes(whole_cloud: WholeCloud) -> None:
    """The SDK attaches it, a rebuild keeps it, and a server that is off lets it go."""
    sdk = whole_cloud.sdk()
    volume_id = make_volume(whole_cloud)
    server_id = whole_cloud.boot("devices")
    server = whole_cloud.wait_for(server_id, "ACTIVE")
    made = sdk.compute.create_volume_attachment(server_id, volume_id=volume_id)
    assert made.device == "/dev/vdb"
    wait_for_volume(whole_cloud, volume_id, "in-use")
    assert serials(whole_cloud, server) == [{volume_id}] * 2
    volume = sdk.block_storage.get_volume(volume_id)
    assert [(one["server_id"], one["device"]) for one in volume.attachments] == [
        (server_id, "/dev/vdb")
    ]
    sdk.compute.rebuild_server(server_id, image=whole_cloud.image_id)
    whole_cloud.wait_for(server_id, "ACTIVE")
    assert serials(whole_cloud, server) == [{volume_id}] * 2
    sdk.compute.stop_server(server_id)
    whole_cloud.wait_for(server_id, "SHUTOFF")
    sdk.compute.delete_volume_attachment(server_id, volume_id)
    wait_for_volume(whole_cloud, volume_id, "available")
    assert serials(whole_cloud, server) == [set()] * 2
    assert list(sdk.compute.volume_attachments(server_id)) == []
    sdk.block_storage.delete_volume(volume_id)
    whole_cloud.delete_all("devices")


def test_a_port_comes_and_goes(whole_cloud: WholeCloud) -> None:
    """The SDK adds one, a rebuild keeps both, the first may go, and a delete takes the rest."""
    sdk = whole_cloud.sdk()
    server_id = whole_cloud.boot("devices")
    server = whole_cloud.wait_for(server_id, "ACTIVE")
    [first] = sdk.compute.server_interfaces(server_id)
    made = sdk.compute.create_server_interface(server_id, net_id=whole_cloud.network_id)
    assert made.port_state == "ACTIVE"
    assert taps(whole_cloud, server) == [2, 2]
    sdk.compute.rebuild_server(server_id, image=whole_cloud.image_id)
    now = whole_cloud.wait_for(server_id, "ACTIVE")
    assert taps(whole_cloud, server) == [2, 2]
    shown = {one["addr"] for entries in now["addresses"].values() for one in entries}
    assert {one.fixed_ips[0]["ip_address"] for one in (first, made)} == shown
    sdk.compute.delete_server_interface(first.port_id, server=server_id)
    wait_until(lambda: len(list(sdk.compute.server_interfaces(server_id))) == 1, "one has gone")
    assert taps(whole_cloud, server) == [1, 1]
    assert whole_cloud.rows("SELECT * FROM ports WHERE id = :p", p=first.port_id) == []
    whole_cloud.delete_all("devices")
    assert whole_cloud.rows("SELECT * FROM ports WHERE device_id = :u", u=server_id) == []
