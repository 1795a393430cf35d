"""The volume service, as clients and compute use it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, Api, Cloud

from devstack_lite.db import images as image_records
from devstack_lite.db import volume_attachments, volumes
from devstack_lite.exceptions import Invalid, NotFound, QuotaExceeded
from devstack_lite.objects.image import Image
from devstack_lite.objects.volume import Volume, VolumeAttachment, VolumeQuota
from devstack_lite.steps import TRACE_HEADER, from_header

V370 = {"OpenStack-API-Version": "volume 3.70"}
CONNECTOR = {"host": "compute1", "mountpoint": "/dev/vdb"}


@pytest.fixture(scope="module")
def volume(cloud: Cloud) -> Api:
    return cloud.api("volume")


def create(volume: Api, token: str = DEMO, **attributes: Any) -> str:
    answer = volume("POST", "/v3/volumes", {"volume": {"size": 1, **attributes}}, token=token)
    assert answer.status == 202, answer.data
    assert answer.json["volume"]["status"] == "creating"
    return str(answer.json["volume"]["id"])


def show(volume: Api, volume_id: str) -> dict[str, Any]:
    answer = volume("GET", f"/v3/volumes/{volume_id}", headers=V370)
    assert answer.status == 200, answer.data
    return dict(answer.json["volume"])


def act(volume: Api, volume_id: str, body: dict[str, Any], token: str = DEMO) -> int:
    path = f"/v3/volumes/{volume_id}/action"
    return volume("POST", path, body, headers=V370, token=token).status


def attach(volume: Api, volume_id: str, instance_uuid: str, **more: Any) -> Any:
    asked = {"volume_uuid": volume_id, "instance_uuid": instance_uuid, **more}
    return volume("POST", "/v3/attachments", {"attachment": asked}, headers=V370)


def test_versions(volume: Api) -> None:
    """GET / needs no token and answers 300; GET /v3/ answers 200; both name 3.0 to 3.70."""
    root = volume("GET", "/", token=None)
    assert 300 == root.status
    for answer in (root, volume("GET", "/v3/"), volume("GET", "/v3")):
        version = answer.json["versions"][0]
        assert ("3.0", "3.70") == (version["min_version"], version["version"])
        assert "http://cloud.test/v3/" == version["links"][0]["href"]


def test_microversions_are_negotiated(volume: Api) -> None:
    """The version is said back; one that is not offered is 406, nonsense 400."""
    answer = volume("GET", "/v3/volumes", headers=V370)
    assert "volume 3.70" == answer.headers["OpenStack-API-Version"]
    assert (
        406 == volume("GET", "/v3/volumes", headers={"OpenStack-API-Version": "volume 3.99"}).status
    )
    assert 400 == volume("GET", "/v3/volumes", headers={"OpenStack-API-Version": "volume x"}).status
    assert 404 == volume("GET", "/v3/attachments").status


def test_both_forms_of_urls_work(volume: Api) -> None:
    """With the project's id in the URL and without it; another project's is refused."""
    volume_id = create(volume, name="forms")
    path = f"/v3/{DEMO_PROJECT}/volumes/{volume_id}"
    assert 200 == volume("GET", path).status
    assert 400 == volume("GET", path, token=OTHER).status


def test_a_volume_is_created_shown_changed_and_deleted(volume: Api) -> None:
    """The plain life of a volume."""
    volume_id = create(volume, name="plain", description="d", metadata={"a": "1"}, size="2")
    shown = show(volume, volume_id)
    assert ("available", 2, "lvmdriver-1", "false", []) == tuple(
        shown[key] for key in ("status", "size", "volume_type", "bootable", "attachments")
    )
    assert (DEMO_PROJECT, "nova", {"a": "1"}) == tuple(
        shown[key] for key in ("os-vol-tenant-attr:tenant_id", "availability_zone", "metadata")
    )
    assert "volume_type_id" in shown
    assert "os-vol-host-attr:host" not in shown
    path = f"/v3/volumes/{volume_id}"
    changed = volume("PUT", path, {"volume": {"name": "new", "metadata": {"b": "2"}}})
    assert ("new", "d", {"b": "2"}) == tuple(
        changed.json["volume"][key] for key in ("name", "description", "metadata")
    )
    assert 404 == volume("GET", path, token=OTHER).status
    assert 404 == volume("DELETE", path, token=OTHER).status
    assert 202 == volume("DELETE", path).status
    gone = volume("GET", path)
    assert 404 == gone.status
    assert f"Volume {volume_id} could not be found." == gone.json["itemNotFound"]["message"]


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        ({"size": 0}, 400),
        ({"size": -1}, 400),
        ({"size": "many"}, 400),
        ({"size": 2**40}, 400),
        ({"name": 5}, 400),
        ({"name": "x" * 256}, 400),
        ({"metadata": {"k": 1}}, 400),
        ({"availability_zone": "mars"}, 400),
        ({"volume_type": "fast"}, 404),
        ({"snapshot_id": "s"}, 404),
        ({"source_volid": str(uuid.uuid4())}, 404),
        ({"imageRef": "no uuid"}, 400),
        ({"size": 100_001}, 413),
    ],
)
def test_a_bad_create_is_refused(volume: Api, attributes: dict[str, Any], status: int) -> None:
    """The documented error each, and no row."""
    before = volume("GET", "/v3/volumes").json
    body = {"volume": {"size": 1, **attributes}}
    answer = volume("POST", "/v3/volumes", body)
    assert status == answer.status, answer.data
    assert before == volume("GET", "/v3/volumes").json


def test_malformed_json_is_refused(volume: Api) -> None:
    """400 in Cinder's form."""
    answer = volume("POST", "/v3/volumes", data=b"{", headers={"Content-Type": "application/json"})
    assert (400, {"badRequest"}) == (answer.status, set(answer.json))


