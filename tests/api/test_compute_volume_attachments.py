"""Volumes of servers that exist: asked for, refused and shown; a stand-in host ends the changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.db import device_changes, device_tags, schema, volumes
from devstack_lite.objects.volume import Volume, VolumeQuota
from devstack_lite.states import VmState
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, Api, Cloud
from tests.api.test_compute_servers import change, record

SERVER = "00000000-0000-4000-8000-0000000000d0"
VOLUME = "00000000-0000-4000-8000-0000000000d1"
SECOND = "00000000-0000-4000-8000-0000000000d2"
PATH = f"/v2.1/servers/{SERVER}/os-volume_attachments"


@pytest.fixture
def api(cloud: Cloud) -> Iterator[Api]:
    """The compute API over an ACTIVE server and two volumes."""
    record(cloud, DEMO_PROJECT, [SERVER], "holder")
    change(cloud, SERVER, vm_state=VmState.ACTIVE, task_state=None, host="host1", node="host1")
    for name in (VOLUME, SECOND):
        volume = Volume(id=name, project_id=DEMO_PROJECT, user_id="demo", size_gb=1,
                        status="available", created_at=utcnow())  # fmt: skip
        volumes.create_volume(cloud.db, volume=volume, quota=VolumeQuota())
    yield cloud.api("osapi_compute")
    with cloud.db.write() as connection:
        for table in (schema.device_changes, schema.volume_attachments, schema.volumes,
                      schema.instances, schema.instance_actions):  # fmt: skip
            connection.execute(sa.delete(table))


def attach(api: Api, volume_id: str = VOLUME, *, token: str = DEMO, **more: Any) -> Any:
    body = {"volumeAttachment": {"volumeId": volume_id, **more}}
    return api("POST", PATH, body, token=token)


def end_all(cloud: Cloud, error: str | None = None) -> None:
    """End what is under way, as the host does."""
    with cloud.db.read() as connection:
        found = connection.execute(sa.select(schema.device_changes)).all()
    for row in found:
        result = {"device": row.arguments.get("device")}
        assert device_changes.finish_change(
            cloud.db, row.id, attempt=row.attempt, result=result, error=error
        )


def test_attach_show_detach(api: Api, cloud: Cloud) -> None:
    """Nova's shapes all the way; the server shows the volume from the request on."""
    expected = {"id": VOLUME, "volumeId": VOLUME, "serverId": SERVER, "device": "/dev/vdb"}
    answer = attach(api, device="/dev/vdx")
    assert (answer.status, answer.json) == (200, {"volumeAttachment": expected})
    assert attach(api, SECOND).json["volumeAttachment"]["device"] == "/dev/vdc"
    end_all(cloud)
    assert api("GET", f"{PATH}/{VOLUME}").json == {"volumeAttachment": expected}
    listed = api("GET", PATH).json["volumeAttachments"]
    assert {one["volumeId"] for one in listed} == {VOLUME, SECOND}
    pages = [api("GET", f"{PATH}?limit=1&offset={number}").json for number in range(2)]
    assert [page["volumeAttachments"][0] for page in pages] == listed
    server = api("GET", f"/v2.1/servers/{SERVER}").json["server"]
    assert {"id": VOLUME} in server["os-extended-volumes:volumes_attached"]
    gone = api("DELETE", f"{PATH}/{VOLUME}")
    assert (gone.status, gone.data) == (202, b"")
    assert volumes.get_volume(cloud.db, VOLUME).status == "detaching"
    assert api("GET", f"{PATH}/{VOLUME}").status == 200, "it is the server's until it has let go"
    end_all(cloud)
    assert api("GET", f"{PATH}/{VOLUME}").status == 404
    assert volumes.get_volume(cloud.db, VOLUME).status == "available"


