"""/os-assisted-volume-snapshots: the host and the volume service are real, whoever asks is not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from devstack_lite.clients.volume import VolumeClient
from devstack_lite.clock import utcnow
from devstack_lite.db import schema, volume_attachments, volumes
from devstack_lite.db.schema_volumes import volume_snapshots
from devstack_lite.objects.volume import Volume, VolumeAttachment, VolumeQuota
from devstack_lite.states import TaskState, VmState
from services.compute.driver import LibvirtDriver
from services.compute.guest import GuestConfig, GuestVolume
from tests.api.answering_host import host_of
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, Api, Cloud
from tests.api.test_compute_inspection import message
from tests.api.test_compute_servers import change, record
from tests.unit.fake_hypervisor.test_disk_chains import files

SERVER = "00000000-0000-4000-8000-0000000000e0"
SECOND = "00000000-0000-4000-8000-0000000000e1"
VOLUME = "00000000-0000-4000-8000-0000000000e2"
PATH = "/v2.1/os-assisted-volume-snapshots"
SERVICE = f"cinder:{DEMO_PROJECT}:service"
MERGED = {"volume_id": VOLUME, "type": "qcow2", "file_to_merge": None, "merge_target_file": None}


@pytest.fixture(scope="module")
def volume(cloud: Cloud) -> Api:
    """The volume service, which the host asks by HTTP."""
    cloud.conf.set_override("volume", f"{cloud.serve('volume')}/v3", group="endpoints")
    return cloud.api("volume")


@pytest.fixture(scope="module")
def driver(
    cloud: Cloud, volume: Api, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LibvirtDriver]:
    """The host's driver on a store of its own; the host answers messages."""
    client = VolumeClient(cloud.conf.endpoints.volume, timeout_s=10.0)
    with host_of(cloud.conf, tmp_path_factory.mktemp("store"), volume=client) as made:
        yield made


@pytest.fixture
def api(cloud: Cloud, driver: LibvirtDriver) -> Iterator[Api]:
    """The compute API over a server that runs and has a volume."""
    record(cloud, DEMO_PROJECT, [SERVER, SECOND], "holder")
    for name in (SERVER, SECOND):
        change(cloud, name, vm_state=VmState.ACTIVE, task_state=None, host="host1", node="host1",
               operation=None, launched_at=utcnow())  # fmt: skip
    made = Volume(id=VOLUME, project_id=DEMO_PROJECT, user_id="demo", size_gb=1, multiattach=True,
                  status="available", created_at=utcnow())  # fmt: skip
    volumes.create_volume(cloud.db, volume=made, quota=VolumeQuota())
    attach(cloud, SERVER)
    disk = GuestVolume(volume_id=VOLUME, source_path="/vol/base", device="/dev/vdb")
    driver.spawn(GuestConfig(
        uuid=SERVER, name="instance-1", node="host1", vcpus=1, memory_mb=64, image_path="/disk",
        volumes=(disk,),
    ))  # fmt: skip
    yield cloud.api("osapi_compute")
    driver.destroy("host1", SERVER)
    with cloud.db.write() as connection:
        for table in (schema.volume_attachments, volume_snapshots, schema.volumes,
                      schema.instances, schema.instance_actions):  # fmt: skip
            connection.execute(sa.delete(table))


def attach(cloud: Cloud, server: str) -> None:
    made = VolumeAttachment(id=str(uuid.uuid4()), volume_id=VOLUME, instance_uuid=server,
                            status="attached")  # fmt: skip
    volume_attachments.create_attachment(cloud.db, attachment=made)


def make_snapshot(volume: Api, status: str) -> str:
    """Return a snapshot that a volume driver has in hand."""
    body = {"snapshot": {"volume_id": VOLUME, "force": True}}
    made = volume("POST", "/v3/snapshots", body, token=ADMIN)
    assert made.status == 202, made.data
    snapshot_id = str(made.json["snapshot"]["id"])
    reset = {"os-reset_status": {"status": status}}
    path = f"/v3/snapshots/{snapshot_id}/action"
    assert volume("POST", path, reset, token=ADMIN).status == 202
    return snapshot_id


def status_of(volume: Api, snapshot_id: str) -> str:
    shown = volume("GET", f"/v3/snapshots/{snapshot_id}", token=ADMIN)
    return str(shown.json["snapshot"]["status"])


def create(api: Api, snapshot_id: str, *, token: str = ADMIN, **more: Any) -> Any:
    info = {"snapshot_id": snapshot_id, "type": "qcow2", "new_file": "new"}
    body = {"snapshot": {"volume_id": VOLUME, "create_info": info} | more}
    return api("POST", PATH, body, token=token)


def delete(api: Api, snapshot_id: str, delete_info: Any, *, token: str = ADMIN) -> Any:
    query = urlencode({"delete_info": json.dumps(delete_info)})
    return api("DELETE", f"{PATH}/{snapshot_id}?{query}", token=token)


def source(driver: LibvirtDriver) -> list[str]:
    with driver.domain("look at", "host1", SERVER) as domain:
        return files(domain)