def test_a_volume_of_an_image_is_bootable(
    cloud: Cloud, volume: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image is asked for with the user's token; its metadata stays with the volume."""
    from devstack_lite.clients import http

    image_api = cloud.api("image")

    def request(peer: Any, method: str, path: str, *, headers: Any, body: Any = None) -> Any:
        token = headers["X-Auth-Token"]
        answer = image_api(method, path, body, token=token, headers=dict(headers))
        return http.Answer(status=answer.status, headers=answer.headers, data=answer.data)

    monkeypatch.setattr(http.HttpPeer, "request", request)
    image = Image(
        id=str(uuid.uuid4()), name="cirros", owner=DEMO_PROJECT, disk_format="qcow2",
        container_format="bare", min_disk=2, size=10, properties={"os_distro": "cirros"},
    )  # fmt: skip
    image_records.create_image(cloud.db, image=image)
    asked = {"volume": {"size": 2, "imageRef": image.id}}
    assert 400 == volume("POST", "/v3/volumes", asked).status
    active = Image(**{**{f: getattr(image, f) for f in image.__slots__},
                      "status": "active", "id": str(uuid.uuid4())})  # fmt: skip
    image_records.create_image(cloud.db, image=active)
    volume_id = create(volume, size=2, imageRef=active.id)
    shown = show(volume, volume_id)
    assert "true" == shown["bootable"]
    assert ("cirros", "cirros", active.id) == tuple(
        shown["volume_image_metadata"][key] for key in ("image_name", "os_distro", "image_id")
    )
    too_small = {"volume": {"size": 1, "imageRef": active.id}}
    assert 400 == volume("POST", "/v3/volumes", too_small).status
    assert 400 == volume("POST", "/v3/volumes", asked, token=OTHER).status
    copy = show(volume, create(volume, source_volid=volume_id, size=None))
    assert ("true", 2) == (copy["bootable"], copy["size"])


def test_an_attachment_goes_through_its_states(volume: Api) -> None:
    """reserved, attaching, attached; the volume follows; deleting it frees the volume."""
    volume_id, instance = create(volume), str(uuid.uuid4())
    made = attach(volume, volume_id, instance).json["attachment"]
    assert ("reserved", {}) == (made["status"], made["connection_info"])
    assert "reserved" == show(volume, volume_id)["status"]
    path = f"/v3/attachments/{made['id']}"
    action = {"os-complete": made["id"]}
    assert 400 == volume("POST", f"{path}/action", action, headers=V370).status
    changed = volume("PUT", path, {"attachment": {"connector": CONNECTOR}}, headers=V370).json
    assert "local" == changed["attachment"]["connection_info"]["driver_volume_type"]
    assert "attaching" == show(volume, volume_id)["status"]
    for _ in range(2):
        assert 204 == volume("POST", f"{path}/action", action, headers=V370).status
    shown = show(volume, volume_id)
    assert "in-use" == shown["status"]
    assert (instance, "/dev/vdb", made["id"]) == tuple(
        shown["attachments"][0][key] for key in ("server_id", "device", "attachment_id")
    )
    refused = volume("DELETE", f"/v3/volumes/{volume_id}")
    assert 400 == refused.status
    assert refused.json["badRequest"]["message"].startswith(
        "Invalid volume: Volume status must be available or error"
    )
    assert 404 == volume("DELETE", path, headers=V370, token=OTHER).status
    assert {"attachments": []} == volume("DELETE", path, headers=V370).json
    assert "available" == show(volume, volume_id)["status"]
    assert 404 == volume("DELETE", path, headers=V370).status


def test_a_pair_has_one_attachment(volume: Api) -> None:
    """Asked for twice the same one is answered; another instance is refused."""
    volume_id, instance = create(volume), str(uuid.uuid4())
    first = attach(volume, volume_id, instance).json["attachment"]
    again = attach(volume, volume_id, instance, connector=CONNECTOR).json["attachment"]
    assert (first["id"], "attaching") == (again["id"], again["status"])
    assert 400 == attach(volume, volume_id, str(uuid.uuid4())).status
    listed = volume(
        "GET", f"/v3/attachments/detail?instance_id={instance}",
        headers={**V370, TRACE_HEADER: "1"},
    )  # fmt: skip
    assert [first["id"]] == [one["id"] for one in listed.json["attachments"]]
    assert 17 == from_header(listed.headers[TRACE_HEADER])["validated"].step
    path = f"/v3/attachments?instance_id={instance}"
    assert {"attachments": []} == volume("GET", path, headers=V370, token=OTHER).json
    assert {"attachments": []} == volume("GET", path, headers=V370, token=ADMIN).json
    everywhere = volume("GET", f"{path}&all_tenants=1", headers=V370, token=ADMIN)
    assert 1 == len(everywhere.json["attachments"])


def test_the_actions_that_nova_used_first(volume: Api) -> None:
    """reserve, attach, begin_detaching, roll_detaching and detach move the status."""
    volume_id, instance = create(volume), str(uuid.uuid4())
    attach_body = {"os-attach": {"instance_uuid": instance, "mountpoint": "/dev/vdc"}}
    for body, code, status in [
        ({"os-reserve": None}, 202, "reserved"),
        ({"os-reserve": None}, 400, "reserved"),
        ({"os-unreserve": None}, 202, "available"),
        ({"os-begin_detaching": None}, 400, "available"),
        ({"os-reserve": None}, 202, "reserved"),
        (attach_body, 202, "in-use"),
        (attach_body, 202, "in-use"),
        ({"os-begin_detaching": None}, 202, "detaching"),
        ({"os-roll_detaching": None}, 202, "in-use"),
        ({"os-begin_detaching": None}, 202, "detaching"),
        ({"os-detach": {}}, 202, "available"),
        ({"os-detach": {}}, 202, "available"),
        ({"os-attach": {"host_name": "h", "mountpoint": "/dev/vdd"}}, 202, "in-use"),
        ({"os-force_detach": {}}, 403, "in-use"),
        ({"os-detach": None}, 202, "available"),
        ({"os-no-such-thing": None}, 400, "available"),
    ]:
        assert code == act(volume, volume_id, body), body
        assert status == show(volume, volume_id)["status"], body


def test_other_actions(volume: Api) -> None:
    """extend, bootable, readonly, image metadata, reset and force delete do what they say."""
    volume_id = create(volume)
    assert 202 == act(volume, volume_id, {"os-extend": {"new_size": 3}})
    assert 400 == act(volume, volume_id, {"os-extend": {"new_size": 2}})
    assert 413 == act(volume, volume_id, {"os-extend": {"new_size": 200_000}})
    assert 200 == act(volume, volume_id, {"os-set_bootable": {"bootable": True}})
    assert 202 == act(volume, volume_id, {"os-update_readonly_flag": {"readonly": True}})
    image_metadata = {"os-set_image_metadata": {"metadata": {"k": "v"}}}
    assert 200 == act(volume, volume_id, image_metadata)
    shown = show(volume, volume_id)
    assert (3, "true", {"readonly": "True"}, {"k": "v"}) == tuple(
        shown[key] for key in ("size", "bootable", "metadata", "volume_image_metadata")
    )
    assert 200 == act(volume, volume_id, {"os-unset_image_metadata": {"key": "k"}})
    assert 404 == act(volume, volume_id, {"os-unset_image_metadata": {"key": "k"}})
    connect = {"os-initialize_connection": {"connector": CONNECTOR}}
    assert 200 == act(volume, volume_id, connect)
    assert 202 == act(volume, volume_id, {"os-terminate_connection": {"connector": CONNECTOR}})
    reset = {"os-reset_status": {"status": "error_deleting"}}
    assert 403 == act(volume, volume_id, reset)
    assert 202 == act(volume, volume_id, reset, ADMIN)
    assert "error_deleting" == show(volume, volume_id)["status"]
    assert 400 == volume("DELETE", f"/v3/volumes/{volume_id}").status
    assert 403 == act(volume, volume_id, {"os-force_delete": None})
    assert 202 == act(volume, volume_id, {"os-force_delete": None}, ADMIN)
    assert 404 == volume("GET", f"/v3/volumes/{volume_id}").status


def test_metadata_is_a_resource(volume: Api) -> None:
    """Items are added, replaced, shown and deleted one by one or together."""
    path = f"/v3/volumes/{create(volume)}/metadata"
    assert {"a": "1", "b": "2"} == volume("POST", path, {"metadata": {"a": "1", "b": "2"}}).json[
        "metadata"
    ]
    assert {"c": "3"} == volume("PUT", path, {"metadata": {"c": "3"}}).json["metadata"]
    assert {"c": "4"} == volume("PUT", f"{path}/c", {"meta": {"c": "4"}}).json["meta"]
    assert 400 == volume("PUT", f"{path}/x", {"meta": {"c": "4"}}).status
    assert {"meta": {"c": "4"}} == volume("GET", f"{path}/c").json
    assert 200 == volume("DELETE", f"{path}/c").status
    assert 404 == volume("DELETE", f"{path}/c").status
    assert {"metadata": {}} == volume("GET", path).json


def test_a_list_is_filtered_sorted_and_paged(volume: Api) -> None:
    """Filters, order, pages, count and summary."""
    for number in range(5):
        create(volume, OTHER, name=f"l{number % 3}", size=number + 1, metadata={"odd": "1"})

    def listed(query: str) -> list[Any]:
        answer = volume("GET", f"/v3/volumes/detail?{query}", token=OTHER, headers=V370)
        assert answer.status == 200, answer.data
        return [(one["name"], one["size"]) for one in answer.json["volumes"]]

    assert [("l2", 3)] == listed("name=l2")
    assert [("l0", 4), ("l0", 1)] == listed("name=l0&sort=size:desc")
    assert [] == listed("status=error")
    assert 5 == len(listed("metadata={'odd': '1'}"))
    assert [] == listed('metadata={"odd": "2"}')
    assert [] == listed("metadata=odd")
    assert [("l0", 1), ("l0", 4)] == listed("sort=name:asc,size:asc&limit=2")
    assert [("l2", 3)] == listed("name~=l2")
    assert 400 == volume("GET", "/v3/volumes?limit=-1").status
    assert 400 == volume("GET", "/v3/volumes?sort_key=colour").status
    assert 404 == volume("GET", "/v3/volumes?marker=nothing").status
    path, sizes = "/v3/volumes?limit=2&sort_key=size&sort_dir=asc&with_count=true", 0
    while path:
        page = volume("GET", path, token=OTHER, headers=V370).json
        assert 5 == page["count"]
        sizes += len(page["volumes"])
        link = page.get("volumes_links")
        path = link[0]["href"].removeprefix("http://cloud.test") if link else ""
    assert 5 == sizes
    summary = volume("GET", "/v3/volumes/summary", token=OTHER, headers=V370).json
    assert {"total_count": 5, "total_size": 15, "metadata": {"odd": ["1"]}} == summary[
        "volume-summary"
    ]
    mine = volume("GET", "/v3/volumes/detail", token=ADMIN).json["volumes"]
    assert [] == mine
    all_of_them = volume("GET", "/v3/volumes/detail?all_tenants=1", token=ADMIN).json["volumes"]
    assert len(all_of_them) > 5
    assert "devstack@lvmdriver-1#lvmdriver-1" == all_of_them[0]["os-vol-host-attr:host"]


def test_what_clients_ask_about_the_service(volume: Api) -> None:
    """Types, zones, services, quotas, limits, extensions."""
    types = volume("GET", "/v3/types").json["volume_types"]
    assert ["lvmdriver-1"] == [one["name"] for one in types]
    assert types[0]["id"] == volume("GET", "/v3/types/default").json["volume_type"]["id"]
    assert 404 == volume("GET", "/v3/types/lvmdriver-1").status
    zones = volume("GET", "/v3/os-availability-zone").json["availabilityZoneInfo"]
    assert "nova" == zones[0]["zoneName"]
    assert 403 == volume("GET", "/v3/os-services").status
    services = volume("GET", "/v3/os-services", token=ADMIN).json["services"]
    assert {"cinder-scheduler", "cinder-volume"} == {one["binary"] for one in services}
    quotas = volume("GET", f"/v3/os-quota-sets/{DEMO_PROJECT}?usage=True").json["quota_set"]
    limits = volume("GET", "/v3/limits").json["limits"]["absolute"]
    assert quotas["volumes"]["in_use"] == limits["totalVolumesUsed"]
    assert 1000 == limits["maxTotalVolumes"]
    assert volume("GET", "/v3/extensions").json["extensions"]


def test_creation_delivered_twice_creates_once(cloud: Cloud) -> None:
    """The same volume, and the same attachment, recorded again are the ones that are there."""
    from devstack_lite.clock import utcnow

    wanted = Volume(
        id=str(uuid.uuid4()), project_id="p", user_id="u", size_gb=1, created_at=utcnow()
    )
    quota = VolumeQuota(volumes=1, gigabytes=1)
    first = volumes.create_volume(cloud.db, volume=wanted, quota=quota)
    assert first == volumes.create_volume(cloud.db, volume=wanted, quota=quota)
    other = Volume(id=str(uuid.uuid4()), project_id="p", user_id="u", size_gb=1)
    with pytest.raises(QuotaExceeded):
        volumes.create_volume(cloud.db, volume=other, quota=quota)
    attachment = VolumeAttachment(
        id=str(uuid.uuid4()), volume_id=wanted.id, instance_uuid=str(uuid.uuid4())
    )
    for _ in range(2):
        made = volume_attachments.create_attachment(cloud.db, attachment=attachment)
        assert attachment == made
    with pytest.raises(Invalid):
        volumes.delete_volume(cloud.db, volume_id=wanted.id)
    for _ in range(2):
        volume_attachments.delete_attachment(cloud.db, attachment_id=attachment.id)
    volumes.delete_volume(cloud.db, volume_id=wanted.id)
    with pytest.raises(NotFound):
        volumes.delete_volume(cloud.db, volume_id=wanted.id)
