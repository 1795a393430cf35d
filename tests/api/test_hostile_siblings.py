"""No body and no query of the other services is an error of ours; refusals have their own forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import services
from devstack_lite.db import hosts
from devstack_lite.wsgi.router import Route, Router
from devstack_lite.wsgi.versions import ApiVersion
from services.identity.router import ROUTES as IDENTITY
from services.image import schemas as image_schemas
from services.image.router import ROUTES as IMAGE
from services.network.router import ROUTES as NETWORK
from services.placement.router import ROUTES as PLACEMENT
from services.volume.router import ROUTES as VOLUME
from tests.api import hostile, identity_cloud
from tests.api.conftest import ADMIN, DEMO_PROJECT, Answer, Api, Cloud
from tests.unit.conftest import make_node

SERVICES = str(next(iter(services.__path__)))
TABLES = {
    "identity": IDENTITY, "image": IMAGE, "network": NETWORK, "placement": PLACEMENT,
    "volume": VOLUME,
}  # fmt: skip
PREFIXES = {"image": "/v2", "network": "/v2.0", "volume": "/v3"}
VERSIONS = {"volume": ApiVersion(3, 70), "placement": ApiVersion(1, 39)}
JSON = "application/json"
PATCH = "application/openstack-images-v2.1-json-patch"
UNNOTED: dict[tuple[str, str], Mapping[str, Any]] = {
    ("image", "images.create"): image_schemas.CREATE,
    ("image", "images.update"): image_schemas.PATCH,
}
"""Schemas that a service holds against bodies by itself."""
MORE_NAMES = {"fixed_ips", "user.id", "scope.project.id", "resources1", "required_X", "in_tree_X"}
"""Of queries that are read as a whole."""


def is_volatile(route: Route) -> bool:
    """Say whether what a request leaves behind would end the others: a token, a password."""
    return route.resource == "versions" or route.path in {
        "/v3/users/{id}", "/v3/projects/{id}", "/v3/domains/{id}", "/v3/users/{id}/password",
    }  # fmt: skip


def name_of(service: str, route: Route) -> str:
    return f"{service} {route.method} {route.path}"


def pick(is_wanted: Any) -> list[Any]:
    """Return a parameter per route that is wanted, of all services."""
    return [
        pytest.param(service, route, id=name_of(service, route))
        for service, table in TABLES.items()
        for route in dict.fromkeys(table)
        if is_wanted(route)
    ]


@dataclass
class Sibling:
    """A service that is asked, and what it has."""

    name: str
    api: Api
    router: Router
    token: str
    ids: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, content_type: str = JSON) -> Answer:
        headers = {"Content-Type": content_type} if body is not None else {}
        if self.name in VERSIONS:
            headers["OpenStack-API-Version"] = f"{self.name} {VERSIONS[self.name]}"
        url = PREFIXES.get(self.name, "") + path
        return self.api(method, url, body, token=self.token, headers=headers)

    def make(self, path: str, body: Any) -> str:
        """Make a thing; its id is that of its collection from then on."""
        answer = self.ask("POST", path, body)
        assert answer.status in {200, 201, 202}, answer.data
        said = answer.json
        thing = said if "id" in said else next(iter(said.values()))
        self.ids[path.rpartition("/")[2]] = str(thing["id"])
        return str(thing["id"])


@pytest.fixture(scope="module")
def siblings(cloud: Cloud) -> dict[str, Sibling]:
    """Give all of them, with one of everything that costs little."""
    identity_cloud.seed(cloud)
    identity_cloud.serve(cloud)
    cloud.conf.set_override("image", cloud.serve("image"), group="endpoints")
    found = {}
    for name in TABLES:
        with hostile.routers() as made:
            api = cloud.api(name)
        router = next(one for one in made if any(r in one.routes for r in TABLES[name][:3]))
        found[name] = Sibling(name, api, router, ADMIN)
    found["identity"].token = identity_cloud.Keystone(cloud).token(
        "admin", scope=identity_cloud.project("admin")
    )
    hosts.report_nodes(cloud.db, [make_node("nowhere")])
    for furnish in (_identity, _network, _others):
        furnish(found)
    return found


def _identity(found: dict[str, Sibling]) -> None:
    identity = found["identity"]
    for noun in ("domain", "project", "user", "group", "role"):
        identity.make(f"/v3/{noun}s", {noun: {"name": "fuzzed"}})
    identity.make("/v3/regions", {"region": {"id": "fuzzed"}})
    service = identity.make("/v3/services", {"service": {"type": "fuzzed", "name": "f"}})
    endpoint = {"service_id": service, "interface": "public", "url": "http://x"}
    identity.make("/v3/endpoints", {"endpoint": endpoint})


def _network(found: dict[str, Sibling]) -> None:
    network = found["network"]
    outside = network.make("/networks", {"network": {"name": "out", "router:external": True}})
    network.make(
        "/subnets", {"subnet": {"network_id": outside, "cidr": "172.24.0.0/16", "ip_version": 4}}
    )
    network.make("/floatingips", {"floatingip": {"floating_network_id": outside}})
    inside = network.make("/networks", {"network": {"name": "in"}})
    network.make(
        "/subnets", {"subnet": {"network_id": inside, "cidr": "10.9.0.0/16", "ip_version": 4}}
    )
    network.make("/ports", {"port": {"network_id": inside}})
    network.make("/routers", {"router": {"name": "r"}})
    group = network.make("/security-groups", {"security_group": {"name": "g"}})
    rule = {"security_group_id": group, "direction": "ingress"}
    network.make("/security-group-rules", {"security_group_rule": rule})
    network.ids["quotas"] = DEMO_PROJECT


def _others(found: dict[str, Sibling]) -> None:
    found["image"].make("/images", {"name": "i", "color": "blue", "visibility": "shared"})
    volume = found["volume"]
    disk = volume.make("/volumes", {"volume": {"size": 1}})
    volume.make("/snapshots", {"snapshot": {"volume_id": disk, "force": True}})
    volume.make("/types", {"volume_type": {"name": "t"}})
    other = volume.ask("POST", "/volumes", {"volume": {"size": 1}}).json["volume"]["id"]
    wanted = {"attachment": {"volume_uuid": other, "instance_uuid": hostile.NOTHING}}
    volume.make("/attachments", wanted)
    volume.ids |= {"os-quota-sets": DEMO_PROJECT, "os-quota-class-sets": "default"}
    found["placement"].ids |= {"traits": "HW_CPU_X86_AVX", "resource_classes": "VCPU",
                               "resource_providers": make_node("nowhere").id}  # fmt: skip


def known_of(sibling: Sibling) -> list[str]:
    return [*sibling.ids.values(), DEMO_PROJECT, "nowhere"]


@pytest.mark.parametrize(
    ("service", "route"),
    pick(
        lambda route: (
            route.method in {"POST", "PUT", "PATCH"} and not route.path.endswith("/action")
            and not is_volatile(route)
        )
    ),
)  # fmt: skip
def test_bodies(siblings: dict[str, Sibling], service: str, route: Route) -> None:
    asked = siblings[service]
    notes = asked.router.resources[route.resource].notes["method", route.action]
    version = VERSIONS.get(service, ApiVersion(1, 0))
    schema = UNNOTED.get((service, f"{route.resource}.{route.action}"))
    schema = schema or hostile.schema_of(notes, version) or {"type": "object"}
    bodies = hostile.Bodies(known_of(asked)).near(schema)
    content_type = PATCH if schema is image_schemas.PATCH else JSON

    @hostile.patient(40)
    @given(body=bodies)
    def check(body: Any) -> None:
        path = hostile.fill(route.path, asked.ids)
        assert hostile.judge(service, asked.ask(route.method, path, body, content_type)) == ""

    check()


@pytest.mark.parametrize(("service", "route"), pick(lambda route: route.path.endswith("/action")))
def test_bodies_of_actions(siblings: dict[str, Sibling], service: str, route: Route) -> None:
    """Of all actions that the resource has."""
    asked = siblings[service]
    version = VERSIONS[service]
    bodies = hostile.Bodies(known_of(asked))
    schemas = [
        schema
        for (kind, _), notes in asked.router.resources[route.resource].notes.items()
        if kind == "action" and (schema := hostile.schema_of(notes, version)) is not None
    ]

    @hostile.patient(40 * len(schemas))
    @given(body=st.sampled_from(schemas).flatmap(bodies.near))
    def check(body: Any) -> None:
        path = hostile.fill(route.path, asked.ids)
        assert hostile.judge(service, asked.ask("POST", path, body)) == ""

    check()


@pytest.mark.parametrize(("service", "route"), pick(hostile.is_listing))
def test_queries(siblings: dict[str, Sibling], service: str, route: Route) -> None:
    asked = siblings[service]
    path = hostile.fill(route.path, asked.ids)
    names = hostile.names_read(lambda query: asked.ask("GET", f"{path}?{query}"))

    @hostile.patient(30 + 6 * len(names))
    @given(query=hostile.queries(names | MORE_NAMES, f"{SERVICES}/{service}"))
    def check(query: str) -> None:
        assert hostile.judge(service, asked.ask("GET", f"{path}?{query}")) == ""

    check()
