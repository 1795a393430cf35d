"""The volume service over real HTTP: compute's client and the unmodified SDK."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import openstack
import pytest
from keystoneauth1 import session, token_endpoint
from openstack import exceptions as sdk_exceptions

from devstack_lite.clients.volume import VolumeClient
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Invalid, NotFound, Unauthorized, Unavailable
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, OTHER_PROJECT, Cloud


@pytest.fixture(scope="module")
def url(cloud: Cloud) -> str:
    return f"{cloud.serve('volume')}/v3"


def connect(url: str, token: str) -> Any:
    auth = token_endpoint.Token(url, token)
    return openstack.connection.Connection(
        session=session.Session(auth=auth), block_storage_endpoint_override=url,
        block_storage_api_version="3",
    )  # fmt: skip


@pytest.fixture(scope="module")
def sdk(url: str) -> Iterator[Any]:
    connection = connect(url, DEMO)
    yield connection
    connection.close()


def test_the_sdk_creates_lists_shows_changes_and_deletes(sdk: Any) -> None:
    """What `openstack volume …` does, through the same library."""
    storage = sdk.block_storage
    made = storage.create_volume(name="sdk", size=1, metadata={"a": "1"})
    assert storage.wait_for_status(made, wait=10, interval=0.1).status == "available"
    assert made.id == storage.find_volume("sdk").id
    assert [made.id] == [one.id for one in storage.volumes(name="sdk")]
    storage.extend_volume(made, 2)
    storage.set_volume_metadata(made, b="2")
    storage.set_volume_bootable_status(made, True)
    storage.update_volume(made, name="renamed")
    shown = storage.get_volume(made.id)
    assert (shown.name, shown.size, shown.is_bootable) == ("renamed", 2, True)
    assert shown.metadata == {"a": "1", "b": "2"}
    storage.delete_volume(made.id)
    storage.wait_for_delete(shown, interval=0.1, wait=10)
    with pytest.raises(sdk_exceptions.NotFoundException):
        storage.get_volume(made.id)


def test_the_sdk_attaches(sdk: Any) -> None:
    """The attachments API as `openstack volume attachment …` uses it."""
    storage = sdk.block_storage
    volume = storage.create_volume(name="attached", size=1)
    instance = str(uuid.uuid4())
    made = storage.create_attachment(volume, instance=instance, connector={"host": "c1"})
    storage.complete_attachment(made)
    assert storage.get_volume(volume.id).status == "in-use"
    assert [made.id] == [one.id for one in storage.attachments(instance_id=instance)]
    with pytest.raises(sdk_exceptions.BadRequestException, match="Volume status must be"):
        storage.delete_volume(volume.id)
    storage.delete_attachment(made)
    storage.delete_volume(volume.id)


def test_the_sdk_asks_about_the_service(url: str) -> None:
    """Types, services, zones, limits and quotas are read by the SDK."""
    admin = connect(url, ADMIN)
    storage = admin.block_storage
    assert storage.find_type("__DEFAULT__").name == "__DEFAULT__"
    assert {"up"} == {one.state for one in storage.services()}
    assert [one.name for one in storage.availability_zones()] == ["nova"]
    assert storage.get_limits().absolute.max_total_volumes == 1000
    assert storage.get_quota_set(DEMO_PROJECT).volumes == 1000
    assert list(storage.extensions())
    admin.close()


def test_computes_client_attaches_and_detaches(sdk: Any, url: str) -> None:
    """Reserve, connect, complete, list with step 17, delete; each may be sent twice."""
    volume = sdk.block_storage.create_volume(name="compute", size=1)
    client = VolumeClient(url, 10.0)
    context = RequestContext(auth_token=DEMO, project_id=DEMO_PROJECT)
    instance = str(uuid.uuid4())
    assert client.list_attachments(context, instance)[0] == []
    made = client.create_attachment(context, volume_id=volume.id, instance_uuid=instance)
    again = client.create_attachment(context, volume_id=volume.id, instance_uuid=instance)
    assert made == again
    connector = {"host": "compute1", "mountpoint": "/dev/vdb"}
    for _ in range(2):
        changed = client.update_attachment(context, made["id"], connector=connector)
        client.complete_attachment(context, made["id"])
    assert changed["connection_info"]["mountpoint"] == "/dev/vdb"
    listed, step = client.list_attachments(context, instance)
    assert [(made["id"], "attached")] == [(one["id"], one["status"]) for one in listed]
    assert step is not None
    assert step.step == 17
    admin = RequestContext(auth_token=ADMIN, is_admin=True)
    assert len(client.list_attachments(admin, instance)[0]) == 1
    other = RequestContext(auth_token=OTHER, project_id=OTHER_PROJECT)
    with pytest.raises(NotFound):
        client.create_attachment(other, volume_id=volume.id, instance_uuid=instance)
    with pytest.raises(Invalid):
        client.create_attachment(context, volume_id=volume.id, instance_uuid=str(uuid.uuid4()))
    for _ in range(2):
        client.delete_attachment(context, made["id"])
    assert client.list_attachments(context, instance)[0] == []
    with pytest.raises(Unauthorized):
        client.list_attachments(RequestContext(auth_token="nonsense"), instance)
    with pytest.raises(Unavailable):
        VolumeClient("http://127.0.0.1:1/v3", 1.0).list_attachments(context, instance)


def test_the_sdk_takes_snapshots(sdk: Any) -> None:
    """What `openstack volume snapshot …` does, and a volume made of one."""
    storage = sdk.block_storage
    volume = storage.create_volume(name="origin", size=1)
    made = storage.create_snapshot(volume_id=volume.id, name="snap", is_forced=True)
    assert storage.wait_for_status(made, wait=10, interval=0.1).status == "available"
    assert storage.find_snapshot("snap").id == made.id
    assert [one.id for one in storage.snapshots(volume_id=volume.id)] == [made.id]
    storage.update_snapshot(made, name="renamed")
    storage.set_snapshot_metadata(made, a="1")
    shown = storage.get_snapshot(made.id)
    assert (shown.name, shown.metadata, shown.size) == ("renamed", {"a": "1"}, 1)
    copy = storage.create_volume(snapshot_id=made.id, size=1)
    assert storage.get_volume(copy.id).snapshot_id == made.id
    with pytest.raises(sdk_exceptions.BadRequestException, match="have snapshots"):
        storage.delete_volume(volume)
    storage.delete_snapshot(made)
    storage.wait_for_delete(shown, interval=0.1, wait=10)
    for one in (volume, copy):
        storage.delete_volume(one)


def test_the_sdk_manages_types(url: str, sdk: Any) -> None:
    """What `openstack volume type …` does, as an administrator."""
    admin = connect(url, ADMIN)
    storage = admin.block_storage
    made = storage.create_type(name="sdk-type", is_public=False)
    storage.update_type_extra_specs(made, a="1")
    storage.add_type_access(made, DEMO_PROJECT)
    assert [one["project_id"] for one in storage.get_type_access(made)] == [DEMO_PROJECT]
    assert storage.get_type(made).extra_specs == {"a": "1"}
    volume = sdk.block_storage.create_volume(size=1, volume_type="sdk-type")
    assert sdk.block_storage.get_volume(volume.id).volume_type == "sdk-type"
    sdk.block_storage.retype_volume(volume, "__DEFAULT__")
    storage.remove_type_access(made, DEMO_PROJECT)
    storage.update_type(made, name="sdk-renamed")
    storage.delete_type(made)
    assert storage.find_type("sdk-renamed") is None
    admin.close()


def test_the_sdk_sets_quotas(url: str) -> None:
    """What `openstack quota set` asks of the volume service."""
    admin = connect(url, ADMIN)
    storage = admin.block_storage
    project_id = uuid.uuid4().hex
    storage.update_quota_set(project_id, volumes=3)
    assert storage.get_quota_set(project_id).volumes == 3
    assert storage.get_quota_set_defaults(project_id).volumes == 1000
    assert storage.get_quota_set(project_id, usage=True).usage["volumes"] == 0
    storage.revert_quota_set(project_id)
    assert storage.get_quota_set(project_id).volumes == 1000
    admin.close()


def test_the_sdk_transfers_a_volume(url: str, sdk: Any) -> None:
    """What `openstack volume transfer request …` does, between two projects."""
    other = connect(url, OTHER)
    volume = sdk.block_storage.create_volume(size=1)
    made = sdk.block_storage.create_transfer(volume_id=volume.id, name="offer")
    assert sdk.block_storage.find_transfer("offer").id == made.id
    other.block_storage.accept_transfer(made.id, made.auth_key)
    assert other.block_storage.get_volume(volume.id).status == "available"
    with pytest.raises(sdk_exceptions.NotFoundException):
        sdk.block_storage.get_volume(volume.id)
    other.block_storage.delete_volume(volume.id)
    other.close()
