"""What projects used, which extensions there are, and what is no more."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.db import schema
from devstack_lite.states import VmState
from services.api.controllers.extensions import EXTENSIONS
from services.api.controllers.removed import REMOVED
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, OTHER_PROJECT, Api, Cloud
from tests.api.test_compute_servers import change, record

LONG = "00000000-0000-4000-8000-0000000000b1"
ENDED = "00000000-0000-4000-8000-0000000000b2"
NEVER = "00000000-0000-4000-8000-0000000000b3"
THEIRS = "00000000-0000-4000-8000-0000000000b4"
NOON = datetime.datetime(2020, 1, 1, 12, tzinfo=datetime.UTC)
PATH = "/v2.1/os-simple-tenant-usage"
DAY = "start=2020-01-01T12:00:00&end=2020-01-02T12:00:00"


def hours(number: float) -> datetime.datetime:
    """Return so many hours after noon."""
    return NOON + datetime.timedelta(hours=number)


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Iterator[Api]:
    """Servers of two projects: one that runs since morning, one that ran two hours, one neither."""
    record(cloud, DEMO_PROJECT, [LONG, ENDED, NEVER], "used")
    record(cloud, OTHER_PROJECT, [THEIRS], "theirs")
    change(cloud, LONG, launched_at=hours(-3), vm_state=VmState.ACTIVE)
    change(cloud, ENDED, launched_at=hours(1), terminated_at=hours(3), deleted_at=hours(3),
           vm_state=VmState.DELETED)  # fmt: skip
    change(cloud, THEIRS, launched_at=hours(23))
    yield cloud.api("osapi_compute")
    with cloud.db.write() as connection:
        for table in (schema.instances, schema.quota_usages, schema.instance_actions):
            connection.execute(sa.delete(table))


def message(answer: Any) -> str:
    """Return the text of a fault."""
    return str(next(iter(answer.json.values()))["message"])


def test_a_projects_usage(api: Api) -> None:
    """24 hours of one and 2 of the other, times their size; each server with its own times."""
    answer = api("GET", f"{PATH}/{DEMO_PROJECT}?{DAY}")
    assert answer.status == 200, answer.data
    found = answer.json["tenant_usage"]
    servers = found.pop("server_usages")
    assert found == {
        "tenant_id": DEMO_PROJECT, "total_hours": 26.0, "total_vcpus_usage": 26.0,
        "total_memory_mb_usage": 26.0 * 512, "total_local_gb_usage": 26.0,
        "start": "2020-01-01T12:00:00.000000", "stop": "2020-01-02T12:00:00.000000",
    }  # fmt: skip
    assert [one["instance_id"] for one in servers] == [LONG, ENDED]
    assert servers[1] == {
        "name": "used-2", "instance_id": ENDED, "tenant_id": DEMO_PROJECT, "flavor": "m1.tiny",
        "hours": 2.0, "vcpus": 1, "memory_mb": 512, "local_gb": 1, "state": "terminated",
        "started_at": "2020-01-01T13:00:00.000000", "ended_at": "2020-01-01T15:00:00.000000",
        "uptime": 7200,
    }  # fmt: skip
    assert (servers[0]["state"], servers[0]["ended_at"]) == ("active", None)


def test_all_projects_usage(api: Api) -> None:
    """Without the servers unless they are asked for."""
    listed = api("GET", f"{PATH}?{DAY}", token=ADMIN).json["tenant_usages"]
    assert {one["tenant_id"]: one["total_hours"] for one in listed} == {
        DEMO_PROJECT: 26.0, OTHER_PROJECT: 1.0
    }  # fmt: skip
    assert all("server_usages" not in one for one in listed)
    detailed = api("GET", f"{PATH}?{DAY}&detailed=1", token=ADMIN).json["tenant_usages"]
    assert [len(one["server_usages"]) for one in detailed] == [2, 1]
    early = api("GET", f"{PATH}?start=2019-01-01T00:00:00&end=2019-01-02 00:00:00.0", token=ADMIN)
    assert early.json == {"tenant_usages": []}
    assert api("GET", f"{PATH}", token=ADMIN).status == 200


def test_who_had_nothing(api: Api) -> None:
    """An empty object."""
    assert api("GET", f"{PATH}/{'f' * 32}?{DAY}", token=ADMIN).json == {"tenant_usage": {}}


@pytest.mark.parametrize(
    "query", ["start=x", "end=2020-13-01T00:00:00", f"{DAY[-23:]}&start=2031-01-01T00:00:00"]
)
def test_times_that_are_refused(api: Api, query: str) -> None:
    """400 for what is no time, and for a start that is after the end."""
    assert api("GET", f"{PATH}/{DEMO_PROJECT}?{query}").status == 400


def test_who_may_look(api: Api) -> None:
    """Members see their own project's; all is for administrators, as the migrations are."""
    for path, token, rule in (
        (PATH, DEMO, "os-simple-tenant-usage:list"),
        (f"{PATH}/{DEMO_PROJECT}", OTHER, "os-simple-tenant-usage:show"),
        ("/v2.1/os-migrations", DEMO, "os-migrations:index"),
    ):
        refused = api("GET", path, token=token)
        text = f"Policy doesn't allow os_compute_api:{rule} to be performed."
        assert (refused.status, message(refused)) == (403, text)
    assert api("GET", "/v2.1/os-migrations", token=ADMIN).json == {"migrations": []}


def test_no_project_has_the_empty_name(api: Api) -> None:
    """A slash more is another URL, as in Nova."""
    assert api("GET", f"{PATH}/?{DAY}", token=ADMIN).status == 404


