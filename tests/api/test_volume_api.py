"""The volume service, as clients and compute use it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from devstack_lite.db import images as image_records
from devstack_lite.db import volume_attachments, volumes
from devstack_lite.exceptions import Invalid, NotFound, QuotaExceeded
from devstack_lite.objects.image import Image
from devstack_lite.objects.volume import Volume, VolumeAttachment, VolumeQuota
from devstack_lite.steps import TRACE_HEADER, from_header
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, Api, Cloud

V370 = {"OpenStack-API-Version": "volume 3.70"}
CONNECTOR = {"host": "compute1", "mountpoint": "/dev/vdb"}


@pytest.fixture(scope="module")
def volume(cloud: Cloud) -> Api:
    return cloud.api("volume")


def create(volume: Api, token: str = DEMO, **attributes: Any) -> str:
    answer = volume("POST", "/v3/volumes", {"volume": {"size": 1, **attributes}}, token=token)
    assert answer.status == 202, answer.data
    assert answer.json["volume"]["status"] == "creating"
    assert not [key for key in answer.json["volume"] if key.startswith("os-vol")]
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
    assert root.status == 300
    for answer in (root, volume("GET", "/v3/"), volume("GET", "/v3")):
        version = answer.json["versions"][0]
        assert (version["min_version"], version["version"]) == ("3.0", "3.70")
        assert version["links"][0]["href"] == "http://cloud.test/v3/"


def test_microversions_are_negotiated(volume: Api) -> None:
    """The version is said back; one that is not offered is 406, nonsense 400."""
    answer = volume("GET", "/v3/volumes", headers=V370)
    assert answer.headers["OpenStack-API-Version"] == "volume 3.70"
    assert (
        volume("GET", "/v3/volumes", headers={"OpenStack-API-Version": "volume 3.99"}).status == 406
    )
    assert volume("GET", "/v3/volumes", headers={"OpenStack-API-Version": "volume x"}).status == 400
    assert volume("GET", "/v3/attachments").status == 404


def test_both_forms_of_urls_work(volume: Api) -> None:
    """With the project's id in the URL and without it; another project's is refused."""
    volume_id = create(volume, name="forms")
    path = f"/v3/{DEMO_PROJECT}/volumes/{volume_id}"
    assert volume("GET", path).status == 200
    assert volume("GET", path, token=OTHER).status == 400


def test_a_volume_is_created_shown_changed_and_deleted(volume: Api) -> None:
    """The plain life of a volume."""
    volume_id = create(volume, name="plain", description="d", metadata={"a": "1"}, size="2")
    shown = show(volume, volume_id)
    assert tuple(
        shown[key] for key in ("status", "size", "volume_type", "bootable", "attachments")
    ) == ("available", 2, "__DEFAULT__", "false", [])
    assert tuple(
        shown[key] for key in ("os-vol-tenant-attr:tenant_id", "availability_zone", "metadata")
    ) == (DEMO_PROJECT, "nova", {"a": "1"})
    assert "volume_type_id" in shown
    assert "os-vol-host-attr:host" not in shown
    path = f"/v3/volumes/{volume_id}"
    changed = volume("PUT", path, {"volume": {"name": "new", "metadata": {"b": "2"}}})
    assert tuple(changed.json["volume"][key] for key in ("name", "description", "metadata")) == (
        "new",
        "d",
        {"b": "2"},
    )
    assert volume("GET", path, token=OTHER).status == 404
    assert volume("DELETE", path, token=OTHER).status == 404
    assert volume("DELETE", path).status == 202
    gone = volume("GET", path)
    assert gone.status == 404
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
        ({"backup_id": "b"}, 404),
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
    assert volume("POST", "/v3/volumes", asked).status == 400
    active = Image(**{**{f: getattr(image, f) for f in image.__slots__},
                      "status": "active", "id": str(uuid.uuid4())})  # fmt: skip
    image_records.create_image(cloud.db, image=active)
    volume_id = create(volume, size=2, imageRef=active.id)
    shown = show(volume, volume_id)
    assert shown["bootable"] == "true"
    assert ("cirros", "cirros", active.id) == tuple(
        shown["volume_image_metadata"][key] for key in ("image_name", "os_distro", "image_id")
    )
    too_small = {"volume": {"size": 1, "imageRef": active.id}}
    assert volume("POST", "/v3/volumes", too_small).status == 400
    assert volume("POST", "/v3/volumes", asked, token=OTHER).status == 400
    copy = show(volume, create(volume, source_volid=volume_id, size=None))
    assert (copy["bootable"], copy["size"]) == ("true", 2)


def test_an_attachment_goes_through_its_states(volume: Api) -> None:
    """reserved, attaching, attached; the volume follows; deleting it frees the volume."""
    volume_id, instance = create(volume), str(uuid.uuid4())
    made = attach(volume, volume_id, instance).json["attachment"]
    assert (made["status"], made["connection_info"]) == ("reserved", {})
    assert show(volume, volume_id)["status"] == "reserved"
    path = f"/v3/attachments/{made['id']}"
    action = {"os-complete": made["id"]}
    changed = volume("PUT", path, {"attachment": {"connector": CONNECTOR}}, headers=V370).json
    assert changed["attachment"]["connection_info"]["driver_volume_type"] == "local"
    assert show(volume, volume_id)["status"] == "attaching"
    for _ in range(2):
        assert volume("POST", f"{path}/action", action, headers=V370).status == 204
    shown = show(volume, volume_id)
    assert shown["status"] == "in-use"
    assert (instance, "/dev/vdb", made["id"]) == tuple(
        shown["attachments"][0][key] for key in ("server_id", "device", "attachment_id")
    )
    refused = volume("DELETE", f"/v3/volumes/{volume_id}")
    assert refused.status == 400
    assert refused.json["badRequest"]["message"].startswith(
        "Invalid volume: Volume status must be available or error"
    )
    assert volume("DELETE", path, headers=V370, token=OTHER).status == 404
    assert volume("DELETE", path, headers=V370).json == {"attachments": []}
    assert show(volume, volume_id)["status"] == "available"
    assert volume("DELETE", path, headers=V370).status == 404


def test_a_pair_has_one_attachment(volume: Api) -> None:
    """Asked for twice the same one is answered; another instance is refused."""
    volume_id, instance = create(volume), str(uuid.uuid4())
    first = attach(volume, volume_id, instance).json["attachment"]
    again = attach(volume, volume_id, instance, connector=CONNECTOR).json["attachment"]
    assert (first["id"], "attaching") == (again["id"], again["status"])
    assert attach(volume, volume_id, str(uuid.uuid4())).status == 400
    listed = volume(
        "GET", f"/v3/attachments/detail?instance_id={instance}",
        headers={**V370, TRACE_HEADER: "1"},
    )  # fmt: skip
    assert [first["id"]] == [one["id"] for one in listed.json["attachments"]]
    assert from_header(listed.headers[TRACE_HEADER])["validated"].step == 17
    path = f"/v3/attachments?instance_id={instance}"
    assert volume("GET", path, headers=V370, token=OTHER).json == {"attachments": []}
    assert volume("GET", path, headers=V370, token=ADMIN).json == {"attachments": []}
    everywhere = volume("GET", f"{path}&all_tenants=1", headers=V370, token=ADMIN)
    assert len(everywhere.json["attachments"]) == 1


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
    assert act(volume, volume_id, {"os-extend": {"new_size": 3}}) == 202
    assert act(volume, volume_id, {"os-extend": {"new_size": 2}}) == 400
    assert act(volume, volume_id, {"os-extend": {"new_size": 200_000}}) == 413
    assert act(volume, volume_id, {"os-set_bootable": {"bootable": True}}) == 200
    assert act(volume, volume_id, {"os-update_readonly_flag": {"readonly": True}}) == 202
    image_metadata = {"os-set_image_metadata": {"metadata": {"k": "v"}}}
    assert act(volume, volume_id, image_metadata) == 200
    shown = show(volume, volume_id)
    assert tuple(
        shown[key] for key in ("size", "bootable", "metadata", "volume_image_metadata")
    ) == (3, "true", {"readonly": "True"}, {"k": "v"})
    shown = volume("POST", f"/v3/volumes/{volume_id}/action", {"os-show_image_metadata": None}).json
    assert shown == {"metadata": {"k": "v"}}
    assert act(volume, volume_id, {"os-unset_image_metadata": {"key": "k"}}) == 200
    assert act(volume, volume_id, {"os-unset_image_metadata": {"key": "k"}}) == 404
    connect = {"os-initialize_connection": {"connector": CONNECTOR}}
    assert act(volume, volume_id, connect) == 200
    assert act(volume, volume_id, {"os-terminate_connection": {"connector": CONNECTOR}}) == 202
    reset = {"os-reset_status": {"status": "error_deleting"}}
    assert act(volume, volume_id, reset) == 403
    assert act(volume, volume_id, reset, ADMIN) == 202
    assert show(volume, volume_id)["status"] == "error_deleting"
    assert volume("DELETE", f"/v3/volumes/{volume_id}").status == 400
    assert act(volume, volume_id, {"os-force_delete": None}) == 403
    assert act(volume, volume_id, {"os-force_delete": None}, ADMIN) == 202
    assert volume("GET", f"/v3/volumes/{volume_id}").status == 404


def test_metadata_is_a_resource(volume: Api) -> None:
    """Items are added, replaced, shown and deleted one by one or together."""
    path = f"/v3/volumes/{create(volume)}/metadata"
    assert volume("POST", path, {"metadata": {"a": "1", "b": "2"}}).json["metadata"] == {
        "a": "1",
        "b": "2",
    }
    assert volume("PUT", path, {"metadata": {"c": "3"}}).json["metadata"] == {"c": "3"}
    assert volume("PUT", f"{path}/c", {"meta": {"c": "4"}}).json["meta"] == {"c": "4"}
    assert volume("PUT", f"{path}/x", {"meta": {"c": "4"}}).status == 400
    assert volume("GET", f"{path}/c").json == {"meta": {"c": "4"}}
    assert volume("DELETE", f"{path}/c").status == 200
    assert volume("DELETE", f"{path}/c").status == 404
    assert volume("GET", path).json == {"metadata": {}}


def test_a_list_is_filtered_sorted_and_paged(volume: Api) -> None:
    """Filters, order, pages, count and summary."""
    for number in range(5):
        create(volume, OTHER, name=f"l{number % 3}", size=number + 1, metadata={"odd": "1"})

    def listed(query: str) -> list[Any]:
        answer = volume("GET", f"/v3/volumes/detail?{query}", token=OTHER, headers=V370)
        assert answer.status == 200, answer.data
        return [(one["name"], one["size"]) for one in answer.json["volumes"]]

    assert listed("name=l2") == [("l2", 3)]
    assert listed("name=l0&sort=size:desc") == [("l0", 4), ("l0", 1)]
    assert listed("status=error") == []
    assert len(listed("metadata={'odd': '1'}")) == 5
    assert listed('metadata={"odd": "2"}') == []
    assert listed("metadata=odd") == []
    assert listed("sort=name:asc,size:asc&limit=2") == [("l0", 1), ("l0", 4)]
    assert listed("name~=l2") == [("l2", 3)]
    assert volume("GET", "/v3/volumes?limit=-1").status == 400
    assert volume("GET", "/v3/volumes?sort_key=colour").status == 400
    assert volume("GET", "/v3/volumes?marker=nothing").status == 404
    first = volume("GET", "/v3/volumes?limit=1&sort=bootable,size:asc", token=OTHER).json
    rest = f"sort=bootable,size:asc&marker={first['volumes'][0]['id']}"
    assert listed(rest) == [("l1", 2), ("l2", 3), ("l0", 4), ("l1", 5)]
    path, sizes = "/v3/volumes?limit=2&sort_key=size&sort_dir=asc&with_count=true", 0
    while path:
        page = volume("GET", path, token=OTHER, headers=V370).json
        assert page["count"] == 5
        sizes += len(page["volumes"])
        link = page.get("volumes_links")
        path = link[0]["href"].removeprefix("http://cloud.test") if link else ""
    assert sizes == 5
    summary = volume("GET", "/v3/volumes/summary", token=OTHER, headers=V370).json
    assert summary["volume-summary"] == {
        "total_count": 5,
        "total_size": 15,
        "metadata": {"odd": ["1"]},
    }
    mine = volume("GET", "/v3/volumes/detail", token=ADMIN).json["volumes"]
    assert mine == []
    all_of_them = volume("GET", "/v3/volumes/detail?all_tenants=1", token=ADMIN).json["volumes"]
    assert len(all_of_them) > 5
    assert all_of_them[0]["os-vol-host-attr:host"] == "devstack@lvmdriver-1#lvmdriver-1"


def test_what_clients_ask_about_the_service(volume: Api) -> None:
    """Types, zones, services, quotas, limits, extensions."""
    types = volume("GET", "/v3/types").json["volume_types"]
    assert [one["name"] for one in types] == ["__DEFAULT__"]
    assert types[0]["id"] == volume("GET", "/v3/types/default").json["volume_type"]["id"]
    assert volume("GET", "/v3/types/__DEFAULT__").status == 404
    zones = volume("GET", "/v3/os-availability-zone").json["availabilityZoneInfo"]
    assert zones[0]["zoneName"] == "nova"
    assert volume("GET", "/v3/os-services").status == 403
    services = volume("GET", "/v3/os-services", token=ADMIN).json["services"]
    assert {"cinder-scheduler", "cinder-volume"} == {one["binary"] for one in services}
    quotas = volume("GET", f"/v3/os-quota-sets/{DEMO_PROJECT}?usage=True").json["quota_set"]
    limits = volume("GET", "/v3/limits").json["limits"]["absolute"]
    assert quotas["volumes"]["in_use"] == limits["totalVolumesUsed"]
    assert limits["maxTotalVolumes"] == 1000
    assert volume("GET", "/v3/extensions").json["extensions"]
    pools = "/v3/scheduler-stats/get_pools?detail=true"
    assert volume("GET", pools).status == 403
    [pool] = volume("GET", pools, token=ADMIN).json["pools"]
    assert pool["capabilities"]["volume_backend_name"] == "lvmdriver-1"
    assert volume("GET", "/v3/messages", headers=V370).json == {"messages": []}
    assert volume("GET", "/v3/messages").status == 404
    assert volume("GET", f"/v3/types/{types[0]['id']}/encryption").json == {}
    path = f"/v3/volumes/{create(volume)}/encryption"
    assert volume("GET", path).json == {"encryption_key_id": None}


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
