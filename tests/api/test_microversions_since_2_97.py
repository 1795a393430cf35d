"""2.97 to 2.104: shares, image properties, hints, attaches, flavors, pinned zones."""

from __future__ import annotations

import uuid as uuids
from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import builds, hosts, networks, volumes
from devstack_lite.db.quotas import Limits
from devstack_lite.db.schema import instances
from devstack_lite.objects.network import Network
from devstack_lite.objects.volume import Volume, VolumeQuota
from devstack_lite.states import PowerState, VmState
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, Api, Cloud
from tests.api.test_microversions import NOBODY, Versioned, in_version
from tests.unit.conftest import make_boot, make_node

HOST = "host1"
READER = f"viewer:{DEMO_PROJECT}:reader"
HINTS = {"same_host": NOBODY, "different_host": [NOBODY]}
PROPERTIES = {"hw_disk_bus": "virtio", "os_type": "linux", "hw_cpu_cores": 2, "theirs": "x"}


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Api:
    return cloud.api("osapi_compute")


@pytest.fixture(scope="module")
def uuid(cloud: Cloud) -> str:
    """Give a running server of the demo project on a host that nobody answers for."""
    hosts.report_nodes(cloud.db, [make_node(HOST)])
    hosts.report_service(
        cloud.db, binary="nova-compute", host=HOST, topic="compute", availability_zone="nova"
    )
    context = RequestContext(user_id="demo", project_id=DEMO_PROJECT, roles=["member"])
    boot = make_boot(
        scheduler_hints=HINTS, image_properties=PROPERTIES, availability_zone="nova",
    )  # fmt: skip
    builds.create_instances(cloud.db, context, boot, Limits(instances=-1, cores=-1, ram=-1))
    change(cloud, boot.instance_uuids[0], host=HOST, node=HOST, vm_state=VmState.ACTIVE,
           task_state=None, operation=None, power_state=PowerState.RUNNING, launched_at=utcnow(),
           availability_zone="nova")  # fmt: skip
    return boot.instance_uuids[0]


def change(cloud: Cloud, uuid: str, **values: Any) -> None:
    with cloud.db.write() as connection:
        connection.execute(instances.update().where(instances.c.uuid == uuid).values(**values))


def message(answer: Any) -> str:
    return str(next(iter(answer.json.values()))["message"])


@pytest.fixture
def now(api: Api) -> Versioned:
    return in_version(api, "2.104")


# ------------------------------------------------------------------------------- 2.97: shares


def test_no_share_is_listed_or_found(api: Api, now: Versioned, uuid: str) -> None:
    shares = f"/servers/{uuid}/shares"
    assert now("GET", shares).json == {"shares": []}
    missing = now("GET", f"{shares}/{NOBODY}")
    assert (missing.status, message(missing)) == (404, f"Share {NOBODY} could not be found.")
    assert now("DELETE", f"{shares}/{NOBODY}").status == 409
    assert now("GET", f"{shares}?x=1").status == 400
    assert now("GET", shares, token=OTHER).status == 404
    assert in_version(api, "2.96")("GET", shares).status == 404


def test_a_share_goes_to_no_server_here(now: Versioned, cloud: Cloud, uuid: str) -> None:
    """Checked as Nova does: body, who asks, state, what the host can; then there is none."""
    shares = f"/servers/{uuid}/shares"
    body = {"share": {"share_id": NOBODY, "tag": "data"}}
    assert now("POST", shares, {"share": {"share_id": "x"}}).status == 400
    assert now("POST", shares, {"share": {"share_id": NOBODY, "tag": "a/b"}}).status == 400
    assert now("POST", shares, body, token=READER).status == 403
    running = now("POST", shares, body)
    assert (running.status, message(running)) == (
        409, f"Cannot 'create share' instance {uuid} while it is in vm_state active",
    )  # fmt: skip
    change(cloud, uuid, vm_state=VmState.STOPPED)
    unable = now("POST", shares, body)
    assert unable.status == 409
    assert message(unable).startswith("Feature not supported because")
    able = ("COMPUTE_STORAGE_VIRTIO_FS", "COMPUTE_MEM_BACKING_FILE")
    hosts.report_nodes(cloud.db, [make_node(HOST, traits=able)])
    missing = now("POST", shares, body)
    assert (missing.status, message(missing)) == (404, f"Share {NOBODY} could not be found.")
    assert now("DELETE", f"{shares}/{NOBODY}").status == 404
    change(cloud, uuid, vm_state=VmState.ACTIVE)


