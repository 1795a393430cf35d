"""Extensions of the compute API, as packages bring them: what they may do, and what stops them."""
# ruff: noqa: A002 - `id` is the routes' name

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import pytest

from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.plugins import Plugin
from devstack_lite.wsgi import validation
from devstack_lite.wsgi.decorators import action, api_version, expected_errors, extends, response
from devstack_lite.wsgi.extensions import (
    API_NAMESPACE,
    SERVER_CREATE_NAMESPACE,
    ControllerExtension,
    ExtensionDescriptor,
    ResourceExtension,
    ServerCreateExtension,
)
from services.api.extensions import loading
from services.api.extensions.loading import CoreAPIMissing, DuplicateAlias, check_at_start
from tests.api.conftest import ADMIN, DEMO_PROJECT, Api, Cloud
from tests.api.test_compute_api import message

NOTE = {
    "type": "object",
    "properties": {"note": {"type": "string"}},
    "required": ["note"],
    "additionalProperties": False,
}


class NotesController:
    """Notes in memory, by every way in which a method may be reached."""

    def __init__(self) -> None:
        self.notes = {"1": "milk"}

    def index(self, req: Any, **above: str) -> Any:
        return {"notes": sorted(self.notes.values()), **above}

    @expected_errors(404)
    def show(self, req: Any, id: str, **above: str) -> Any:
        if id == "broken":
            raise KeyError(id)
        if id not in self.notes:
            raise NotFound(f"Note {id} could not be found.")
        return {"note": self.notes[id], **above}

    @response(201)
    @validation.schema(NOTE)
    def create(self, req: Any, body: Any) -> Any:
        return {"note": body["note"]}

    @response(204)
    def delete(self, req: Any, id: str) -> None:
        del self.notes[id]

    def count(self, req: Any) -> Any:
        return {"count": len(self.notes)}

    def shout(self, req: Any, id: str, body: Any) -> Any:
        return {"shouted": self.notes[id].upper(), "to": body["to"]}

    @action("fold")
    @response(202)
    def fold(self, req: Any, id: str, body: Any) -> Any:
        return {"folded": id, "how": body["fold"]}

    @api_version("2.1", "2.10")
    def now(self, req: Any) -> Any:
        return {"is": "now"}

    @api_version("2.9999")
    def one_day(self, req: Any) -> Any:
        raise AssertionError

    @validation.query_schema({"type": "object", "additionalProperties": False})
    def health(self, req: Any) -> Any:
        return {"is": "well"}


class Notes(ExtensionDescriptor):
    """Notes of any kind."""

    name = "Notes"
    alias = "os-notes"
    updated = "2026-11-01T00:00:00Z"

    def get_resources(self) -> list[ResourceExtension]:
        server = {"member_name": "server", "collection_name": "servers"}
        return [
            ResourceExtension(
                "os-notes", NotesController(),
                collection_actions={"count": "GET", "now": "GET", "one_day": "GET"},
                member_actions={"shout": "POST"},
                custom_routes=["GET /notes-health health"],
            ),
            ResourceExtension("os-server-notes", NotesController(), parent=server),
        ]  # fmt: skip


class LoudFlavorsController:
    @extends
    def show(self, req: Any, resp_obj: Any, id: str) -> None:
        resp_obj.obj["flavor"]["os-loud:name"] = resp_obj.obj["flavor"]["name"].upper()
        resp_obj.headers["X-Loud"] = id

    @extends
    def index(self, req: Any, resp_obj: Any) -> None:
        resp_obj.code = 203

    @action("whisper")
    def whisper(self, req: Any, id: str, body: Any) -> Any:
        return {"whispered": id}

    def sing(self, req: Any, id: str) -> Any:
        return {"song": id}


class WhisperController:
    @extends(action="whisper")
    def softer(self, req: Any, resp_obj: Any, id: str, body: Any) -> None:
        resp_obj.obj["softly"] = body["whisper"]


class Loud(ExtensionDescriptor):
    """More of servers and flavors."""

    name = "Loud"
    alias = "os-loud"

    def get_controller_extensions(self) -> list[ControllerExtension]:
        return [
            ControllerExtension(
                self, "flavors", LoudFlavorsController(), member_actions={"sing": "GET"}
            )
        ]


class Colour(ServerCreateExtension):
    """A colour that becomes metadata and a hint; black is refused."""

    alias = "os-colour"

    def get_server_create_schema(self) -> Mapping[str, Any]:
        return {"os-colour:colour": {"type": "string"}}

    def server_create(self, context: Any, server_dict: Any, create_kwargs: Any) -> None:
        colour = server_dict.get("os-colour:colour")
        if colour == "black":
            raise Invalid("A server cannot be black.")
        if colour == "bad":
            create_kwargs["metadata"]["colour"] = 7
        elif colour:
            create_kwargs["metadata"]["colour"] = colour
            create_kwargs["scheduler_hints"]["colour"] = colour


