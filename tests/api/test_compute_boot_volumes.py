"""Booting with volumes: which are made, which are reserved, and what becomes of them."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import oslo_messaging
import pytest

from devstack_lite.context import RequestContext
from devstack_lite.db import builds, deletes, volumes
from devstack_lite.db import images as image_records
from devstack_lite.names import volume_id_of
from devstack_lite.objects.image import Image
from devstack_lite.rpc.server import RpcServer
from devstack_lite.rpc.transport import get_transport
from tests.api.conftest import ADMIN, DEMO_PROJECT, OTHER, Answer, Api, Cloud
from tests.api.test_volume_api import V370, act, create, show


class StandInScheduler:
    """Takes every request and places nothing."""

    target = oslo_messaging.Target(version="1.0")

    def schedule_builds(self, context: Any, *, request: Any) -> dict[str, str]:
        """Place nothing."""
        return {}


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Iterator[Api]:
    """The compute API before a scheduler that places nothing, with one flavor."""
    server = RpcServer(
        get_transport(cloud.conf), topic="scheduler", server="tests",
        endpoints=[StandInScheduler()], threads=2,
    )  # fmt: skip
    server.start()
    api = cloud.api("osapi_compute")
    flavor = {"id": "1", "name": "m1.tiny", "vcpus": 1, "ram": 512, "disk": 1, "swap": 64}
    assert api("POST", "/v2.1/flavors", {"flavor": flavor}, token=ADMIN).status == 200
    yield api
    stopper = threading.Thread(target=server.stop, args=(1.0,))
    stopper.start()
    stopper.join(timeout=10)


@pytest.fixture(scope="module")
def volume(cloud: Cloud) -> Api:
    return cloud.api("volume")


@pytest.fixture(scope="module")
def image_id(cloud: Cloud) -> str:
    image = Image(
        id=str(uuid.uuid4()), name="cirros", owner=DEMO_PROJECT, disk_format="qcow2",
        container_format="bare", min_disk=2, size=10, status="active", checksum="c",
        properties={"os_distro": "cirros"},
    )  # fmt: skip
    image_records.create_image(cloud.db, image=image)
    return image.id


def from_image(image_id: str, **more: Any) -> dict[str, Any]:
    return {
        "uuid": image_id, "source_type": "image", "destination_type": "volume",
        "boot_index": 0, "volume_size": 2, **more,
    }  # fmt: skip


def of_volume(volume_id: str, **more: Any) -> dict[str, Any]:
    return {"uuid": volume_id, "source_type": "volume", "destination_type": "volume", **more}


def boot(api: Api, *devices: dict[str, Any], **more: Any) -> Answer:
    server = {"name": "vm", "flavorRef": "1", "block_device_mapping_v2": list(devices), **more}
    return api("POST", "/v2.1/servers", {"server": server})


def booted(api: Api, *devices: dict[str, Any], **more: Any) -> str:
    answer = boot(api, *devices, **more)
    assert answer.status == 202, answer.data
    return str(answer.json["server"]["id"])


def refusal(answer: Answer) -> str:
    assert answer.status == 400, answer.data
    return str(answer.json["badRequest"]["message"])


def attachments(volume: Api, server_id: str) -> list[dict[str, Any]]:
    path = f"/v3/attachments/detail?instance_id={server_id}"
    return list(volume("GET", path, headers=V370).json["attachments"])


def user(project_id: str = DEMO_PROJECT) -> RequestContext:
    return RequestContext(user_id="demo", project_id=project_id)


def test_a_server_boots_from_a_new_volume_of_an_image(api: Api, volume: Api, image_id: str) -> None:
    """The volume is recorded with the server, reserved, bootable; the server shows no image."""
    server_id = booted(api, from_image(image_id, delete_on_termination=True))
    shown = api("GET", f"/v2.1/servers/{server_id}").json["server"]
    volume_id = volume_id_of(server_id, 0)
    assert shown["image"] == ""
    assert shown["os-extended-volumes:volumes_attached"] == [{"id": volume_id}]
    made = show(volume, volume_id)
    assert tuple(made[key] for key in ("status", "size", "bootable", "volume_type")) == (
        "reserved", 2, "true", "__DEFAULT__",
    )  # fmt: skip
    assert made["volume_image_metadata"]["image_id"] == image_id
    assert [one["status"] for one in attachments(volume, server_id)] == ["reserved"]


def test_a_boot_delivered_twice_makes_its_volumes_once(
    cloud: Cloud, api: Api, volume: Api, image_id: str
) -> None:
    """Recorded again, as when an answer was lost, the instance and its volume are those there."""
    server_id = booted(api, from_image(image_id))
    before = volume("GET", "/v3/volumes").json
    from devstack_lite.db import instances
    from services.conductor.dispatch import boot_request_of
    from tests.api.test_compute_servers import UNLIMITED

    again = boot_request_of(instances.get_instance(cloud.db, server_id))
    builds.create_instances(cloud.db, user(), again, UNLIMITED)
    assert volume("GET", "/v3/volumes").json == before
    assert len(attachments(volume, server_id)) == 1


def test_each_server_of_a_batch_has_its_own_volume(api: Api, volume: Api, image_id: str) -> None:
    """New volumes can be made for several; one that is there cannot be shared out."""
    answer = boot(api, from_image(image_id), min_count=2, return_reservation_id=True)
    assert answer.status == 202, answer.data
    listed = api(
        "GET", f"/v2.1/servers/detail?reservation_id={answer.json['reservation_id']}"
    ).json["servers"]
    ids = {one["os-extended-volumes:volumes_attached"][0]["id"] for one in listed}
    assert len(ids) == 2
    data = of_volume(create(volume))
    refused = boot(api, from_image(image_id), data, min_count=2)
    assert refusal(refused) == "Cannot attach one or more volumes to multiple instances"


def test_a_server_takes_volumes_that_are_there(api: Api, volume: Api) -> None:
    """A bootable volume and a data volume are reserved; neither can be had twice."""
    root, data = create(volume), create(volume)
    device = of_volume(root, boot_index=0)
    assert refusal(boot(api, device)) == f"Block Device {root} is not bootable."
    act(volume, root, {"os-set_bootable": {"bootable": True}})
    booted(api, of_volume(data), device)
    assert [show(volume, one)["status"] for one in (root, data)] == ["reserved", "reserved"]
    assert "status must be 'available'. Currently in 'reserved'" in refusal(boot(api, device))


def test_a_server_boots_from_a_snapshot_and_has_a_blank_volume(
    api: Api, volume: Api, image_id: str
) -> None:
    """The snapshot's size and metadata come along; a blank volume needs a size."""
    origin = create(volume, size=3)
    act(volume, origin, {"os-set_bootable": {"bootable": True}})
    body = {"snapshot": {"volume_id": origin}}
    snapshot_id = volume("POST", "/v3/snapshots", body).json["snapshot"]["id"]
    root = {"uuid": snapshot_id, "source_type": "snapshot", "destination_type": "volume",
            "boot_index": 0}  # fmt: skip
    blank = {"source_type": "blank", "destination_type": "volume", "volume_size": 1}
    server_id = booted(api, blank, root)
    made = [show(volume, volume_id_of(server_id, index)) for index in (0, 1)]
    assert [(one["size"], one["snapshot_id"], one["bootable"]) for one in made] == [
        (3, snapshot_id, "true"), (1, None, "false"),
    ]  # fmt: skip
    assert "smaller than the snapshot" in refusal(boot(api, {**root, "volume_size": 1}))
    del blank["volume_size"]
    assert "non-zero size" in refusal(boot(api, root, blank))


