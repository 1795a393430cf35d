"""What users note on servers: set, replaced, taken away, bounded, and theirs alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.db.schema import instances
from devstack_lite.states import VmState
from tests.api.conftest import DEMO_PROJECT, OTHER, Api, Cloud
from tests.api.test_compute_servers import change, record

SERVER = "00000000-0000-4000-8000-0000000000c0"
PATH = f"/v2.1/servers/{SERVER}/metadata"


@pytest.fixture(scope="module")
def app(cloud: Cloud) -> Iterator[Api]:
    """The compute API over one server."""
    record(cloud, DEMO_PROJECT, [SERVER], "noted")
    yield cloud.api("osapi_compute")
    with cloud.db.write() as connection:
        connection.execute(sa.delete(instances))


@pytest.fixture
def api(app: Api, cloud: Cloud) -> Api:
    """The same, the server ACTIVE and red."""
    change(cloud, SERVER, vm_state=VmState.ACTIVE, task_state=None, metadata={"colour": "red"})
    return app


def noted(api: Api) -> Any:
    return api("GET", f"/v2.1/servers/{SERVER}").json["server"]["metadata"]


def test_post_sets_some_and_put_all(api: Api) -> None:
    """POST leaves what it does not name, PUT takes it away; the server shows the same."""
    added = api("POST", PATH, {"metadata": {"size": "L", "colour": "blue"}})
    assert (added.status, added.json) == (200, {"metadata": {"colour": "blue", "size": "L"}})
    assert api("GET", PATH).json == {"metadata": noted(api)} == added.json
    replaced = api("PUT", PATH, {"metadata": {"only": "this"}})
    assert (replaced.status, replaced.json) == (200, {"metadata": {"only": "this"}})
    assert api("PUT", PATH, {"metadata": {}}).json == {"metadata": {}}
    assert noted(api) == {}


def test_one_item(api: Api) -> None:
    """An item is shown, set and taken away by its key."""
    assert api("GET", f"{PATH}/colour").json == {"meta": {"colour": "red"}}
    answer = api("PUT", f"{PATH}/colour", {"meta": {"colour": "green"}})
    assert (answer.status, answer.json) == (200, {"meta": {"colour": "green"}})
    assert api("PUT", f"{PATH}/a b.c", {"meta": {"a b.c": ""}}).status == 200
    assert noted(api) == {"colour": "green", "a b.c": ""}
    gone = api("DELETE", f"{PATH}/colour")
    assert (gone.status, gone.data) == (204, b"")
    assert noted(api) == {"a b.c": ""}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_item_that_is_not_there(api: Api, method: str) -> None:
    """404 in Nova's words."""
    answer = api(method, f"{PATH}/none")
    assert answer.status == 404
    assert answer.json["itemNotFound"]["message"] == "Metadata item was not found"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "", {}),
        ("POST", "", {"metadata": {"k" * 256: "v"}}),
        ("POST", "", {"metadata": {"k": "v" * 256}}),
        ("POST", "", {"metadata": {"": "v"}}),
        ("POST", "", {"metadata": {"k": 1}}),
        ("POST", "", {"metadata": {"k": None}}),
        ("POST", "", {"metadata": {"k/": "v"}}),
        ("PUT", "", {"metadata": ["k"]}),
        ("PUT", "", {"metadata": {}, "more": 1}),
        ("PUT", "/k", {"meta": {}}),
        ("PUT", "/k", {"meta": {"k": "v", "l": "w"}}),
        ("PUT", "/k", {"metadata": {"k": "v"}}),
    ],
)
def test_bodies_that_are_refused(api: Api, method: str, path: str, body: Any) -> None:
    """400, and nothing changed."""
    assert api(method, PATH + path, body).status == 400
    assert noted(api) == {"colour": "red"}


def test_the_key_is_that_of_the_url(api: Api) -> None:
    """400 in Nova's words when the body names another."""
    answer = api("PUT", f"{PATH}/one", {"meta": {"another": "v"}})
    assert answer.status == 400
    assert answer.json["badRequest"]["message"] == "Request body and URI mismatch"


def test_as_many_as_the_quota_allows(api: Api) -> None:
    """128 with those that are there; one more is 403, and taking away is always allowed."""
    most = {f"k{number}": "v" * 255 for number in range(127)}
    assert api("POST", PATH, {"metadata": most}).status == 200
    for method, path, body in (
        ("POST", "", {"metadata": {"one": "more"}}),
        ("PUT", "/one", {"meta": {"one": "more"}}),
        ("PUT", "", {"metadata": {**most, "a": "", "b": ""}}),
    ):
        refused = api(method, PATH + path, body)
        assert refused.status == 403
        message = refused.json["forbidden"]["message"]
        assert message == "Maximum number of metadata items exceeds 128"
    assert api("POST", PATH, {"metadata": {"k1": "other"}}).status == 200
    assert api("DELETE", f"{PATH}/k1").status == 204
    assert len(noted(api)) == 127


def test_a_state_may_forbid_it(api: Api, cloud: Cloud) -> None:
    """A server in ERROR keeps what it has: 409 in Nova's words; reading goes on."""
    change(cloud, SERVER, vm_state=VmState.ERROR)
    refused = api("PUT", PATH, {"metadata": {}})
    assert refused.status == 409
    assert refused.json["conflictingRequest"]["message"] == (
        f"Cannot 'update metadata' instance {SERVER} while it is in vm_state error"
    )
    refused = api("DELETE", f"{PATH}/colour")
    assert "Cannot 'delete metadata' instance" in refused.json["conflictingRequest"]["message"]
    assert api("GET", PATH).json == {"metadata": {"colour": "red"}}


def test_anothers_server_is_not_there(api: Api) -> None:
    """404 for every call, and nothing changed."""
    calls: list[tuple[str, str, Any]] = [
        ("GET", "", None), ("POST", "", {"metadata": {}}), ("PUT", "", {"metadata": {}}),
        ("GET", "/colour", None), ("PUT", "/colour", {"meta": {"colour": "x"}}),
        ("DELETE", "/colour", None),
    ]  # fmt: skip
    seen = [api(method, PATH + path, body, token=OTHER) for method, path, body in calls]
    assert [answer.status for answer in seen] == [404] * len(calls)
    assert seen[0].json["itemNotFound"]["message"] == f"Instance {SERVER} could not be found."
    assert noted(api) == {"colour": "red"}