@pytest.mark.parametrize(
    ("moment", "begin", "end"),
    [
        ("2020-03-15 12:00:00", "2020-02-01", "2020-03-01"),
        ("2020-01-02 00:00:00.5", "2019-12-01", "2020-01-01"),
        ("2020-03-01 00:00:00", "2020-01-01", "2020-02-01"),
    ],
)
def test_no_host_has_reported_usage(api: Api, moment: str, begin: str, end: str) -> None:
    """The month that was over by then, and each host among those that have not run."""
    path = "/v2.1/os-instance_usage_audit_log"
    log = api("GET", f"{path}/{moment}", token=ADMIN).json["instance_usage_audit_log"]
    period = (f"{begin} 00:00:00", f"{end} 00:00:00")
    assert (log["period_beginning"], log["period_ending"]) == period
    now = api("GET", path, token=ADMIN).json["instance_usage_audit_logs"]
    assert set(now) == set(log)
    assert now["num_hosts"] == now["num_hosts_not_run"] == len(now["hosts_not_run"])


def test_who_may_see_which_hosts_reported(api: Api) -> None:
    """Administrators; 400 for what is no time."""
    path = "/v2.1/os-instance_usage_audit_log"
    for one in (path, f"{path}/2020-03-15 12:00:00"):
        assert api("GET", one, token=DEMO).status == 403
    assert api("GET", f"{path}/x", token=ADMIN).status == 400


def test_extensions(api: Api) -> None:
    """Listed in Nova's form, shown by alias; 404 for others."""
    listed = api("GET", "/v2.1/extensions").json["extensions"]
    assert {one["alias"] for one in listed} == set(EXTENSIONS)
    keys = {"alias", "name", "description", "namespace", "updated", "links"}
    assert all(set(one) == keys for one in listed)
    assert api("GET", "/v2.1/extensions/os-volumes").json["extension"]["name"] == "Volumes"
    assert api("GET", "/v2.1/extensions/os-cells").status == 404


@pytest.mark.parametrize("path", sorted(REMOVED))
def test_what_is_no_more(api: Api, path: str) -> None:
    """410 by every method that it had, with or without a body."""
    url = "/v2.1" + path.replace("{", "").replace("}", "")
    for method in REMOVED[path].split():
        answer = api(method, url, {} if method in {"POST", "PUT"} else None)
        assert answer.status == 410
        assert answer.json["computeFault"]["code"] == 410
        assert message(answer).startswith("This resource is no longer available.")


def test_usage_is_paged_from_2_40_on(api: Api) -> None:
    """By servers, across projects; each page counts its own. Before, no page is asked for."""

    def ask(path: str, version: str = "2.40") -> Any:
        headers = {"OpenStack-API-Version": f"compute {version}"}
        return api("GET", path, token=ADMIN, headers=headers)

    pages, path = [], f"{PATH}?{DAY}&detailed=1&limit=2"
    while path:
        pages.append(ask(path).json)
        links = pages[-1].get("tenant_usages_links")
        path = "/v2.1/" + links[0]["href"].partition("/v2.1/")[2] if links else ""
    seen = [
        [server["instance_id"] for one in page["tenant_usages"] for server in one["server_usages"]]
        for page in pages
    ]
    assert sorted(uuid for page in seen for uuid in page) == [LONG, ENDED, THEIRS]
    assert [len(page) for page in seen] == [2, 1]
    first = ask(f"{PATH}/{DEMO_PROJECT}?{DAY}&limit=1").json
    assert first["tenant_usage"]["total_hours"] == 24.0
    assert f"marker={LONG}" in first["tenant_usage_links"][0]["href"]
    last = ask(f"{PATH}/{DEMO_PROJECT}?{DAY}&limit=2&marker={LONG}").json
    assert last["tenant_usage"]["total_hours"] == 2.0
    assert "tenant_usage_links" not in last
    unknown = ask(f"{PATH}?{DAY}&marker=nobody")
    assert (unknown.status, message(unknown)) == (400, "Marker nobody could not be found.")
    whole = ask(f"{PATH}/{DEMO_PROJECT}?{DAY}&limit=1", "2.39").json
    assert (whole["tenant_usage"]["total_hours"], "tenant_usage_links" in whole) == (26.0, False)


def test_time_to_come_is_not_counted(api: Api) -> None:
    """An end after now is now, as clients that ask up to tomorrow expect it."""
    found = api("GET", f"{PATH}/{DEMO_PROJECT}?start=2020-01-01T12:00:00&end=2999-01-01T12:00:00")
    used = found.json["tenant_usage"]
    since = datetime.datetime.now(datetime.UTC) - NOON
    assert abs(used["total_hours"] - 2 - since.total_seconds() / 3600) < 1


def test_what_ironic_has_is_not_here(api: Api) -> None:
    """501 for what Nova asks it, 400 in Nova's words for what it never did; up to 2.35."""
    nodes = "/v2.1/os-baremetal-nodes"
    for path in (nodes, f"{nodes}/1"):
        assert api("GET", path, token=DEMO).status == 403
        answer = api("GET", path, token=ADMIN)
        assert (answer.status, message(answer)) == (
            501, "Ironic client unavailable, cannot access Ironic.",
        )  # fmt: skip
    for method, path, body, command in (
        ("POST", nodes, {"node": {}}, "node-create"),
        ("DELETE", f"{nodes}/1", None, "node-delete"),
        ("POST", f"{nodes}/1/action", {"add_interface": {"address": "x"}}, "port-create"),
        ("POST", f"{nodes}/1/action", {"remove_interface": {"address": "x"}}, "port-delete"),
    ):
        answer = api(method, path, body, token=DEMO)
        said = f"Command not supported. Please use Ironic command {command} to perform this action."
        assert (answer.status, message(answer)) == (400, said)
        later = {"OpenStack-API-Version": "compute 2.36"}
        assert api(method, path, body, token=ADMIN, headers=later).status == 404