def test_an_image_on_the_local_disk_can_have_volumes_besides(
    api: Api, volume: Api, cloud: Cloud, image_id: str
) -> None:
    """imageRef, or the mapping that stands for it, with data volumes."""
    small = Image(
        id=str(uuid.uuid4()), owner=DEMO_PROJECT, disk_format="raw", container_format="bare",
        status="active", size=1,
    )  # fmt: skip
    image_records.create_image(cloud.db, image=small)
    local = {"uuid": small.id, "source_type": "image", "destination_type": "local",
             "boot_index": 0, "delete_on_termination": True}  # fmt: skip
    swap = {"source_type": "blank", "destination_type": "local", "guest_format": "swap"}
    server_id = booted(api, local, of_volume(create(volume)), swap, imageRef=small.id)
    assert api("GET", f"/v2.1/servers/{server_id}").json["server"]["image"]["id"] == small.id
    assert len(attachments(volume, server_id)) == 1
    assert "Swap drive requested is larger" in refusal(
        boot(api, {**swap, "volume_size": 1}, imageRef=small.id)
    )
    assert "Flavor's disk is too small" in refusal(boot(api, imageRef=image_id))


def test_a_mapping_that_makes_no_sense_is_refused(api: Api, volume: Api, image_id: str) -> None:
    """400 in Nova's words, and no volume is left behind."""
    before = volume("GET", "/v3/volumes?all_tenants=1", token=ADMIN).json
    nothing = str(uuid.uuid4())
    snapshot = {"uuid": nothing, "source_type": "snapshot", "destination_type": "volume"}
    for devices, text in (
        ([from_image(image_id, volume_size=1)], "Volume is smaller than the minimum size"),
        ([from_image(image_id, volume_size=0)], "0 is less than the minimum of 1"),
        ([from_image(nothing)], f"failed to get image {nothing}"),
        ([of_volume(nothing, boot_index=0)], f"failed to get volume {nothing}"),
        ([{**snapshot, "boot_index": 0}], f"failed to get snapshot {nothing}"),
        ([from_image(image_id, boot_index=1)], "Boot sequence for the instance"),
        ([from_image(image_id), from_image(image_id)], "Boot sequence for the instance"),
        ([from_image(image_id, boot_index=-1)], "imageRef is needed"),
        ([from_image(image_id, volume_type="none")], "Additional properties"),
        ([from_image(image_id, tag="root")], "Additional properties"),
        ([from_image(image_id, destination_type="local", boot_index=1)], "to local is not"),
        ([{"uuid": nothing, "source_type": "tape"}], "source_type. Value: tape"),
        ([from_image(image_id, colour="red")], "Additional properties"),
    ):
        assert text in refusal(boot(api, *devices)), devices
    old = [{"volume_id": nothing, "device_name": "vda"}]
    both = boot(api, from_image(image_id), block_device_mapping=old)
    assert "different block_device_mapping syntaxes" in refusal(both)
    assert f"failed to get volume {nothing}" in refusal(boot(api, block_device_mapping=old))
    assert volume("GET", "/v3/volumes?all_tenants=1", token=ADMIN).json == before