@pytest.mark.parametrize("token", [ADMIN, SERVICE])
def test_there_and_back(api: Api, driver: LibvirtDriver, volume: Api, token: str) -> None:
    """The guest's disk goes on in the new file, and what was below is merged into it."""
    snapshot_id = make_snapshot(volume, "creating")
    answer = create(api, snapshot_id, token=token)
    assert (answer.status, answer.json) == (200, {"snapshot": {"id": None, "volumeId": VOLUME}})
    assert source(driver) == ["/vol/new", "/vol/base"]
    assert status_of(volume, snapshot_id) == "creating"
    removed = make_snapshot(volume, "deleting")
    answer = delete(api, removed, MERGED, token=token)
    assert (answer.status, answer.data) == (204, b"")
    assert source(driver) == ["/vol/new"]
    assert status_of(volume, removed) == "deleting"


def test_what_the_host_cannot_do_is_told_to_the_volume_service(
    api: Api, driver: LibvirtDriver, volume: Api
) -> None:
    """Whoever asked of a guest that is gone, or not enough, hears of it there alone, as in Nova."""
    removed = make_snapshot(volume, "deleting")
    assert delete(api, removed, {"volume_id": VOLUME}).status == 204
    assert status_of(volume, removed) == "error_deleting"
    driver.destroy("host1", SERVER)
    snapshot_id = make_snapshot(volume, "creating")
    assert create(api, snapshot_id).status == 200
    assert status_of(volume, snapshot_id) == "error"


def test_a_snapshot_that_nobody_knows(api: Api, driver: LibvirtDriver, volume: Api) -> None:
    """The disk goes on; one that nobody is making stays as it is."""
    info = {"snapshot_id": "x/y", "type": "qcow2", "new_file": "new", "id": "7"}
    answer = create(api, "", create_info=info)
    assert (answer.status, answer.json["snapshot"]["id"]) == (200, "7")
    assert source(driver) == ["/vol/new", "/vol/base"]
    ready = make_snapshot(volume, "available")
    assert create(api, ready).status == 200
    assert status_of(volume, ready) == "available"
    assert delete(api, "None", MERGED).status == 204


def test_no_host_answers(api: Api, cloud: Cloud, driver: LibvirtDriver, volume: Api) -> None:
    """503: nothing says whether it was done; the snapshot is as it was."""
    change(cloud, SERVER, host="nowhere")
    snapshot_id = make_snapshot(volume, "creating")
    assert create(api, snapshot_id).status == 503
    assert status_of(volume, snapshot_id) == "creating"
    assert source(driver) == ["/vol/base"]


def test_only_administrators_and_services_may(api: Api, driver: LibvirtDriver) -> None:
    """403, of one's own server and of another's."""
    for token in (DEMO, OTHER):
        assert create(api, "s", token=token).status == 403
        assert delete(api, "s", MERGED, token=token).status == 403
    assert source(driver) == ["/vol/base"]


def test_a_volume_that_one_server_has(api: Api, cloud: Cloud) -> None:
    """In Nova's words: of none, and of several."""
    answers = [
        create(api, "s", volume_id="nothing"),
        delete(api, "s", {**MERGED, "volume_id": "nothing"}),
    ]
    attach(cloud, SECOND)
    for answer in answers:
        expected = "No volume Block Device Mapping with id nothing."
        assert (answer.status, message(answer)) == (400, expected)
    text = "is a multi-attach volume and is not valid for this operation."
    for answer in (create(api, "s"), delete(api, "s", MERGED)):
        expected = f"Block Device Mapping {VOLUME} {text}"
        assert (answer.status, message(answer)) == (400, expected)


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"task_state": TaskState.REBOOTING}, "task_state rebooting"),
        ({"launched_at": None}, "launched_at None"),
        ({"host": None}, ""),
    ],
)
def test_a_server_s_state(api: Api, cloud: Cloud, values: Any, state: str) -> None:
    """400 in Nova's words, of a server that something is done to, or that is nowhere."""
    change(cloud, SERVER, **values)
    asked = {"create": create(api, "s"), "delete": delete(api, "s", MERGED)}
    for what, answer in asked.items():
        text = (
            f"Instance {SERVER} in {state}. Cannot do_volume_snapshot_{what} while the instance is"
            " in this state."
        )
        expected = text if state else f"Instance {SERVER} is not ready"
        assert (answer.status, message(answer)) == (400, expected)


def test_what_is_below_is_merged_while_the_guest_runs(
    api: Api, cloud: Cloud, driver: LibvirtDriver
) -> None:
    """400 of a server that is off; what is above is merged there, too."""
    assert create(api, "s").status == 200
    driver.power_off("host1", SERVER)
    change(cloud, SERVER, vm_state=VmState.STOPPED)
    refused = delete(api, "s", {**MERGED, "file_to_merge": "a", "merge_target_file": "b"})
    expected = (
        f"Instance {SERVER} in vm_state stopped. Cannot volume_snapshot_delete while the instance"
        " is in this state."
    )
    assert (refused.status, message(refused)) == (400, expected)
    assert delete(api, "s", MERGED).status == 204
    assert source(driver) == ["/vol/new"]


@pytest.mark.parametrize(
    "query",
    ["", "delete_info=", "delete_info=x", "delete_info=7", "delete_info=[]", "delete_info={}",
     "delete_info=" + "[" * 20_000, 'delete_info={"volume_id":"\\u0000"}',
     'delete_info={"volume_id":"x","type":"\\ud800"}', 'delete_info={"volume_id":[]}',
     'delete_info={"volume_id":null}'],
    ids=lambda query: query[12:36],
)  # fmt: skip
def test_a_delete_info_that_says_nothing(api: Api, query: str) -> None:
    """400, whatever is wrong with it."""
    assert api("DELETE", f"{PATH}/s?{query}", token=ADMIN).status == 400
