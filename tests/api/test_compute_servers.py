"""Lists of servers: pages, filters, order, and whose they are; recorded, not booted."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import builds, images
from devstack_lite.db.quotas import Limits
from devstack_lite.db.schema import instances
from devstack_lite.objects.compute import BootRequest, Flavor
from devstack_lite.objects.image import Image
from devstack_lite.states import VmState
from tests.api.conftest import ADMIN, ADMIN_PROJECT, DEMO, DEMO_PROJECT, OTHER, Api, Cloud

UNLIMITED = Limits(instances=-1, cores=-1, ram=-1)
FLAVOR = Flavor(id="1", name="m1.tiny", vcpus=1, memory_mb=512, root_gb=1)
DEMO_IDS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(6)]
ADMIN_ID = "00000000-0000-4000-8000-0000000000aa"
IMAGE = "00000000-0000-4000-8000-0000000000f0"
BEGIN = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)


def record(cloud: Cloud, project_id: str, uuids: list[str], name: str) -> None:
    """Record servers as a boot request does."""
    context = RequestContext(user_id=project_id[:1], project_id=project_id)
    boot = BootRequest(
        name=name, flavor=FLAVOR, image_ref="i" * 8, image_properties={},
        instance_uuids=tuple(uuids), networks=(), availability_zone=None, key_name=None,
        key_data=None, metadata={}, user_data=None, config_drive=False, description=None,
        reservation_id="r-12345678", scheduler_hints={}, access_ip_v4=None, access_ip_v6=None,
    )  # fmt: skip
    builds.create_instances(cloud.db, context, boot, UNLIMITED)


def change(cloud: Cloud, uuid: str, **values: Any) -> None:
    with cloud.db.write() as connection:
        connection.execute(instances.update().where(instances.c.uuid == uuid).values(**values))


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Iterator[Api]:
    """The compute API over six servers of one project, a second apart, and one of another."""
    record(cloud, DEMO_PROJECT, DEMO_IDS, "vm")
    record(cloud, ADMIN_PROJECT, [ADMIN_ID], "admins")
    for number, uuid in enumerate(DEMO_IDS):
        moment = BEGIN + datetime.timedelta(seconds=number)
        change(cloud, uuid, created_at=moment, updated_at=moment, vm_state=VmState.ACTIVE,
               task_state=None, host=f"host{number % 2}")  # fmt: skip
    change(cloud, DEMO_IDS[1], vm_state=VmState.STOPPED)
    change(cloud, DEMO_IDS[2], vm_state=VmState.ERROR)
    change(cloud, DEMO_IDS[5], deleted_at=utcnow(), vm_state=VmState.DELETED)
    yield cloud.api("osapi_compute")
    with cloud.db.write() as connection:
        connection.execute(sa.delete(instances))


def numbers(api: Api, query: str, token: str = DEMO) -> list[int]:
    """Return which of the project's servers a list shows, by number; -1 for the other's."""
    answer = api("GET", f"/v2.1/servers?{query}", token=token)
    assert answer.status == 200, answer.data
    ids = [one["id"] for one in answer.json["servers"]]
    return [DEMO_IDS.index(one) if one in DEMO_IDS else -1 for one in ids]


def test_servers_come_newest_first(api: Api) -> None:
    """Without a query: the project's own that are not deleted, the latest first."""
    assert numbers(api, "") == [4, 3, 2, 1, 0]


def test_pages_follow_each_other(api: Api) -> None:
    """The next link of each full page leads through all servers, none twice."""
    path, seen = "/v2.1/servers/detail?limit=2", []
    while path:
        page = api("GET", path).json
        seen += [DEMO_IDS.index(one["id"]) for one in page["servers"]]
        links = page.get("servers_links", [])
        path = links[0]["href"].removeprefix("http://cloud.test") if links else ""
    assert seen == [4, 3, 2, 1, 0]