# -------------------------------------------------------------------------- 2.98, 2.100: shown


def test_a_server_shows_what_its_image_says(api: Api, now: Versioned, uuid: str) -> None:
    """What Nova knows of it, as text; in every answer that shows a server whole."""
    known = {"hw_disk_bus": "virtio", "os_type": "linux", "hw_cpu_cores": "2"}
    assert now("GET", f"/servers/{uuid}").json["server"]["image"]["properties"] == known
    assert now("GET", "/servers/detail").json["servers"][0]["image"]["properties"] == known
    renamed = now("PUT", f"/servers/{uuid}", {"server": {"name": "vm"}}).json["server"]
    assert renamed["image"]["properties"] == known
    before = in_version(api, "2.97")("GET", f"/servers/{uuid}").json["server"]["image"]
    assert "properties" not in before


def test_a_server_shows_its_hints(api: Api, now: Versioned, uuid: str) -> None:
    """Each as a list, as Nova keeps them."""
    shown = {"same_host": [NOBODY], "different_host": [NOBODY]}
    assert now("GET", f"/servers/{uuid}").json["server"]["scheduler_hints"] == shown
    assert now("GET", "/servers/detail").json["servers"][0]["scheduler_hints"] == shown
    assert (
        "scheduler_hints" not in in_version(api, "2.99")("GET", f"/servers/{uuid}").json["server"]
    )


# ------------------------------------------------------------------------------ 2.101: attach


def test_an_attach_is_answered_without_a_body(api: Api, cloud: Cloud, uuid: str) -> None:
    path = f"/servers/{uuid}/os-volume_attachments"
    answers = []
    for version in ("2.100", "2.101"):
        volume_id = str(uuids.uuid4())
        volumes.create_volume(cloud.db, volume=Volume(
            id=volume_id, project_id=DEMO_PROJECT, user_id="demo", size_gb=1, status="available",
            created_at=utcnow(), updated_at=utcnow(),
        ), quota=VolumeQuota())  # fmt: skip
        body = {"volumeAttachment": {"volumeId": volume_id}}
        answers.append(in_version(api, version)("POST", path, body))
    assert [one.status for one in answers] == [200, 202]
    assert set(answers[0].json["volumeAttachment"]) == {
        "id", "volumeId", "serverId", "device", "tag", "delete_on_termination",
    }  # fmt: skip
    assert answers[1].data == b""


# ------------------------------------------------------------------------- 2.102, 2.103: less


def test_flavors_are_found_by_name_and_show_less(api: Api, now: Versioned) -> None:
    size = {"name": "m1.named", "ram": 64, "vcpus": 1, "disk": 1, "id": "named"}
    made = now("POST", "/flavors", {"flavor": size}, ADMIN)
    assert made.status == 200
    gone = {"rxtx_factor", "OS-FLV-DISABLED:disabled"}
    assert not gone & set(made.json["flavor"])
    before = in_version(api, "2.101")
    assert gone <= set(before("GET", "/flavors/named").json["flavor"])
    assert now("POST", "/flavors", {"flavor": {**size, "rxtx_factor": 1.0}}, ADMIN).status == 400
    for pattern, found in (("named$", ["named"]), ("m2", []), ("%5Em1%5C.n", ["named"])):
        for path in ("/flavors", "/flavors/detail"):
            listed = now("GET", f"{path}?name={pattern}").json["flavors"]
            assert [one["id"] for one in listed] == found
    assert now("GET", "/flavors?name=(").status == 400
    assert before("GET", "/flavors?name=named").status == 400


