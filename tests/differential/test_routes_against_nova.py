"""Nova's list of routes and ours: paths, methods, versions, what was removed, headers.

Skipped without the nova package. Deliberate differences:
- A method that a path does not take is 405 here, with Allow; Nova's routes know no such path: 404.
- What no route knows is 404 in the form of any other fault here; in Nova, as WebOb writes it.
- An action's body that is JSON, but no object, is 400 here; in Nova 404, by a look at its keys.
"""

from __future__ import annotations

import re

import pytest

from services.api.controllers.removed import REMOVED
from services.api.versions import VERSIONS
from tests.differential.near_bodies import UUID

pytest.importorskip("nova.api.openstack.compute.routes")
from tests.differential.both_apis import (
    LACKING,
    Application,
    Said,
    Served,
    lacking,
    our_router,
    path_of,
    served_by_nova,
)

SERVED = served_by_nova()
THERE = [one for one in SERVED if lacking(one) is None]
EVERY_VERSION = [f"2.{minor}" for minor in range(1, VERSIONS.maximum.minor + 1)]
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")

OWN = {
    ("GET", "/servers/{}/os-boot-trace"): "how the server came to be, step by step",
    ("GET", "/servers/{}/os-decisions"): "why the scheduler put it where it is",
    ("GET", "/os-decisions"): "the same of all servers",
    ("POST", "/os-decisions/what-if"): "where a server would go",
    ("PUT", "/os-services/enable"): "one route each of what is an id in Nova's",
    ("PUT", "/os-services/disable"): "as before",
    ("PUT", "/os-services/disable-log-reason"): "as before",
    ("PUT", "/os-services/force-down"): "as before",
}
"""What Nova has not, and what it is."""


def pattern_of(path: str) -> str:
    return re.sub(r"{\w+}", "{}", path)


def known(one: Said) -> tuple[int, str, str]:
    """Return what is compared of an answer: the maximum is not."""
    return one.status, one.name, one.message.replace("2.104", str(VERSIONS.maximum))


def test_the_routes_are_novas() -> None:
    """And those that are not are named, as are those that are missing."""
    theirs = {(one.method, pattern_of(one.path)) for one in SERVED}
    ours = {(one.method, pattern_of(one.path)) for one in our_router().routes}
    missing = {(one.method, pattern_of(one.path)) for one in SERVED if lacking(one)}
    assert ours - theirs == set(OWN)
    assert theirs - ours == {
        one for one in missing if not one[1].startswith("/servers/{}/action")
    }  # fmt: skip
    paths = {one.path for one in SERVED} | {one.action for one in SERVED}
    assert not [name for name in LACKING if not any(path.startswith(name) for path in paths)]


def test_the_actions_are_novas() -> None:
    theirs = {one.action for one in THERE if one.path == "/servers/{id}/action"}
    notes = our_router().resources["servers"].notes
    assert theirs == {name for kind, name in notes if kind == "action"}


def test_what_was_removed_is_named_once() -> None:
    removed = {
        (one.method, pattern_of(one.path))
        for one in SERVED
        if one.is_removed and one.path != "/servers/{id}/action"
    }
    ours = {
        (method, pattern_of(path))
        for path, methods in REMOVED.items()
        for method in methods.split()
    }
    assert removed == ours


@pytest.mark.parametrize("served", THERE, ids=str)
def test_a_route_is_there_in_the_same_versions(
    nova: Application, ours: Application, served: Served
) -> None:
    """Asked without what its body needs: accepted, refused, not there or gone, all the same."""
    body = {served.action: None} if served.action else {}
    asked = body if served.method in {"POST", "PUT"} else None
    for version in EVERY_VERSION:
        path = path_of(served, version)
        said = [app.ask(served.method, path, body=asked, version=version) for app in (nova, ours)]
        if said[0].status == 500:
            assert said[1].status < 500, version
        else:
            assert known(said[0]) == known(said[1]), version


def alone() -> list[str]:
    """Return the paths that no other path takes for its own, as /servers/{id} takes some."""
    paths = sorted({one.path for one in THERE})
    return [
        path
        for path in paths
        if not any(
            re.fullmatch(re.sub(r"{\w+}", "[^/]+", other), path)
            for other in paths
            if pattern_of(other) != pattern_of(path)
        )
    ]