def test_another_projects_volume_is_not_found(api: Api, volume: Api) -> None:
    """Neither a volume nor a snapshot of somebody else's."""
    theirs = create(volume, OTHER)
    assert "failed to get volume" in refusal(boot(api, of_volume(theirs, boot_index=0)))


def test_the_volume_quota_bounds_a_boot(api: Api, volume: Api, image_id: str) -> None:
    """403, and neither the server nor a volume is recorded."""
    path = f"/v3/os-quota-sets/{DEMO_PROJECT}"
    volume("PUT", path, {"quota_set": {"volumes": 0}}, token=ADMIN)
    before = api("GET", "/v2.1/servers").json
    refused = boot(api, from_image(image_id))
    volume("DELETE", path, token=ADMIN)
    assert refused.status == 403
    assert "Maximum number of volumes allowed" in refused.json["forbidden"]["message"]
    assert api("GET", "/v2.1/servers").json == before


def test_a_volume_goes_with_its_server_when_it_was_to(
    cloud: Cloud, api: Api, volume: Api, image_id: str
) -> None:
    """Only with delete_on_termination; the other is available again."""
    data = of_volume(create(volume))
    gone, kept = (
        booted(api, from_image(image_id, delete_on_termination=True), data),
        booted(api, from_image(image_id)),
    )
    for server_id in (gone, kept):
        deletes.begin_delete(cloud.db, user(), server_id)
    assert volume("GET", f"/v3/volumes/{volume_id_of(gone, 0)}").status == 404
    for volume_id in (volume_id_of(kept, 0), data["uuid"]):
        assert show(volume, volume_id)["status"] == "available"