class Broken(ExtensionDescriptor):
    name = "Broken"
    alias = "os-broken"
    why: ClassVar[str] = "its cellar is flooded"

    def get_resources(self) -> list[ResourceExtension]:
        raise OSError(self.why)


class Greedy(ExtensionDescriptor):
    """Adds a collection of its own, then wants one that is there: gets neither."""

    name = "Greedy"
    alias = "os-greedy"

    def get_resources(self) -> list[ResourceExtension]:
        return [
            ResourceExtension("os-fresh", NotesController()),
            ResourceExtension("servers", NotesController()),
        ]


class Unnamed(ExtensionDescriptor):
    pass


def plugin(loaded: Any, namespace: str = API_NAMESPACE) -> Plugin:
    name = loaded.__name__.lower() if isinstance(loaded, type) else "thing"
    return Plugin(namespace=namespace, name=name, source="a:B", loaded=loaded)


Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Have these plugins be what packages offer."""

    def have(*plugins: Plugin) -> None:
        monkeypatch.setattr(
            loading, "discover", lambda name: [one for one in plugins if one.namespace == name]
        )

    return have


@pytest.fixture
def api(cloud: Cloud, install: Install) -> Api:
    from devstack_lite.db import flavors
    from devstack_lite.objects.compute import Flavor

    if not any(one.id == "1" for one in flavors.list_flavors(cloud.db)):
        flavors.create_flavor(
            cloud.db, flavor=Flavor(id="1", name="m1.tiny", vcpus=1, memory_mb=512, root_gb=1)
        )
    install(plugin(Notes), plugin(Loud), plugin(Broken), plugin(Greedy))
    return cloud.api("osapi_compute")


def test_a_collection_of_its_own(api: Api) -> None:
    """Its standard methods answer below both forms of the URL."""
    for base in ("/v2.1/os-notes", f"/v2.1/{DEMO_PROJECT}/os-notes"):
        assert api("GET", base).json == {"notes": ["milk"]}
        assert api("GET", f"{base}/1").json == {"note": "milk"}
    made = api("POST", "/v2.1/os-notes", {"note": "tea"})
    assert (made.status, made.json) == (201, {"note": "tea"})
    refused = message(api("POST", "/v2.1/os-notes", {"note": 7}), 400, "badRequest")
    assert "note. Value: 7" in refused
    assert api("DELETE", "/v2.1/os-notes/1").status == 204
    assert api("PUT", "/v2.1/os-notes/1", {}).status == 405


def test_actions_and_routes_of_its_own(api: Api) -> None:
    """Of the collection, of a member, POST …/action, and a path without a project's id."""
    assert api("GET", "/v2.1/os-notes/count").json == {"count": 1}
    body = {"to": "all"}
    assert api("POST", "/v2.1/os-notes/1/shout", body).json == {"shouted": "MILK", **body}
    folded = api("POST", "/v2.1/os-notes/1/action", {"fold": "twice"})
    assert (folded.status, folded.json) == (202, {"folded": "1", "how": "twice"})
    assert api("GET", "/v2.1/notes-health").json == {"is": "well"}
    assert api("GET", f"/v2.1/{DEMO_PROJECT}/notes-health").status == 404
    assert api("GET", "/v2.1/notes-health?how=1").status == 400


def test_below_a_parent(api: Api) -> None:
    """The parent's id comes as an argument."""
    path = "/v2.1/servers/s-1/os-server-notes"
    assert api("GET", path).json == {"notes": ["milk"], "server_id": "s-1"}
    assert api("GET", f"{path}/1").json == {"note": "milk", "server_id": "s-1"}


def test_versions_and_expected_errors(api: Api) -> None:
    """A method is there in its microversions alone; an error that it does not name is a 500."""
    assert api("GET", "/v2.1/os-notes/now").status == 200
    assert api("GET", "/v2.1/os-notes/one_day").status == 404
    assert message(api("GET", "/v2.1/os-notes/7"), 404, "itemNotFound").startswith("Note 7")
    hidden = message(api("GET", "/v2.1/os-notes/broken"), 500, "computeFault")
    assert "broken" not in hidden