def test_the_server_tells_what_was_done(api: Api, cloud: Cloud) -> None:
    """Each is an action with its event; a failure is Error there, and the volume free."""
    attach(api)
    end_all(cloud, error="it broke")
    path = f"/v2.1/servers/{SERVER}/os-instance-actions"
    [done] = [one for one in api("GET", path).json["instanceActions"]
              if one["action"] == "attach_volume"]  # fmt: skip
    assert done["message"] == "it broke"
    shown = api("GET", f"{path}/{done['request_id']}").json["instanceAction"]
    assert shown["action"] == "attach_volume"
    assert volumes.get_volume(cloud.db, VOLUME).status == "available"
    assert attach(api).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"volumeAttachment": {}},
        {"volumeAttachment": {"volumeId": "no-uuid"}},
        {"volumeAttachment": {"volumeId": VOLUME, "device": "vdb"}},
        {"volumeAttachment": {"volumeId": VOLUME, "more": 1}},
        {"volumeAttachment": {"volumeId": VOLUME, "tag": "later"}},
    ],
)
def test_bodies_that_are_refused(api: Api, body: Any) -> None:
    """400; tags come with a later microversion."""
    assert api("POST", PATH, body).status == 400


def test_what_cannot_be_attached(api: Api, cloud: Cloud) -> None:
    """404 for what is not there or not theirs; 400 for a volume that is not available."""
    missing = attach(api, SERVER)
    assert missing.status == 404
    message = missing.json["itemNotFound"]["message"]
    assert message == f"Volume {SERVER} could not be found."
    assert attach(api, token=OTHER).status == 404
    attach(api)
    again = attach(api)
    assert again.status == 400
    assert (
        again.json["badRequest"]["message"] == f"Invalid volume: volume {VOLUME} already attached"
    )
    with cloud.db.write() as connection:
        connection.execute(
            schema.volumes.update()
            .where(schema.volumes.c.id == SECOND)
            .values(status="error", project_id=DEMO_PROJECT)
        )
    broken = attach(api, SECOND)
    assert broken.status == 400
    assert "status must be available" in broken.json["badRequest"]["message"]


def test_what_cannot_be_detached(api: Api) -> None:
    """404 for a volume that is elsewhere, 400 for one that is on its way."""
    missing = api("DELETE", f"{PATH}/{VOLUME}")
    assert missing.status == 404
    attach(api)
    early = api("DELETE", f"{PATH}/{VOLUME}")
    assert early.status == 400
    assert "Unable to detach volume" in early.json["badRequest"]["message"]


def test_a_server_in_error_is_left_alone(api: Api, cloud: Cloud) -> None:
    """409 in Nova's words; one that is under way likewise."""
    change(cloud, SERVER, vm_state=VmState.ERROR)
    refused = attach(api)
    assert refused.status == 409
    assert refused.json["conflictingRequest"]["message"] == (
        f"Cannot 'attach_volume' instance {SERVER} while it is in vm_state error"
    )
    change(cloud, SERVER, vm_state=VmState.ACTIVE, task_state="rebooting")
    assert "in task_state rebooting" in attach(api).json["conflictingRequest"]["message"]


def test_anothers_server_is_not_there(api: Api) -> None:
    """404 for every call."""
    seen = [
        api(method, PATH + path, token=OTHER).status
        for method, path in (("GET", ""), ("GET", f"/{VOLUME}"), ("DELETE", f"/{VOLUME}"))
    ]
    assert seen == [404] * 3


def test_whether_a_volume_goes_with_its_server_can_be_changed(api: Api, cloud: Cloud) -> None:
    """From 2.85 on; where and whose it is, and another volume in its place, cannot."""
    attach(api)
    end_all(cloud)
    path, new = f"{PATH}/{VOLUME}", {"OpenStack-API-Version": "compute 2.85"}

    def put(token: str = DEMO, headers: dict[str, str] = new, **asked: Any) -> Any:
        return api("PUT", path, {"volumeAttachment": asked}, token=token, headers=headers)

    for wanted in (True, False):
        assert put(volumeId=VOLUME, delete_on_termination=wanted).status == 202
        shown = api("GET", path, headers=new).json["volumeAttachment"]
        assert shown["delete_on_termination"] is wanted
    assert put(volumeId=VOLUME, device="/dev/vdb", serverId=SERVER).status == 202
    assert put(volumeId=VOLUME, device="/dev/vdz").status == 400
    assert put(volumeId=VOLUME, serverId=SECOND).status == 400
    assert put(headers={}, volumeId=VOLUME, delete_on_termination=True).status == 400
    assert put(volumeId=SECOND).status == 403
    for asked in ({"volumeId": SECOND}, {"volumeId": SECOND, "delete_on_termination": True}):
        refused = put(ADMIN, **asked)
        assert refused.status == 409
        assert "is not migrating" in refused.json["conflictingRequest"]["message"]
    assert put(ADMIN, headers={}, volumeId=SECOND).status == 409
    assert (
        api(
            "PUT", f"{PATH}/{SECOND}", {"volumeAttachment": {"volumeId": VOLUME}}, token=ADMIN
        ).status
        == 404
    )
    assert put(OTHER, volumeId=VOLUME, delete_on_termination=True).status == 404


