"""What an API extension is written with: a descriptor, and what it brings.

    class Documents(ExtensionDescriptor):
        \"\"\"Documents that belong to a project.\"\"\"

        name = "Documents"
        alias = "os-documents"
        updated = "2026-01-01T00:00:00Z"

        def get_resources(self) -> list[ResourceExtension]:
            return [ResourceExtension("os-documents", DocumentsController(self.env))]

An entry point in `devstack_lite.api.extensions` names the class; docs/extending.md leads through
one.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from devstack_lite.clients.image import ImageClient
from devstack_lite.db.engine import Database
from devstack_lite.wsgi.resource import methods_of
from devstack_lite.wsgi.router import Route, rows

if TYPE_CHECKING:
    from devstack_lite.context import RequestContext
    from devstack_lite.objects.compute import Instance
    from devstack_lite.rpc.client import RpcClient
    from devstack_lite.wsgi.request import Reply, Request

API_NAMESPACE = "devstack_lite.api.extensions"
SERVER_CREATE_NAMESPACE = "devstack_lite.api.server_create"

IMAGE_TIMEOUT_S = 30.0

R = TypeVar("R", bound="RpcClient")

STANDARD = (
    ("index", "GET", ""),
    ("create", "POST", ""),
    ("show", "GET", "/{id}"),
    ("update", "PUT", "/{id}"),
    ("delete", "DELETE", "/{id}"),
)
"""The methods that a collection has by their names alone."""


class ServerReader(Protocol):
    """Reads servers."""

    def __call__(self, context: RequestContext, uuid: str) -> Instance:
        """Return a server that the caller may see. Raises NotFound."""


class ActOnServer(Protocol):
    """Does what the API's own actions do."""

    def __call__(self, req: Request, uuid: str, body: dict[str, Any]) -> Reply:
        """Do what POST /servers/{uuid}/action with this body does, its checks and policy included.

        Raises what the action raises.
        """


class Authorize(Protocol):
    """Asks the policy; the rule is one that get_policies() names, or one of the API's own."""

    def __call__(self, context: RequestContext, rule: str) -> None:
        """Raise Forbidden, naming the rule, unless the caller may change what its project has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What an extension works with. One per api worker, made after the fork."""

    conf: Any
    """The api's configuration, read-only."""
    db: Database
    """The database; the connection cannot write. What changes goes through the conductor."""
    transport: Any
    """The way to the broker, for `rpc`."""
    get_server: ServerReader
    authorize: Authorize
    act_on_server: ActOnServer

    def rpc(self, interface: type[R]) -> R:
        """Return a client of an RPC interface, the package's own or one of the daemons'."""
        return interface(self.transport, call_monitor_s=self.conf.rpc.call_monitor_s)

    def image(self) -> ImageClient:
        """Return a client of the image service, which it asks in the caller's name."""
        return ImageClient(self.conf.endpoints.image, timeout_s=IMAGE_TIMEOUT_S)


class ResourceExtension:
    """A collection of its own: `/os-things`, `/os-things/{id}`."""

    def __init__(
        self,
        collection: str,
        controller: Any,
        *,
        parent: Mapping[str, str] | None = None,
        collection_actions: Mapping[str, str] | None = None,
        member_actions: Mapping[str, str] | None = None,
        custom_routes: Iterable[str] = (),
    ) -> None:
        """Describe it.

        collection: the path's part, and the resource's name. controller: its methods index, create,
        show, update and delete are routed if they are there, `@action` ones as POST …/{id}/action.
        parent: {"member_name": "server", "collection_name": "servers"} puts it below
        `/servers/{server_id}`. collection_actions, member_actions: {method's name: HTTP's}, at
        `/os-things/NAME` and `/os-things/{id}/NAME`. custom_routes: lines `METHOD path method`,
        paths of any form, each without the project's id.
        """
        self.collection = collection
        self.controller = controller
        self._parent = parent
        self._collection_actions = collection_actions or {}
        self._member_actions = member_actions or {}
        self._custom_routes = tuple(custom_routes)

    def routes(self) -> list[Route]:
        """Return its routes, those that name a fixed word before those that match any."""
        base = f"/{self.collection}"
        if self._parent is not None:
            above = self._parent
            base = f"/{above['collection_name']}/{{{above['member_name']}_id}}{base}"
        found = list(methods_of(self.controller))
        names = {name for name, _method, _notes in found}
        lines = [
            *_lines(f"{base}/", self._collection_actions),
            *(f"{method} {base}{path} {name}" for name, method, path in STANDARD if name in names),
            *_lines(f"{base}/{{id}}/", self._member_actions),
        ]
        if any(notes.action is not None for _name, _method, notes in found):
            lines.append(f"POST {base}/{{id}}/action action")
        custom = rows(self.collection, *self._custom_routes)
        plain = [
            Route(method=one.method, path=one.path, resource=one.resource, action=one.action,
                  is_plain=True)
            for one in custom
        ]  # fmt: skip
        return [*plain, *rows(self.collection, *lines)]


