"""The compute API but for servers: flavors, key pairs, limits, and what every answer has."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, Answer, Api, Cloud

SMALL = {"name": "small", "ram": 512, "vcpus": 1, "disk": 1}


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Api:
    """The compute API."""
    return cloud.api("osapi_compute")


@pytest.fixture
def flavors(api: Api) -> Any:
    """Makes flavors as admin, gone after the test; returns their ids."""
    made: list[str] = []

    def make(**values: Any) -> str:
        answer = api("POST", "/v2.1/flavors", {"flavor": {**SMALL, **values}}, token=ADMIN)
        assert answer.status == 200, answer.data
        made.append(answer.json["flavor"]["id"])
        return made[-1]

    yield make
    for flavor_id in made:
        api("DELETE", f"/v2.1/flavors/{flavor_id}", token=ADMIN)


def message(answer: Answer, status: int, name: str) -> str:
    """Return the fault's text, having checked its form."""
    assert answer.status == status, answer.data
    assert list(answer.json) == [name]
    assert answer.json[name]["code"] == status
    return str(answer.json[name]["message"])


def test_versions_are_told_to_anybody(api: Api) -> None:
    """The root lists v2.0 and v2.1 with the microversions that are offered, without a token."""
    answer = api("GET", "/", token=None)
    assert answer.status == 200
    versions = {one["id"]: one for one in answer.json["versions"]}
    assert set(versions) == {"v2.0", "v2.1"}
    newest = versions["v2.1"]
    assert (newest["status"], newest["min_version"], newest["version"]) == (
        "CURRENT",
        "2.1",
        "2.104",
    )
    assert newest["links"][0]["href"].endswith("/v2.1/")


@pytest.mark.parametrize("path", ["/v2.1", "/v2.1/", "/v2/"])
def test_a_version_tells_of_itself_to_anybody(api: Api, path: str) -> None:
    """/v2.1 answers with its own document, without a token."""
    answer = api("GET", path, token=None)
    assert answer.status == 200
    assert answer.json["version"]["id"] in {"v2.0", "v2.1"}


def test_every_answer_has_a_request_id(api: Api) -> None:
    """Found, refused, misdirected or unknown: both headers name the same new request."""
    answers = [
        api("GET", "/v2.1/flavors"),
        api("GET", "/v2.1/flavors", token=None),
        api("GET", "/v2.1/flavors/none"),
        api("GET", "/v2.1/nowhere"),
        api("PATCH", "/v2.1/flavors"),
        api("POST", "/v2.1/flavors", {"flavor": SMALL}, token=DEMO),
        api("POST", "/v2.1/flavors", data=b"a=b", headers={"Content-Type": "text/xml"}),
        api("POST", "/v2.1/flavors", data=b" " * 200_000),
        api("GET", "/v2.1/flavors", headers={"OpenStack-API-Version": "compute 2.9999"}),
    ]
    assert [one.status for one in answers] == [200, 401, 404, 404, 405, 403, 415, 413, 406]
    ids = [one.headers["x-openstack-request-id"] for one in answers]
    assert ids == [one.headers["x-compute-request-id"] for one in answers]
    assert len(set(ids)) == len(answers)
    assert all(one.startswith("req-") for one in ids)


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        ({}, "2.1"),
        ({"OpenStack-API-Version": "compute 2.1"}, "2.1"),
        ({"OpenStack-API-Version": "compute 2.53"}, "2.53"),
        ({"OpenStack-API-Version": "compute latest"}, "2.104"),
        ({"X-OpenStack-Nova-API-Version": "2.1"}, "2.1"),
        ({"OpenStack-API-Version": "volume 3.59"}, "2.1"),
    ],
)
def test_an_answer_says_its_microversion(api: Api, asked: dict[str, str], version: str) -> None:
    """Whichever header asked, both say the version, and caches are told of both."""
    answer = api("GET", "/v2.1/flavors", headers=asked)
    assert answer.status == 200
    assert answer.headers["OpenStack-API-Version"] == f"compute {version}"
    assert answer.headers["X-OpenStack-Nova-API-Version"] == version
    assert answer.headers["Vary"] == "OpenStack-API-Version, X-OpenStack-Nova-API-Version"


