"""Every route of the compute API as seen by who may not use it: nothing shown, nothing changed.

What is asked for exists, and each body is one that its method takes: so only permission refuses.
"""

from __future__ import annotations

from typing import Any

import pytest

from devstack_lite.wsgi.router import Route
from tests.api.asker import GROUP, IMAGE, Asker, make_asker, make_server
from tests.api.conftest import ADMIN, DEMO_PROJECT, OTHER, Cloud
from tests.api.every_route import (
    ACTION_BODIES,
    ACTIONS,
    ASKING,
    BETWEEN,
    BODIES,
    NOTHING,
    OF_PROJECT,
    OTHERS_BODIES,
    OWN,
    PLAIN,
    TABLE,
    VERSIONS,
    body_of,
    is_admins,
    is_of_server,
    label,
    name_of,
)

READER = f"viewer:{DEMO_PROJECT}:reader"
ROLELESS = f"auditor:{DEMO_PROJECT}:auditor"


@pytest.fixture(scope="module")
def asker(cloud: Cloud) -> Asker:
    return make_asker(cloud)


def statuses(asker: Asker, route: Route, token: str | None) -> list[int]:
    """Return how a route answers in each version, and check that it changes nothing."""
    before = asker.contents()
    path = asker.path(route)
    found = [
        asker.ask(route.method, path, body_of(route, version), token, version).status
        for version in BETWEEN.get(name_of(route), VERSIONS)
    ]
    assert asker.contents() == before
    return found


def act(asker: Asker, action: str, token: str | None) -> list[int]:
    before = asker.contents()
    path = f"/servers/{asker.uuid}/action"
    found = []
    for version in VERSIONS:
        value = ACTION_BODIES.get(action)
        if version != "2.1":
            value = OTHERS_BODIES.get(action, value)
        found.append(asker.ask("POST", path, {action: value}, token, version).status)
    assert asker.contents() == before
    return found


@pytest.mark.parametrize("route", TABLE, ids=label)
def test_without_a_token_nothing_is_said(asker: Asker, route: Route) -> None:
    assert statuses(asker, route, None) == [401, 401]


@pytest.mark.parametrize("route", [one for one in TABLE if one.resource == "removed"], ids=label)
def test_what_is_gone_is_gone_for_all(asker: Asker, route: Route) -> None:
    assert statuses(asker, route, OTHER) == [410, 410]


@pytest.mark.parametrize("route", [one for one in PLAIN if is_of_server(one)], ids=label)
def test_a_stranger_finds_no_server(asker: Asker, route: Route) -> None:
    """What is administrators' alone may be refused before anything is looked up."""
    allowed = {403, 404} if is_admins(route) else {404}
    assert set(statuses(asker, route, OTHER)) <= allowed


@pytest.mark.parametrize("action", ACTIONS)
def test_a_stranger_acts_on_no_server(asker: Asker, action: str) -> None:
    found = act(asker, action, OTHER)
    assert 404 in found
    assert set(found) <= {400, 404}


@pytest.mark.parametrize(
    "route",
    [one for one in PLAIN if not is_of_server(one) and name_of(one) not in OWN],
    ids=label,
)
def test_a_stranger_sees_nothing_of_the_project(asker: Asker, route: Route) -> None:
    """Lists are without it, single things are not found, what is administrators' is forbidden."""
    found = statuses(asker, route, OTHER)
    if is_admins(route) or name_of(route) in OF_PROJECT:
        assert 403 in found
        assert set(found) <= {400, 403, 404}
    elif (
        ("{id}" in route.path and route.resource not in {"extensions", "quotas"})
        or "{flavor_id}" in route.path
        or "{image_id}" in route.path
    ):
        assert found == [404, 404]
    else:
        assert found == [200, 200]
        shown = asker.ask("GET", asker.path(route), None, OTHER).data.decode()
        assert not [
            name for name in (asker.uuid, GROUP, IMAGE, "key1", "p1") if f'"{name}"' in shown
        ]


@pytest.mark.parametrize("route", [one for one in PLAIN if one.method == "GET"], ids=label)
def test_a_reader_reads(asker: Asker, route: Route) -> None:
    """What is there; an id of NOTHING is not found, as in the lists of what a server holds."""
    found = set(statuses(asker, route, READER))
    if is_admins(route):
        assert 403 in found
        assert found <= {403, 404}
    else:
        is_missing = route.resource == "keypairs" or NOTHING in asker.path(route)
        is_there = "{id}" not in route.path or not is_missing
        assert found <= ({200, 204, 404} if is_there else {404})
        if is_there and route.resource != "instance_actions":
            assert found & {200, 204}


@pytest.mark.parametrize("route", [one for one in PLAIN if one.method != "GET"], ids=label)
def test_a_reader_changes_nothing(asker: Asker, route: Route) -> None:
    """Key pairs are a user's own: another's are not found."""
    found = set(statuses(asker, route, READER))
    if name_of(route) == "keypairs.delete":
        assert found == {404}
        return
    assert 403 in found
    assert found <= {400, 403, 404}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_reader_does_nothing_to_a_server(asker: Asker, action: str) -> None:
    found = act(asker, action, READER)
    assert 403 in found
    assert set(found) <= {400, 403, 404}


@pytest.mark.parametrize("route", [one for one in PLAIN if is_of_server(one)], ids=label)
def test_who_has_no_role_sees_no_server(asker: Asker, route: Route) -> None:
    """A token of the project alone is not enough."""
    found = set(statuses(asker, route, ROLELESS))
    assert 403 in found
    assert found <= {400, 403, 404}