class ControllerExtension:
    """More for a collection that is there: actions, extended responses, methods at paths."""

    def __init__(
        self,
        extension: ExtensionDescriptor,
        collection: str,
        controller: Any,
        *,
        collection_actions: Mapping[str, str] | None = None,
        member_actions: Mapping[str, str] | None = None,
    ) -> None:
        """Describe it; the words are those of ResourceExtension."""
        self.extension = extension
        self.collection = collection
        self.controller = controller
        self._collection_actions = collection_actions or {}
        self._member_actions = member_actions or {}

    def routes(self, resource: str, base: str) -> list[Route]:
        """Return the routes that it adds to a resource whose collection is at the path base."""
        return rows(
            resource,
            *_lines(f"{base}/", self._collection_actions),
            *_lines(f"{base}/{{id}}/", self._member_actions),
        )


def _lines(base: str, actions: Mapping[str, str]) -> list[str]:
    return [f"{method} {base}{name} {name}" for name, method in actions.items()]


class ExtensionDescriptor:
    """Base of what `devstack_lite.api.extensions` names. Made once in each api worker."""

    name: ClassVar[str]
    alias: ClassVar[str]
    description: ClassVar[str] = ""
    """What GET /extensions says; the class's docstring when empty."""
    updated: ClassVar[str] = ""
    """When it was last changed, as 2026-01-01T00:00:00Z."""

    def __init__(self, env: Environment) -> None:
        self.env = env

    def get_resources(self) -> Sequence[ResourceExtension]:
        """Return the collections that it adds."""
        return ()

    def get_controller_extensions(self) -> Sequence[ControllerExtension]:
        """Return what it adds to collections that are there."""
        return ()

    def get_policies(self) -> Mapping[str, str]:
        """Return the rules that it asks by, and whom each lets: admin, member, reader or any.

        A policy file overrides them, as it does the API's own.
        """
        return {}


class ServerCreateExtension:
    """Base of what `devstack_lite.api.server_create` names: it takes part in POST /servers.

    Its alias is that of the extension it belongs to, so that one word allows or denies both.
    """

    alias: ClassVar[str]

    def __init__(self, env: Environment) -> None:
        self.env = env

    def get_server_create_schema(self) -> Mapping[str, Any]:
        """Return the attributes that it adds to `server` in the body: {name: JSON schema}."""
        return {}

    def server_create(
        self, context: RequestContext, server_dict: Mapping[str, Any], create_kwargs: dict[str, Any]
    ) -> None:
        """Add to what the server is created with, or raise Invalid (400) to refuse it.

        server_dict: what the client sent, this extension's own attributes among it. create_kwargs:
        what is passed on, and may be changed: `server`'s attributes under their own names (as
        `metadata`, `user_data`, `availability_zone`, `networks`) and `scheduler_hints`. The result
        passes the checks that a client's own words pass.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionRecord:
    """What GET /extensions says of one."""

    alias: str
    name: str
    description: str
    updated: str

    @classmethod
    def of(cls, descriptor: type[ExtensionDescriptor] | ExtensionDescriptor) -> ExtensionRecord:
        """Return what a descriptor says of itself."""
        kind = descriptor if isinstance(descriptor, type) else type(descriptor)
        return cls(
            alias=descriptor.alias,
            name=descriptor.name,
            description=descriptor.description or inspect.cleandoc(kind.__doc__ or ""),
            updated=descriptor.updated,
        )