def test_a_fault_says_its_microversion(api: Api) -> None:
    """An error of a resource says in which version it is written, as Nova's do."""
    answer = api("GET", "/v2.1/flavors/none")
    assert answer.headers["OpenStack-API-Version"] == "compute 2.1"


def test_the_projects_id_in_the_url_is_the_tokens(api: Api) -> None:
    """The old form of URLs is taken; another project's id in it is refused."""
    assert api("GET", f"/v2.1/{DEMO_PROJECT}/flavors", token=DEMO).status == 200
    answer = api("GET", f"/v2.1/{DEMO_PROJECT}/flavors", token=OTHER)
    assert "doesn't match Context's project_id" in message(answer, 400, "badRequest")


JSON = {"Content-Type": "application/json"}
UNREADABLE: dict[str, tuple[Any, ...]] = {
    "query": ("GET", "/v2.1/servers?name=%FF", None),
    "nested": ("POST", "/v2.1/servers", b"[" * 50_000),
    "a NUL, deep down": ("POST", "/v2.1/servers/none/action",
                         b'{"lock": ' + b"[" * 600 + rb'"\u0000"' + b"]" * 600 + b"}"),
    "half a character": ("POST", "/v2.1/flavors",
                         b'{"flavor": {"name": "\\uD800", "ram": 1, "vcpus": 1, "disk": 1}}'),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_refused(api: Api, name: str) -> None:
    """No bytes of a client's choice are an error of the service: 400, not 500."""
    method, path, data = UNREADABLE[name]
    answer = api(method, path, data=data, headers=JSON if data else {}, token=ADMIN)
    message(answer, 400, "badRequest")


# ------------------------------------------------------------------------------------ flavors


def test_a_flavor_is_made_shown_listed_and_removed(api: Api, flavors: Any) -> None:
    """All that was said of it is shown, and after the delete it is not there."""
    flavor_id = flavors(name="whole", id="f1", swap=64, rxtx_factor="2.0",
                        **{"OS-FLV-EXT-DATA:ephemeral": 2})  # fmt: skip
    shown = api("GET", "/v2.1/flavors/f1").json["flavor"]
    links = shown.pop("links")
    assert shown == {
        "id": "f1", "name": "whole", "ram": 512, "vcpus": 1, "disk": 1, "swap": 64,
        "OS-FLV-EXT-DATA:ephemeral": 2, "OS-FLV-DISABLED:disabled": False,
        "os-flavor-access:is_public": True, "rxtx_factor": 2.0,
    }  # fmt: skip
    assert {link["rel"]: link["href"].rsplit("/", 2)[-1] for link in links} == {
        "self": "f1", "bookmark": "f1",
    }  # fmt: skip
    assert [one["id"] for one in api("GET", "/v2.1/flavors").json["flavors"]] == [flavor_id]
    assert api("GET", "/v2.1/flavors/f1/os-extra_specs").json == {"extra_specs": {}}
    assert api("DELETE", "/v2.1/flavors/f1", token=ADMIN).status == 202
    assert "f1 could not be found" in message(api("GET", "/v2.1/flavors/f1"), 404, "itemNotFound")
    assert api("DELETE", "/v2.1/flavors/f1", token=ADMIN).status == 404


@pytest.mark.parametrize(
    "change",
    [
        {"ram": 0}, {"ram": "0"}, {"ram": -1}, {"ram": "many"}, {"ram": 2**31},
        {"ram": "9999999999"}, {"vcpus": "0"}, {"vcpus": 1.5}, {"vcpus": True},
        {"disk": -1}, {"swap": "9999999999"},
        {"rxtx_factor": "fast"}, {"rxtx_factor": 0},
        {"rxtx_factor": "inf"}, {"name": ""}, {"name": "  "}, {"name": "n" * 256}, {"name": None},
        {"id": "bad/id"}, {"id": " spaced "}, {"colour": "red"},
        {"os-flavor-access:is_public": "maybe"},
    ],
    ids=str,
)  # fmt: skip
def test_a_flavor_that_cannot_be_is_refused(api: Api, change: dict[str, Any]) -> None:
    """400 that names the field, and nothing was made."""
    answer = api("POST", "/v2.1/flavors", {"flavor": {**SMALL, **change}}, token=ADMIN)
    said = message(answer, 400, "badRequest")
    assert next(iter(change)) in said
    assert api("GET", "/v2.1/flavors?is_public=none", token=ADMIN).json["flavors"] == []


def test_a_flavors_name_and_id_are_taken_once(api: Api, flavors: Any) -> None:
    """409 says which of the two is taken."""
    flavors(id="taken")
    for change, what in (({"id": "other"}, "name small"), ({"name": "other"}, "ID taken")):
        body = {"flavor": {**SMALL, "id": "taken", **change}}
        answer = api("POST", "/v2.1/flavors", body, token=ADMIN)
        assert message(answer, 409, "conflictingRequest") == f"Flavor with {what} already exists."


def test_only_administrators_change_flavors(api: Api, flavors: Any) -> None:
    """A member gets 403 in Nova's words."""
    flavors(id="kept")
    made = api("POST", "/v2.1/flavors", {"flavor": {**SMALL, "name": "mine"}})
    assert "os-flavor-manage:create" in message(made, 403, "forbidden")
    gone = api("DELETE", "/v2.1/flavors/kept")
    assert "os-flavor-manage:delete" in message(gone, 403, "forbidden")


def test_a_private_flavor_is_not_there_for_members(api: Api, flavors: Any) -> None:
    """Members neither list it, nor see it, nor boot with it."""
    flavors(id="hidden", name="hidden", **{"os-flavor-access:is_public": False})
    assert api("GET", "/v2.1/flavors/hidden", token=ADMIN).status == 200
    assert api("GET", "/v2.1/flavors/hidden", token=DEMO).status == 404
    assert api("GET", "/v2.1/flavors/hidden/os-extra_specs", token=DEMO).status == 404
    assert api("GET", "/v2.1/flavors?is_public=none", token=DEMO).json["flavors"] == []
    server = {"server": {"name": "x", "flavorRef": "hidden"}}
    answer = api("POST", "/v2.1/servers", server, token=DEMO)
    assert message(answer, 400, "badRequest") == "Flavor hidden could not be found."
    listed = {
        text: [one["id"] for one in
               api("GET", f"/v2.1/flavors?is_public={text}", token=ADMIN).json["flavors"]]
        for text in ("true", "false", "none")
    }  # fmt: skip
    assert listed == {"true": [], "false": ["hidden"], "none": ["hidden"]}


def test_flavors_come_in_pages(api: Api, flavors: Any) -> None:
    """limit and marker walk through all of them; the next link leads to the following page."""
    ids = [flavors(id=f"p{number}", name=f"p{number}", ram=number + 1) for number in range(5)]
    path, seen, pages = "/v2.1/flavors?limit=2", [], 0
    while path:
        page = api("GET", path).json
        seen += [one["id"] for one in page["flavors"]]
        links = page.get("flavors_links", [])
        path = links[0]["href"].removeprefix("http://cloud.test") if links else ""
        pages += 1
    assert (seen, pages) == (ids, 3)
    sorted_by = "/v2.1/flavors?sort_key=memory_mb&sort_dir=desc"
    assert [one["id"] for one in api("GET", sorted_by).json["flavors"]] == ids[::-1]
    large = api("GET", "/v2.1/flavors/detail?minRam=4").json["flavors"]
    assert [one["ram"] for one in large] == [4, 5]


@pytest.mark.parametrize(
    "query",
    ["limit=x", "limit=-1", "marker=none", "sort_key=colour", "sort_dir=up", "minRam=-1",
     "minDisk=x", "is_public=maybe", "limit=" + "9" * 5000, "minRam=" + "9" * 30],
    ids=lambda query: query[:20],
)  # fmt: skip
def test_a_query_that_means_nothing_is_refused(api: Api, query: str) -> None:
    """400, never the wrong list."""
    message(api("GET", f"/v2.1/flavors?{query}", token=ADMIN), 400, "badRequest")


# ---------------------------------------------------------------------------------- key pairs


def test_a_users_key_pairs_are_their_own(api: Api) -> None:
    """A pair is made with its private key once; another user does not see it."""
    made = api("POST", "/v2.1/os-keypairs", {"keypair": {"name": "own"}})
    assert made.status == 200
    keypair = made.json["keypair"]
    assert keypair["private_key"].startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    shown = api("GET", "/v2.1/os-keypairs/own").json["keypair"]
    assert "private_key" not in shown
    assert (shown["public_key"], shown["user_id"]) == (keypair["public_key"], "demo")
    assert api("GET", "/v2.1/os-keypairs/own", token=OTHER).status == 404
    assert api("GET", "/v2.1/os-keypairs", token=OTHER).json == {"keypairs": []}
    assert api("DELETE", "/v2.1/os-keypairs/own", token=OTHER).status == 404
    again = api("POST", "/v2.1/os-keypairs", {"keypair": {"name": "own"}})
    assert "already exists" in message(again, 409, "conflictingRequest")
    assert api("DELETE", "/v2.1/os-keypairs/own").status == 202
    assert api("GET", "/v2.1/os-keypairs").json == {"keypairs": []}


@pytest.mark.parametrize(
    "keypair",
    [{"name": "a/b"}, {"name": ""}, {"name": "k" * 256}, {"name": 7}, {},
     {"name": "k", "public_key": "ssh-rsa nothing"}, {"name": "k", "public_key": "x"},
     {"name": "k", "colour": "red"}],
    ids=str,
)  # fmt: skip
def test_a_key_pair_that_cannot_be_is_refused(api: Api, keypair: dict[str, Any]) -> None:
    """400, and nothing was made."""
    message(api("POST", "/v2.1/os-keypairs", {"keypair": keypair}), 400, "badRequest")
    assert api("GET", "/v2.1/os-keypairs").json == {"keypairs": []}


def test_key_pairs_have_a_quota(api: Api, cloud: Cloud) -> None:
    """One more than the configuration allows is 403; what is there stays."""
    cloud.conf.set_override("key_pairs", 2, group="quota")
    try:
        for name in ("k1", "k2"):
            assert api("POST", "/v2.1/os-keypairs", {"keypair": {"name": name}}).status == 200
        refused = api("POST", "/v2.1/os-keypairs", {"keypair": {"name": "k3"}})
        message(refused, 403, "forbidden")
    finally:
        cloud.conf.clear_override("key_pairs", group="quota")
    assert len(api("GET", "/v2.1/os-keypairs").json["keypairs"]) == 2
    for name in ("k1", "k2"):
        assert api("DELETE", f"/v2.1/os-keypairs/{name}").status == 202


# --------------------------------------------------------------------------- limits and quotas


def test_limits_are_the_configurations(api: Api, cloud: Cloud) -> None:
    """/limits and the quota sets say the same numbers; nothing is used yet."""
    absolute = api("GET", "/v2.1/limits").json["limits"]["absolute"]
    quota = cloud.conf.quota
    assert absolute["maxTotalInstances"] == quota.instances
    assert absolute["maxTotalCores"] == quota.cores
    assert absolute["maxTotalRAMSize"] == quota.ram
    assert {absolute[f"total{what}Used"] for what in ("Instances", "Cores", "RAM")} == {0}
    own = f"/v2.1/os-quota-sets/{DEMO_PROJECT}"
    shown = api("GET", own).json["quota_set"]
    assert (shown["id"], shown["instances"]) == (DEMO_PROJECT, quota.instances)
    detail = api("GET", f"{own}/detail").json["quota_set"]
    assert detail["cores"] == {"limit": quota.cores, "in_use": 0, "reserved": 0}
    assert api("GET", f"{own}/defaults").json["quota_set"]["ram"] == quota.ram
    assert "os-quota-sets:show" in message(api("GET", own, token=OTHER), 403, "forbidden")
    assert api("GET", own, token=ADMIN).status == 200


@pytest.mark.parametrize(
    "path",
    ["/os-hypervisors", "/os-hypervisors/detail", "/os-hypervisors/statistics", "/os-services",
     "/os-aggregates", "/os-availability-zone/detail"],
)  # fmt: skip
def test_what_administrators_see_is_forbidden_to_members(api: Api, path: str) -> None:
    """403 for a member, 200 for an administrator."""
    assert api("GET", f"/v2.1{path}", token=ADMIN).status == 200
    message(api("GET", f"/v2.1{path}", token=DEMO), 403, "forbidden")
