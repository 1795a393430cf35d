"""No body and no query of the compute API is an error of ours, and each refusal has Nova's form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import services.api
from devstack_lite.db.schema import instances
from devstack_lite.states import VmState
from devstack_lite.wsgi.resource import MethodNotes
from devstack_lite.wsgi.router import Route
from devstack_lite.wsgi.versions import ApiVersion
from tests.api import hostile
from tests.api.asker import GROUP, IMAGE, Asker, make_asker
from tests.api.conftest import ADMIN, DEMO_PROJECT, Answer, Cloud
from tests.api.every_route import (
    ACTIONS,
    ASKING,
    BETWEEN,
    PLAIN,
    VERSIONS,
    is_of_server,
    label,
    name_of,
)

PACKAGE = str(Path(services.api.__file__).parent)
BODIED = [
    one for one in PLAIN
    if one.method in {"POST", "PUT"} and name_of(one) not in {"aggregates.action", "flavors.action"}
]  # fmt: skip
OTHER_ACTIONS = [
    ("aggregates", "/os-aggregates/1/action", "add_host"),
    ("aggregates", "/os-aggregates/1/action", "remove_host"),
    ("aggregates", "/os-aggregates/1/action", "set_metadata"),
    ("flavors", "/flavors/p1/action", "addTenantAccess"),
    ("flavors", "/flavors/p1/action", "removeTenantAccess"),
]


@dataclass
class Target:
    """The cloud that is asked, with a server whose state is set anew before each request."""

    cloud: Cloud
    asker: Asker
    notes: dict[str, dict[tuple[str, str], MethodNotes]]
    bodies: hostile.Bodies
    ids: dict[str, str]

    def reset(self, vm_state: str, host: str | None = "nowhere") -> None:
        with self.cloud.db.write() as connection:
            connection.execute(
                instances.update().where(instances.c.uuid == self.asker.uuid).values(
                    vm_state=vm_state, task_state=None, operation=None, host=host, node=host,
                    deleted_at=None,
                )
            )  # fmt: skip

    def ask(self, method: str, path: str, body: Any, version: str) -> Answer:
        return self.asker.ask(method, path, body, ADMIN, version)

    def body(self, data: Any, notes: MethodNotes, version: str) -> Any:
        schema = hostile.schema_of(notes, ApiVersion.parse(version))
        return data.draw(self.bodies.near(schema if schema is not None else {"type": "object"}))


@pytest.fixture(scope="module")
def target(cloud: Cloud) -> Target:
    with hostile.routers() as made:
        asker = make_asker(cloud)
    notes: dict[str, dict[tuple[str, str], MethodNotes]] = {}
    for router in made:
        if "servers" in router.resources:
            notes = {name: one.notes for name, one in router.resources.items()}
    network = cloud.api("network")
    own = network("POST", "/v2.0/networks", {"network": {"name": "n"}}).json["network"]["id"]
    volume = cloud.api("volume")
    disk = volume("POST", "/v3/volumes", {"volume": {"size": 1}}).json["volume"]["id"]
    ids = {
        "servers": asker.uuid, "metadata": "color", "tags": "blue", "flavors": "p1",
        "os-extra_specs": "a", "os-keypairs": "key1", "migrations": asker.migration_id,
        "os-services": asker.service_id, "os-hosts": "nowhere", "os-hypervisors": "nowhere",
        "os-aggregates": "1", "os-server-groups": GROUP, "os-simple-tenant-usage": DEMO_PROJECT,
        "os-quota-sets": DEMO_PROJECT, "os-quota-class-sets": "default", "images": IMAGE,
        "os-volume_attachments": disk,
    }  # fmt: skip
    known = [*ids.values(), own, "1", "nova-compute", "nova:nowhere", "network-changed"]
    return Target(cloud, asker, notes, hostile.Bodies(known), ids)


STATES = st.sampled_from([str(state) for state in VmState])


@pytest.mark.parametrize("action", ACTIONS)
def test_bodies_of_actions(target: Target, action: str) -> None:
    """Of any server, in each state that there is."""
    notes = target.notes["servers"]["action", action]
    host = None if action in ASKING else "nowhere"

    # What asks a host for something waits for the one that is not there.
    @hostile.patient(5 if action == "changePassword" else 40)
    @given(data=st.data(), state=STATES, version=st.sampled_from(VERSIONS))
    def check(data: Any, state: str, version: str) -> None:
        body = target.body(data, notes, version)
        target.reset(state, host)
        answer = target.ask("POST", f"/servers/{target.asker.uuid}/action", body, version)
        assert hostile.judge("compute", answer) == ""

    check()


@pytest.mark.parametrize(("resource", "path", "action"), OTHER_ACTIONS)
def test_bodies_of_others_actions(target: Target, resource: str, path: str, action: str) -> None:
    notes = target.notes[resource]["action", action]

    @hostile.patient(40)
    @given(data=st.data(), version=st.sampled_from(VERSIONS))
    def check(data: Any, version: str) -> None:
        answer = target.ask("POST", path, target.body(data, notes, version), version)
        assert hostile.judge("compute", answer) == ""

    check()


@pytest.mark.parametrize("route", BODIED, ids=label)
def test_bodies(target: Target, route: Route) -> None:
    kind = ("action", "force_complete") if route.action == "action" else ("method", route.action)
    notes = target.notes[route.resource][kind]
    versions = st.sampled_from(BETWEEN.get(name_of(route), VERSIONS))

    @hostile.patient(40)
    @given(data=st.data(), version=versions)
    def check(data: Any, version: str) -> None:
        body = target.body(data, notes, version)
        if is_of_server(route):
            target.reset("active", None)
        answer = target.ask(route.method, hostile.fill(route.path, target.ids), body, version)
        assert hostile.judge("compute", answer) == ""

    check()


@pytest.mark.parametrize("route", [one for one in PLAIN if hostile.is_listing(one)], ids=label)
def test_queries(target: Target, route: Route) -> None:
    target.reset("active", None)
    path = hostile.fill(route.path, target.ids)
    versions = BETWEEN.get(name_of(route), VERSIONS)
    names = {
        name
        for each in versions
        for name in hostile.names_read(
            lambda query, version=each: target.ask("GET", f"{path}?{query}", None, version)
        )
    }

    @hostile.patient(20 + 10 * len(names))
    @given(query=hostile.queries(names, PACKAGE), version=st.sampled_from(versions))
    def check(query: str, version: str) -> None:
        answer = target.ask("GET", f"{path}?{query}", None, version)
        assert hostile.judge("compute", answer) == ""

    check()