def test_more_for_a_collection_that_is_there(cloud: Cloud, install: Install) -> None:
    """Responses are extended, actions added and extended, methods routed below it."""

    class Softer(ExtensionDescriptor):
        name, alias = "Softer", "os-softer"

        def get_controller_extensions(self) -> list[ControllerExtension]:
            return [ControllerExtension(self, "flavors", WhisperController())]

    class Acting(ExtensionDescriptor):
        name, alias = "Acting", "os-acting"

        def get_controller_extensions(self) -> list[ControllerExtension]:
            return [ControllerExtension(self, "servers", LoudServers())]

    class LoudServers:
        @action("whisper")
        def whisper(self, req: Any, id: str, body: Any) -> Any:
            return {"whispered": id}

    class SofterServers(ExtensionDescriptor):
        name, alias = "SofterServers", "os-softer-servers"

        def get_controller_extensions(self) -> list[ControllerExtension]:
            return [ControllerExtension(self, "servers", WhisperController())]

    install(plugin(Loud), plugin(Softer), plugin(Acting), plugin(SofterServers))
    api = cloud.api("osapi_compute")
    shown = api("GET", "/v2.1/flavors/1")
    assert shown.json["flavor"]["os-loud:name"] == "M1.TINY"
    assert shown.headers["X-Loud"] == "1"
    assert api("GET", "/v2.1/flavors").status == 203
    assert api("GET", "/v2.1/flavors/1/sing").json == {"song": "1"}
    latest = {"OpenStack-API-Version": "compute latest"}
    assert api("GET", "/v2.1/flavors/1/sing?loud=1", headers=latest).json == {"song": "1"}
    assert api("GET", "/v2.1/flavors/1?loud=1", headers=latest).status == 400
    done = api("POST", "/v2.1/servers/s/action", {"whisper": "hush"})
    assert done.json == {"whispered": "s", "softly": "hush"}


def test_policies_of_its_own(cloud: Cloud, install: Install) -> None:
    """A rule that it brings is asked by its default; one for nobody leaves the extension out."""

    class Guarded(ExtensionDescriptor):
        name, alias = "Guarded", "os-guarded"

        def get_resources(self) -> list[ResourceExtension]:
            return [ResourceExtension("os-guarded", GuardedController(self.env))]

        def get_policies(self) -> Mapping[str, str]:
            return {"os_compute_api:os-guarded:index": "admin"}

    class GuardedController:
        def __init__(self, env: Any) -> None:
            self.env = env

        def index(self, req: Any) -> Any:
            self.env.authorize(req.context, "os_compute_api:os-guarded:index")
            return {}

    class Odd(Notes):
        def get_policies(self) -> Mapping[str, str]:
            return {"os_compute_api:os-notes:index": "nobody"}

    install(plugin(Guarded), plugin(Odd))
    api = cloud.api("osapi_compute")
    assert api("GET", "/v2.1/os-guarded", token=ADMIN).status == 200
    refused = message(api("GET", "/v2.1/os-guarded"), 403, "forbidden")
    assert refused == "Policy doesn't allow os_compute_api:os-guarded:index to be performed."
    assert api("GET", "/v2.1/os-notes").status == 404


def test_what_is_listed(api: Api) -> None:
    """The API's own parts and what packages bring, but nothing that was left out."""
    listed = {one["alias"]: one for one in api("GET", "/v2.1/extensions").json["extensions"]}
    assert {"os-keypairs", "os-notes", "os-loud"} <= set(listed)
    assert not {"os-broken", "os-greedy"} & set(listed)
    shown = api("GET", "/v2.1/extensions/os-notes").json["extension"]
    assert shown == listed["os-notes"]
    assert (shown["name"], shown["description"]) == ("Notes", "Notes of any kind.")
    assert message(api("GET", "/v2.1/extensions/os-broken"), 404, "itemNotFound")