def test_a_tag_is_the_volumes_until_it_leaves(api: Api, cloud: Cloud) -> None:
    """Taken from 2.49 on, shown from 2.70 on; a failure forgets it, too."""

    def ask(method: str, version: str, path: str = "", body: Any = None) -> Any:
        headers = {"OpenStack-API-Version": f"compute {version}"}
        return api(method, PATH + path, body, headers=headers)

    def wanted(**more: Any) -> Any:
        return {"volumeAttachment": {"volumeId": VOLUME, **more}}

    assert ask("POST", "2.48", body=wanted(tag="data")).status == 400
    assert ask("POST", "2.49", body=wanted(tag="a,b")).status == 400
    answer = ask("POST", "2.100", body=wanted(tag="data"))
    assert answer.json["volumeAttachment"]["tag"] == "data"
    for version, expected in (("2.69", None), ("2.70", "data")):
        shown = ask("GET", version, f"/{VOLUME}").json["volumeAttachment"]
        [listed] = ask("GET", version).json["volumeAttachments"]
        assert (shown.get("tag"), listed.get("tag")) == (expected, expected)
        assert ("tag" in shown) is (version == "2.70")
    end_all(cloud, error="it broke")
    assert device_tags.list_tags(cloud.db, SERVER) == {}
    ask("POST", "2.49", body=wanted(tag="data"))
    end_all(cloud)
    api("DELETE", f"{PATH}/{VOLUME}")
    assert device_tags.list_tags(cloud.db, SERVER) == {VOLUME: "data"}
    end_all(cloud)
    assert device_tags.list_tags(cloud.db, SERVER) == {}
    change(cloud, SERVER, vm_state=VmState.SHELVED_OFFLOADED, host=None, node=None)
    refused = ask("POST", "2.49", body=wanted(tag="data"))
    assert (refused.status, refused.json["badRequest"]["message"]) == (
        400, "Tagged volume attachment is not supported for shelved-offloaded instances.",
    )  # fmt: skip


def test_a_shelved_server_gets_and_loses_volumes_from_2_20_on(api: Api, cloud: Cloud) -> None:
    def ask(method: str, version: str, path: str = "") -> Any:
        body = {"volumeAttachment": {"volumeId": VOLUME}} if method == "POST" else None
        headers = {"OpenStack-API-Version": f"compute {version}"}
        return api(method, PATH + path, body, headers=headers)

    change(cloud, SERVER, vm_state=VmState.SHELVED_OFFLOADED, host=None, node=None)
    for method, path, action, done in (
        ("POST", "", "attach_volume", 200), ("DELETE", f"/{VOLUME}", "detach_volume", 202),
    ):  # fmt: skip
        refused = ask(method, "2.19", path)
        assert (refused.status, refused.json["conflictingRequest"]["message"]) == (
            409, f"Cannot '{action}' instance {SERVER} while it is in vm_state shelved_offloaded",
        )  # fmt: skip
        assert ask(method, "2.20", path).status == done


def test_what_a_server_boots_from_stays(api: Api, cloud: Cloud) -> None:
    attach(api)
    end_all(cloud)
    with cloud.db.write() as connection:
        connection.execute(schema.volume_attachments.update().values(boot_index=0))
    refused = api("DELETE", f"{PATH}/{VOLUME}")
    assert (refused.status, refused.json["badRequest"]["message"]) == (
        400, "Cannot detach a root device volume",
    )  # fmt: skip