def test_pages_hold_in_any_order(api: Api) -> None:
    """A marker stands for its place in the order that was asked for, equal values included."""
    order = "sort_key=vm_state&sort_dir=asc&sort_key=created_at&sort_dir=desc"
    everything = numbers(api, order)
    assert everything == [4, 3, 0, 2, 1]
    by_pages: list[int] = []
    while page := numbers(
        api, order + "&limit=1" + (f"&marker={DEMO_IDS[by_pages[-1]]}" if by_pages else "")
    ):
        by_pages += page
    assert by_pages == everything


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("name=vm-3", [2]),
        ("name=^vm-[12]$", [1, 0]),
        ("status=ACTIVE", [4, 3, 0]),
        ("status=active&status=SHUTOFF", [4, 3, 1, 0]),
        ("status=ERROR", [2]),
        ("status=NEVERHEARD", []),
        ("flavor=1&limit=1", [4]),
        ("flavor=2", []),
        ("image=iiiiiiii&sort_key=created_at&sort_dir=asc", [0, 1, 2, 3, 4]),
        ("image=other", []),
        ("reservation_id=r-12345678&limit=2", [4, 3]),
        ("changes-since=2030-01-01T00:00:03Z", [5, 4, 3]),
        ("changes-before=2030-01-01T00:00:01Z", [4, 3, 2, 1, 0]),
        ("host=host1", [4, 3, 2, 1, 0]),
        ("deleted=true", [4, 3, 2, 1, 0]),
        ("unknown=filter", [4, 3, 2, 1, 0]),
        ("ip=10.", []),
        ("power_state=1", [4, 3, 2, 1, 0]),
    ],
)
def test_filters_of_a_member(api: Api, query: str, expected: list[int]) -> None:
    """Members filter by what they may know; what is for administrators is passed over."""
    assert numbers(api, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [-1]),
        ("all_tenants=1&host=host1", [3, 1]),
        ("all_tenants=1&host=host1&host=host0&status=ERROR", [2]),
        (f"all_tenants=1&project_id={DEMO_PROJECT}&limit=2", [4, 3]),
        ("all_tenants=1&vm_state=stopped", [1]),
        ("all_tenants=1&deleted=true", [5]),
        ("all_tenants=0", [-1]),
    ],
)
def test_filters_of_an_administrator(api: Api, query: str, expected: list[int]) -> None:
    """Administrators see all projects when they ask, by host, state and project."""
    assert numbers(api, query, ADMIN) == expected


@pytest.mark.parametrize(
    "query",
    ["name=[", "ip=[", "sort_key=secret", "sort_key=name&sort_dir=up", "changes-since=yesterday",
     "limit=ten", f"marker={'0' * 36}", "limit=" + "9" * 5000],
    ids=lambda query: query[:20],
)  # fmt: skip
def test_a_query_that_means_nothing_is_refused(api: Api, query: str) -> None:
    """400 in Nova's form."""
    answer = api("GET", f"/v2.1/servers?{query}")
    assert answer.status == 400
    assert answer.json["badRequest"]["code"] == 400


def test_a_pattern_that_would_take_for_ever_is_refused(cloud: Cloud, api: Api) -> None:
    """A client's regular expression holds nobody up: after a tenth of a second it is no pattern."""
    uuid = "00000000-0000-4000-8000-0000000000bb"
    record(cloud, ADMIN_PROJECT, [uuid], "a" * 40 + "!")
    answer = api("GET", "/v2.1/servers?name=(a|aa)%2B$", token=ADMIN)
    change(cloud, uuid, deleted_at=utcnow())
    assert answer.status == 400
    assert "is no pattern to look for" in answer.json["badRequest"]["message"]


def test_a_members_view_hides_the_hosts(api: Api) -> None:
    """Where a server runs is for administrators; members get an opaque hostId."""
    own = api("GET", f"/v2.1/servers/{DEMO_IDS[0]}", token=DEMO).json["server"]
    seen = api("GET", f"/v2.1/servers/{DEMO_IDS[0]}", token=ADMIN).json["server"]
    assert seen["OS-EXT-SRV-ATTR:host"] == "host0"
    assert "OS-EXT-SRV-ATTR:host" not in own
    assert own["hostId"] == seen["hostId"]
    assert "host0" not in own["hostId"]


def test_no_page_at_all(api: Api) -> None:
    """A limit of 0 is an empty page, and no link follows it."""
    assert api("GET", "/v2.1/servers/detail?limit=0").json == {"servers": []}