def test_one_that_fails_is_left_out_whole(
    cloud: Cloud, install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of it is there, the others are, and one sentence names it and why."""
    install(plugin(Greedy), plugin(Broken), plugin(Notes))
    api = cloud.api("osapi_compute")
    assert api("GET", "/v2.1/os-fresh").status == 404
    assert api("GET", "/v2.1/os-notes").status == 200
    said = [record.getMessage() for record in caplog.records]
    assert "the extension broken (a:B) is left out: its cellar is flooded" in said
    assert any("greedy" in one and "a collection servers already" in one for one in said)


@pytest.fixture
def options(cloud: Cloud) -> Iterator[Callable[..., None]]:
    names: list[str] = []

    def override(**values: Any) -> None:
        for name, value in values.items():
            names.append(name)
            cloud.conf.set_override(name, value, group="api")

    yield override
    for name in names:
        cloud.conf.clear_override(name, group="api")


def test_allowed_and_denied(cloud: Cloud, install: Install, options: Callable[..., None]) -> None:
    """The allow list leaves what it names and the core; the deny list wins over it."""
    install(plugin(Notes), plugin(Loud))
    options(extensions_allowed=["os-notes", "os-loud"], extensions_denied=["os-loud"])
    api = cloud.api("osapi_compute")
    listed = {one["alias"] for one in api("GET", "/v2.1/extensions").json["extensions"]}
    assert "os-notes" in listed
    assert not {"os-loud", "os-keypairs", "os-hypervisors"} & listed
    assert api("GET", "/v2.1/os-keypairs").status == 404
    assert api("GET", "/v2.1/flavors/1/sing").status == 404
    assert api("GET", "/v2.1/servers").status == 200


def test_denying_the_core_stops_the_start(
    cloud: Cloud, install: Install, options: Callable[..., None]
) -> None:
    """In Nova's words, before anything is forked."""
    install()
    options(extensions_denied=["servers", "limits"])
    with pytest.raises(CoreAPIMissing, match="Core API extensions are missing: limits, servers"):
        check_at_start(cloud.conf)


def test_a_core_without_routes_stops_the_start(cloud: Cloud, install: Install) -> None:
    """A tree that has lost a part of it does not serve the rest."""
    from services.api.extensions.installing import assemble
    from services.api.extensions.loading import choose
    from services.api.routes import ROUTES
    from services.api.versions import VERSIONS

    install()
    resources: Any = {one.resource: object() for one in ROUTES if one.resource != "flavors"}
    with pytest.raises(CoreAPIMissing, match=r"are missing: flavors$"):
        assemble(
            choose(cloud.conf), None, routes=ROUTES, resources=resources, versions=VERSIONS,
        )  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize("alias", ["os-notes", "os-keypairs"])
def test_an_alias_is_taken_once(cloud: Cloud, install: Install, alias: str) -> None:
    """Two of one alias stop the start, unless one is denied; the API's own count."""
    other = type("Other", (ExtensionDescriptor,), {"alias": alias, "name": "Other"})
    install(plugin(Notes), plugin(other))
    with pytest.raises(DuplicateAlias, match=f"the alias {alias} is taken twice"):
        check_at_start(cloud.conf)


def test_what_cannot_be_used_is_said(
    cloud: Cloud,
    install: Install,
    options: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A failed import, no class, no name, an option that names nobody: a sentence each."""
    broken = plugin("x").with_problem("it cannot be imported (ModuleNotFoundError: no x)")
    install(broken, plugin(7), plugin(Unnamed))
    options(extensions_allowed=["os-typo"])
    check_at_start(cloud.conf)
    left_out = "api: the extension {} (a:B) is left out: {}"
    assert capsys.readouterr().err.splitlines() == [
        left_out.format("thing", "it cannot be imported (ModuleNotFoundError: no x)"),
        left_out.format("thing", "it is no subclass of ExtensionDescriptor"),
        left_out.format("unnamed", "it does not say its alias and name"),
        "api: [api] extensions_allowed or _denied names os-typo: there is no such extension",
    ]


def test_taking_part_in_create(cloud: Cloud, install: Install) -> None:
    """Its attribute is allowed, goes into metadata, may be refused; its own faults are told."""
    install(plugin(Colour, SERVER_CREATE_NAMESPACE))
    api = cloud.api("osapi_compute")
    server = {"name": "vm", "flavorRef": "no-such", "imageRef": ""}

    def create(**more: Any) -> str:
        answer = api("POST", "/v2.1/servers", {"server": {**server, **more}})
        return message(answer, 400, "badRequest")

    assert create(**{"os-colour:colour": "black"}) == "A server cannot be black."
    assert "Flavor no-such" in create(**{"os-colour:colour": "red"})
    assert "colour. Value: 7" in create(**{"os-colour:colour": "bad"})
    assert "os-colour:colour. Value: 7" in create(**{"os-colour:colour": 7})
    install()
    api = cloud.api("osapi_compute")
    assert "os-colour:colour" in create(**{"os-colour:colour": "red"})


def test_what_create_is_asked_with(api: Api) -> None:
    """What extensions add to the arguments is what the body says afterwards."""
    from services.api.extensions.server_create import ServerCreatePoint

    made = Colour(env=None)  # type: ignore[arg-type]
    point = ServerCreatePoint(extensions=[made], attributes=made.get_server_create_schema())
    body = {"server": {"name": "vm", "os-colour:colour": "red", "metadata": {"a": "b"}}}

    class Asked:
        context = None

    prepared = point.prepare(Asked(), body)  # type: ignore[arg-type]
    assert prepared == {
        "server": {"name": "vm", "metadata": {"a": "b", "colour": "red"}},
        "os:scheduler_hints": {"colour": "red"},
    }
    assert api("GET", "/v2.1/extensions", token=ADMIN).status == 200