def test_a_volume_with_snapshots_outlives_its_server(
    cloud: Cloud, api: Api, volume: Api, image_id: str
) -> None:
    """delete_on_termination does not take what somebody still needs."""
    server_id = booted(api, from_image(image_id, delete_on_termination=True))
    volume_id = volume_id_of(server_id, 0)
    [attachment] = attachments(volume, server_id)
    complete = {"os-complete": attachment["id"]}
    path = f"/v3/attachments/{attachment['id']}"
    assert volume("POST", f"{path}/action", complete, headers=V370).status == 204
    body = {"snapshot": {"volume_id": volume_id, "force": True}}
    assert volume("POST", "/v3/snapshots", body).status == 202
    deletes.begin_delete(cloud.db, user(), server_id)
    assert show(volume, volume_id)["status"] == "available"


def test_a_detached_volume_stays(cloud: Cloud, api: Api, volume: Api, image_id: str) -> None:
    """Taken from a server that lives it stays; by the host of one that goes, it goes."""
    servers = [booted(api, from_image(image_id, delete_on_termination=True)) for _ in range(2)]
    paths = [f"/v3/attachments/{attachments(volume, one)[0]['id']}" for one in servers]
    assert volume("DELETE", paths[0], headers=V370).status == 200
    assert volumes.get_volume(cloud.db, volume_id_of(servers[0], 0)).status == "available"
    from tests.api.test_compute_servers import change

    change(cloud, servers[1], task_state="deleting")
    assert volume("DELETE", paths[1], headers=V370).status == 200
    assert volume("GET", f"/v3/volumes/{volume_id_of(servers[1], 0)}").status == 404


def test_a_server_says_which_volumes_go_with_it(api: Api, volume: Api, image_id: str) -> None:
    """From 2.3 on the server, from 2.79 on its attachments; what it boots from comes first."""
    data = of_volume(create(volume))
    server_id = booted(api, from_image(image_id, delete_on_termination=True), data)
    root_id = volume_id_of(server_id, 0)
    latest = {"OpenStack-API-Version": "compute 2.89"}
    shown = api("GET", f"/v2.1/servers/{server_id}", headers=latest).json["server"]
    assert shown["os-extended-volumes:volumes_attached"] == [
        {"id": root_id, "delete_on_termination": True},
        {"id": data["uuid"], "delete_on_termination": False},
    ]
    path = f"/v2.1/servers/{server_id}/os-volume_attachments/{root_id}"
    first = api("GET", path).json["volumeAttachment"]
    assert (first["id"], "delete_on_termination" in first) == (root_id, False)
    last = api("GET", path, headers=latest).json["volumeAttachment"]
    assert (last["delete_on_termination"], last["tag"], "id" in last) == (True, None, False)
    assert last["attachment_id"] == last["bdm_uuid"]