def test_an_update_is_answered_in_full_from_2_75_on(api: Api) -> None:
    """Before, only with what the first version of the API showed; a body may name nothing."""
    path = f"/v2.1/servers/{DEMO_IDS[3]}"
    shown = api("PUT", path, {"server": {"OS-DCF:diskConfig": "AUTO"}}).json["server"]
    assert shown["OS-DCF:diskConfig"] == "AUTO"
    later = {"OS-EXT-STS:vm_state", "OS-EXT-AZ:availability_zone", "config_drive", "key_name",
             "OS-SRV-USG:launched_at", "os-extended-volumes:volumes_attached"}  # fmt: skip
    assert not later & shown.keys()
    full = api("PUT", path, {"server": {}}, headers={"X-OpenStack-Nova-API-Version": "2.75"})
    assert later <= full.json["server"].keys()
    assert (
        full.json["server"]
        == api("GET", path, headers={"X-OpenStack-Nova-API-Version": "2.75"}).json["server"]
    )
    assert full.json["server"]["OS-DCF:diskConfig"] == "AUTO"


def test_a_rebuild_is_answered_in_full_from_2_75_on(cloud: Cloud, api: Api) -> None:
    """Before, without what later versions show; its user data has a name of its own."""
    image = Image(id=IMAGE, name="i", owner=DEMO_PROJECT, status="active", disk_format="raw")
    images.create_image(cloud.db, image=image)
    path = f"/v2.1/servers/{DEMO_IDS[4]}/action"
    for version, later in (("2.1", False), ("2.57", False), ("2.75", True)):
        headers = {"X-OpenStack-Nova-API-Version": version}
        answer = api("POST", path, {"rebuild": {"imageRef": IMAGE}}, token=ADMIN, headers=headers)
        assert answer.status == 202, answer.data
        shown = answer.json["server"]
        assert ("host_status" in shown, "OS-EXT-STS:vm_state" in shown) == (later, later)
        assert ("user_data" in shown) is (version != "2.1")
        assert "OS-EXT-SRV-ATTR:user_data" not in shown
        change(cloud, DEMO_IDS[4], task_state=None, operation=None, owner=None)


def test_addresses_by_network(cloud: Cloud, api: Api) -> None:
    """All of them by network, or those of one; IPv6 as short as it can be written."""
    ips = [{"version": 4, "address": "10.0.0.9"}]
    port = {"port_id": "p", "network_id": "n", "network_name": "blue", "mac": "fa:16", "ips": ips}
    change(cloud, DEMO_IDS[0], network_info=[port], access_ip_v6="0:0:0:0:0:babe:220.12.22.2")
    path = f"/v2.1/servers/{DEMO_IDS[0]}"
    blue = [{"version": 4, "addr": "10.0.0.9"}]
    assert api("GET", f"{path}/ips").json == {"addresses": {"blue": blue}}
    assert api("GET", f"{path}/ips/blue").json == {"blue": blue}
    missing = api("GET", f"{path}/ips/red")
    assert missing.status == 404
    assert (
        missing.json["itemNotFound"]["message"] == "Instance is not a member of specified network"
    )
    assert api("GET", path).json["server"]["accessIPv6"] == "::babe:dc0c:1602"
    change(cloud, DEMO_IDS[0], network_info=[])


def test_another_projects_servers_are_not_there(api: Api) -> None:
    """404 for whatever is asked of them, and they are in no list."""
    path = f"/v2.1/servers/{DEMO_IDS[0]}"
    asked: list[tuple[str, str, Any]] = [
        ("GET", "", None), ("DELETE", "", None), ("PUT", "", {"server": {"name": "x"}}),
        ("GET", "/ips", None), ("GET", "/os-instance-actions", None),
        ("GET", "/os-boot-trace", None),
        ("GET", "/os-interface", None), ("GET", "/os-security-groups", None),
        ("GET", "/os-volume_attachments", None), ("POST", "/action", {"os-stop": None}),
        ("POST", "/action", {"reboot": {"type": "SOFT"}}),
    ]  # fmt: skip
    seen = [api(method, path + rest, body, token=OTHER).status for method, rest, body in asked]
    assert seen == [404] * len(asked)
    assert numbers(api, "", OTHER) == []
    assert api("GET", "/v2.1/servers?all_tenants=1", token=OTHER).status == 403


def test_usage_is_counted_in_limits_and_quota(api: Api) -> None:
    """What was recorded counts, per project."""
    absolute = api("GET", "/v2.1/limits").json["limits"]["absolute"]
    assert (absolute["totalInstancesUsed"], absolute["totalRAMUsed"]) == (6, 6 * 512)
    detail = api("GET", f"/v2.1/os-quota-sets/{DEMO_PROJECT}/detail").json["quota_set"]
    assert detail["cores"]["in_use"] == 6
    foreign = api("GET", "/v2.1/limits", token=OTHER).json["limits"]["absolute"]
    assert foreign["totalInstancesUsed"] == 0