SHAPES: list[Any] = [{}, {"x": 1}, {"server": []}, [], "x"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "route", [one for one in PLAIN if one.method in {"POST", "PUT"}], ids=label
)
def test_no_body_is_an_error_of_ours(
    cloud: Cloud, asker: Asker, route: Route, version: str
) -> None:
    """Not even an administrator's: empty, of another shape, of another type within its key."""
    known = body_of(route, version)
    values = [None, [], "x", 5, {}, {"x": 1}, {"x": []}]
    shapes = [*SHAPES, *({key: value} for key in known or () for value in values)]
    here = asker.path(route).replace(asker.uuid, make_server(cloud))
    gone = route.path.format(id=NOTHING, server_id=NOTHING, flavor_id=NOTHING, image_id=NOTHING)
    found = {
        repr((path, body)): asker.ask(route.method, path, body, ADMIN, version).status
        for path in (here if is_of_server(route) else gone, gone)
        for body in shapes
    }
    assert {what: status for what, status in found.items() if status >= 500} == {}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("action", ACTIONS)
def test_no_action_s_body_is_an_error_of_ours(
    cloud: Cloud, asker: Asker, action: str, version: str
) -> None:
    path = f"/servers/{make_server(cloud, host=None if action in ASKING else 'nowhere')}/action"
    values = [None, [], "x", 5, {"x": []}, [1]]
    found = {
        repr(value): asker.ask("POST", path, {action: value}, ADMIN, version).status
        for value in values
    }
    assert {what: status for what, status in found.items() if status == 500} == {}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "route", [one for one in PLAIN if one.method in {"GET", "DELETE"}], ids=label
)
def test_no_id_is_an_error_of_ours(asker: Asker, route: Route, version: str) -> None:
    """Of what is not there, and of words where a number or a UUID belongs."""
    found = {
        word: asker.ask(
            route.method,
            route.path.format(id=word, server_id=word, flavor_id=word, image_id=word),
            None, ADMIN, version,
        ).status
        for word in (NOTHING, "x", "-1", "99999999999999999999", "%00", "%C3%A9")
    }  # fmt: skip
    own = {status for status in found.values() if status >= 500}
    # What only a service that is not here could answer is 501, whatever its id.
    assert own <= ({501} if route.resource == "baremetal_nodes" else set()), found


LEAVES: list[Any] = [None, [], {}, "", " ", "x" * 300, "\x00", 5, -1, 2**70, True, 1e308, ["x"]]


def _with_leaf(body: Any, leaf: Any) -> list[Any]:
    """Return a body as often as it has values within its key, each time with another of them."""
    return [
        {key: {**inner, name: leaf}}
        for key, inner in body.items()
        if isinstance(inner, dict)
        for name in inner
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("route", [one for one in PLAIN if name_of(one) in BODIES], ids=label)
def test_no_value_is_an_error_of_ours(
    cloud: Cloud, asker: Asker, route: Route, version: str
) -> None:
    path = asker.path(route).replace(asker.uuid, make_server(cloud))
    found = {
        repr(body)[:200]: asker.ask(route.method, path, body, ADMIN, version).status
        for leaf in LEAVES
        for body in _with_leaf(body_of(route, version), leaf)
    }
    assert {what: status for what, status in found.items() if status >= 500} == {}


NOT_OFFERED = 501
"""What power actions on hosts answer, as with libvirt."""
QUERIES = (
    "limit=x", "limit=-1", "limit=99999999999999999999", "offset=x", "marker=x", "sort_key=x",
    "sort_dir=x", "sort_key=uuid&sort_dir=x", "changes-since=x", "changes-before=x", "name=(",
    "name=*", "ip=(", "status=x", "locked=x", "tags=,", "not-tags-any=", "deleted=x", "host=%00",
    "flavor=x", "minRam=x", "minDisk=-1", "is_public=x", "start=x", "start=0001-01-01T00:00:00",
    "end=9999-12-31T23:59:59", "detailed=x", "user_id=x", "tenant_id=x", "all_tenants=x",
    "with_servers=x", "hypervisor_hostname_pattern=%25", "request_id=x", "launched_at=x",
    "created_at=x", "power_state=x", "launch_index=x", "config_drive=x", "terminated_at=x",
    "changes-since=9999-12-31T23:59:59-14:00", "vm_state=x&vm_state=y", "uuid=x", "progress=x",
    *(f"{key}={2**70}" for key in ("offset", "power_state", "launch_index", "progress", "minRam",
                                   "minDisk", "marker")),
    *(f"changes-{key}=0001-01-01T00:00:00%2B14:00" for key in ("since", "before")),
    "changes-before=9999-12-31T23:59:59-14:00", "limit=10&limit=x",
)  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "route",
    [
        one for one in PLAIN
        if one.method == "GET" and name_of(one) != "server_inspection.diagnostics"
    ],
    ids=label,
)  # fmt: skip
def test_no_query_is_an_error_of_ours(asker: Asker, route: Route, version: str) -> None:
    """Nor words where numbers and times belong, nor times at the ends of what there is."""
    path = asker.path(route)
    found = {
        query: asker.ask("GET", f"{path}?{query}", None, ADMIN, version).status for query in QUERIES
    }
    errors = {query: status for query, status in found.items() if status >= 500}
    assert {query: status for query, status in errors.items() if status != NOT_OFFERED} == {}