@pytest.mark.parametrize(
    "path",
    ["/flavors/1", "/servers/{uuid}", "/servers/{uuid}/os-interface", "/servers/{uuid}/metadata",
     "/servers/{uuid}/ips", "/os-availability-zone", "/servers/{uuid}/os-security-groups",
     "/extensions"],
)  # fmt: skip
def test_queries_that_mean_nothing_are_refused(
    api: Api, now: Versioned, uuid: str, path: str
) -> None:
    """From 2.102 on; before, they are passed over."""
    asked = path.format(uuid=uuid) + "?x=1"
    answer = now("GET", asked, token=ADMIN)
    assert answer.status == 400
    assert "'x' was unexpected" in message(answer)
    assert in_version(api, "2.101")("GET", asked, token=ADMIN).status != 400


def test_os_volumes_boot_is_servers_until_2_102(api: Api, cloud: Cloud, uuid: str) -> None:
    """Under another name: lists, shows, acts and boots."""
    before, now = in_version(api, "2.102"), in_version(api, "2.103")
    network = Network(id=str(uuids.uuid4()), name="theirs", project_id=DEMO_PROJECT)
    networks.create_networks(cloud.db, [network])
    assert before("GET", "/os-volumes_boot").json["servers"][0]["id"] == uuid
    shown = before("GET", f"/os-volumes_boot/{uuid}").json
    assert shown == before("GET", f"/servers/{uuid}").json
    assert before("POST", f"/os-volumes_boot/{uuid}/action", {"lock": None}).status == 202
    with cloud.db.read() as connection:
        assert connection.execute(sa.select(instances.c.is_locked)).scalar_one()
    assert before("POST", "/os-volumes_boot", {"server": {"name": "x"}}).status == 400
    for method, path, body in (
        ("GET", "/os-volumes_boot", None), ("GET", "/os-volumes_boot/detail", None),
        ("GET", f"/os-volumes_boot/{uuid}", None), ("DELETE", f"/os-volumes_boot/{uuid}", None),
        ("PUT", f"/os-volumes_boot/{uuid}", {"server": {"name": "x"}}),
        ("POST", "/os-volumes_boot", {"server": {"name": "x"}}),
        ("POST", f"/os-volumes_boot/{uuid}/action", {"unlock": None}),
    ):  # fmt: skip
        assert now(method, path, body).status == 404
    assert now("POST", f"/servers/{uuid}/action", {"unlock": None}).status == 202


# -------------------------------------------------------------------------------- 2.104: pins


def pin(asker: Versioned, uuid: str, zone: str | None, token: str = DEMO) -> Any:
    return asker("PUT", f"/servers/{uuid}", {"server": {"pinned_availability_zone": zone}}, token)


def test_a_server_is_unpinned_and_pinned_to_its_zone(
    api: Api, now: Versioned, cloud: Cloud, uuid: str
) -> None:
    """Never from one zone to another; what it is already is a success."""

    def shown() -> Any:
        return now("GET", f"/servers/{uuid}").json["server"]["pinned_availability_zone"]

    change(cloud, uuid, requested_zone="nova")
    assert pin(now, uuid, "nova").json["server"]["pinned_availability_zone"] == "nova"
    other = pin(now, uuid, "other")
    assert (other.status, message(other)) == (409, (
        "Cannot change pinned availability zone directly. Unpin first by setting"
        " pinned_availability_zone to null."
    ))  # fmt: skip
    for _ in range(2):
        assert pin(now, uuid, None).json["server"]["pinned_availability_zone"] is None
        assert shown() is None
    elsewhere = pin(now, uuid, "other")
    assert (elsewhere.status, message(elsewhere)) == (409, (
        "Server can only be pinned to its current availability zone 'nova', but 'other' was"
        " requested."
    ))  # fmt: skip
    assert pin(now, uuid, "nova").status == 200
    assert shown() == "nova"
    assert pin(in_version(api, "2.103"), uuid, None).status == 400
    assert pin(now, uuid, None, OTHER).status == 404
    assert pin(now, uuid, "").status == 400