@pytest.mark.parametrize("path", alone())
def test_other_methods_are_not_allowed(nova: Application, ours: Application, path: str) -> None:
    """405 and what is allowed, where Nova finds nothing."""
    allowed = {
        one.method for one in our_router().routes if pattern_of(one.path) == pattern_of(path)
    }
    for method in set(METHODS) - {one.method for one in SERVED if one.path == path}:
        url = re.sub(r"{\w+}", UUID, path)
        assert nova.ask(method, url).status in {404, 405}
        said = ours.ask(method, url)
        assert (said.status, said.name) == (405, "badMethod")
        assert set((said.headers or {})["Allow"].split(", ")) >= allowed


@pytest.mark.parametrize(
    "path", ["/nowhere", "/servers/a/b/c", "/os-cells/a/b", "/servers/a/", "//"]
)
def test_what_is_nowhere(nova: Application, ours: Application, path: str) -> None:
    for method in METHODS:
        assert nova.ask(method, path).status == ours.ask(method, path).status == 404


@pytest.mark.parametrize(
    "kind",
    [
        "application/json", "application/json; charset=utf-8", "Application/JSON", "text/plain",
        "application/vnd.openstack.compute+json", "application/vnd.openstack.compute+xml", "",
        "application/xml", "text/xml", "text/json", "application/x-www-form-urlencoded", "garbage",
        "application/json-patch+json", "*/*",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "path", "data"),
    [
        ("GET", "/servers", None), ("POST", "/servers", b'{"server": {}}'),
        ("POST", "/servers", b""),
        ("PUT", f"/servers/{UUID}", b"{}"), ("DELETE", f"/os-keypairs/{UUID}", None),
        ("POST", f"/servers/{UUID}/action", b'{"os-resetState": null}'), ("GET", "/os-cells", None),
    ],
)  # fmt: skip
def test_what_a_body_is_written_in(
    nova: Application, ours: Application, kind: str, method: str, path: str, data: bytes | None
) -> None:
    """415 for any but JSON, also where there is no body."""
    said = [
        app.ask(method, path, data=data, headers={"Content-Type": kind}) for app in (nova, ours)
    ]
    assert known(said[0]) == known(said[1])


@pytest.mark.parametrize(
    "data",
    [b"{", b"null", b"[]", b"5", b'"x"', b"{}", b'{"a": 1, "b": 2}', b"\xff", b"{'a': 1}", b" "],
)
@pytest.mark.parametrize("path", ["/servers", f"/servers/{UUID}/action", "/os-keypairs"])
def test_what_is_no_body(nova: Application, ours: Application, path: str, data: bytes) -> None:
    """One that is no JSON, or not of a key."""
    theirs, own = (app.ask("POST", path, data=data) for app in (nova, ours))
    if theirs.status in {404, 500}:
        assert (own.status, own.message) == (400, "Malformed request body")
    else:
        assert known(theirs) == known(own)


STANDARD, OLDER = "OpenStack-API-Version", "X-OpenStack-Nova-API-Version"


@pytest.mark.parametrize(
    "headers",
    [
        *({STANDARD: text} for text in (
            "compute 2.1", "compute", "compute ", "2.1", "compute 2", "compute 2.01",
            "compute 02.1", "compute 2.0", "compute 1.1", "compute 3.0", "compute 2.999",
            "compute latest", "compute LATEST", "Compute 2.1", "volume 3.0", "compute 2.1.1",
            "volume 3.0, compute 2.5", "compute 2.5,compute 2.6", "compute -2.1", "compute 2.1 x",
            "compute v2.1", "compute 0.0", "nova 2.5", "compute  2.5", "  compute 2.5  ", "",
            "compute 2.99999999999999999999", "compute 2,5",
        )),
        *({OLDER: text} for text in ("2.1", "2.x", "latest", "2.999", "", "compute 2.1", " 2.3 ")),
        {STANDARD: "compute 2.7", OLDER: "2.5"}, {STANDARD: "volume 3.1", OLDER: "2.7"},
        {STANDARD: "compute x", OLDER: "2.5"},
    ],
    ids=str,
)  # fmt: skip
def test_versions_are_asked_for(
    nova: Application, ours: Application, headers: dict[str, str]
) -> None:
    """400 for no version, 406 for one that is not offered, by either header."""
    for path, query in (("/servers", "limit=x"), ("/os-cells", "")):
        said = [app.ask("GET", path, query=query, headers=headers) for app in (nova, ours)]
        assert known(said[0]) == known(said[1])
        versions = [
            ((one.headers or {}).get(STANDARD), (one.headers or {}).get(OLDER)) for one in said
        ]
        if headers.get(STANDARD) != "compute latest" and headers.get(OLDER) != "latest":
            assert versions[0] == versions[1]