def test_a_volume_type_can_be_named_since_2_67(api: Api, volume: Api, image_id: str) -> None:
    """The volume that is made has it; one that is not there is refused."""
    named = {"volume_type": {"name": "boots"}}
    assert volume("POST", "/v3/types", named, token=ADMIN).status == 200
    latest = {"OpenStack-API-Version": "compute 2.67"}

    def ask(volume_type: str) -> Answer:
        device = from_image(image_id, volume_type=volume_type, tag="root")
        server = {"name": "vm", "flavorRef": "1", "networks": "none"}
        body = {"server": {**server, "block_device_mapping_v2": [device]}}
        return api("POST", "/v2.1/servers", body, headers=latest)

    answer = ask("boots")
    assert answer.status == 202, answer.data
    made = show(volume, volume_id_of(answer.json["server"]["id"], 0))
    assert made["volume_type"] == "boots"
    assert refusal(ask("none")) == "Volume type none could not be found."


def test_what_is_mapped_comes_before_the_image(api: Api, image_id: str) -> None:
    """Beside an imageRef the volume with boot_index 0 is booted from, also one that is empty."""
    for device in (
        from_image(image_id),
        {"source_type": "blank", "destination_type": "volume", "volume_size": 1, "boot_index": 0},
    ):
        made = boot(api, device, imageRef=image_id)
        assert made.status == 202, made.data
        shown = api("GET", f"/v2.1/servers/{made.json['server']['id']}").json["server"]
        assert shown["image"] == ""
        assert len(shown["os-extended-volumes:volumes_attached"]) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"volume_size": "abc"}, {"volume_size": "\n"}, {"boot_index": "y"}, {"boot_index": []},
        {"volume_type": {"a": 1}}, {"volume_type": "a\0"}, {"snapshot_id": 1},
        {"snapshot_id": "\ud800"}, {"delete_on_termination": {}}, "[" * 3000, "5", "[1]", "{", "",
    ],
)  # fmt: skip
def test_an_image_that_maps_nonsense_is_refused(
    api: Api, cloud: Cloud, change: dict[str, Any] | str
) -> None:
    """Its property is a user's text, as the body is."""
    root = {"source_type": "snapshot", "destination_type": "volume", "boot_index": 0,
            "snapshot_id": str(uuid.uuid4()), "volume_size": 1}  # fmt: skip
    text = change if isinstance(change, str) else json.dumps([root, {**root, **change}])
    image = Image(
        id=str(uuid.uuid4()), owner=DEMO_PROJECT, status="active", size=0,
        properties={"block_device_mapping": text},
    )  # fmt: skip
    image_records.create_image(cloud.db, image=image)
    answer = boot(api, imageRef=image.id)
    assert f"image {image.id} has a mapping that is none" in refusal(answer)


def test_an_image_may_map_with_all_that_nova_keeps(api: Api, cloud: Cloud, volume: Api) -> None:
    """Nulls and columns that no request may name."""
    origin = create(volume)
    act(volume, origin, {"os-set_bootable": {"bootable": True}})
    asked = {"snapshot": {"volume_id": origin}}
    snapshot_id = volume("POST", "/v3/snapshots", asked).json["snapshot"]["id"]
    root = {
        "source_type": "snapshot", "destination_type": "volume", "boot_index": 0,
        "snapshot_id": snapshot_id, "volume_size": 1, "image_id": None, "volume_id": None,
        "tag": None, "volume_type": None, "no_device": None, "guest_format": None,
        "delete_on_termination": False, "disk_bus": "virtio", "device_name": "/dev/vda",
        "encrypted": None,
    }  # fmt: skip
    image = Image(
        id=str(uuid.uuid4()), owner=DEMO_PROJECT, status="active", size=0,
        properties={"block_device_mapping": json.dumps([root]), "bdm_v2": "True"},
    )  # fmt: skip
    image_records.create_image(cloud.db, image=image)
    server_id = booted(api, imageRef=image.id)
    assert show(volume, volume_id_of(server_id, 0))["snapshot_id"] == snapshot_id


@pytest.mark.parametrize("change", [{"volume_size": "\n"}, {"boot_index": "\n"}])
def test_a_line_s_end_is_no_number(api: Api, image_id: str, change: dict[str, str]) -> None:
    assert f"{next(iter(change))}. Value: \n" in refusal(boot(api, from_image(image_id, **change)))
