"""Trying an extension without a cloud: its routes and controllers, and requests to them.

    with make_environment(tmp_path, DocumentsEndpoint) as env:
        client = Client(Documents(env))
        assert client("GET", "/os-documents").json == {"documents": []}

Import it before anything that imports oslo.messaging: it selects the threads that daemons run on.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import webob
from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite import launcher
from devstack_lite.context import RequestContext
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Forbidden, NotFound
from devstack_lite.wsgi.extensions import Environment, ExtensionDescriptor, ResourceExtension
from devstack_lite.wsgi.request import CONTEXT, Request
from devstack_lite.wsgi.resource import Resource, methods_of
from devstack_lite.wsgi.router import Route, Router
from devstack_lite.wsgi.versions import ApiVersion, VersionRange

VERSIONS = VersionRange(service_type="compute", minimum=ApiVersion(2, 1), maximum=ApiVersion(2, 1))

launcher.use_threads()


@contextmanager
def make_environment(folder: Path, *endpoints: type[Any]) -> Iterator[Environment]:
    """Give what an extension works with: a database in folder, messages within the process.

    endpoints: classes that a conductor in this process serves; their tables are made. There are no
    servers; members and administrators may change things.
    """
    from devstack_lite.rpc.server import RpcServer
    from devstack_lite.rpc.transport import get_transport

    db = Database(f"sqlite:///{folder}/cloud.sqlite")
    for endpoint in endpoints:
        if hasattr(endpoint, "tables"):
            endpoint.tables.create_all(db.engine)
    conf = options.register(cfg.CONF)
    conf([], project="devstack-lite", default_config_files=[])
    get_transport(conf)  # registers transport_url
    conf.set_override("transport_url", "fake:/")
    transport = get_transport(conf)
    server = RpcServer(
        transport, topic="conductor", server="test", endpoints=[one(db) for one in endpoints],
        threads=2,
    )  # fmt: skip
    server.start()
    try:
        yield Environment(
            conf=conf, db=db, transport=transport, get_server=_no_server, authorize=_authorize,
            act_on_server=_no_action,
        )  # fmt: skip
    finally:
        server.stop(1.0)
        conf.clear_override("transport_url")
        db.engine.dispose()


def _no_server(context: RequestContext, uuid: str) -> Any:
    raise NotFound(f"Instance {uuid} could not be found.", kind="instance")


def _no_action(req: Request, uuid: str, body: Any) -> Any:
    return _no_server(req.context, uuid)


def _authorize(context: RequestContext, rule: str) -> None:
    if not {"member", "admin"} & set(context.roles):
        raise Forbidden(f"Policy doesn't allow {rule} to be performed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an extension answered."""

    status: int
    headers: Any
    data: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.data)


class Client:
    """Sends requests to what one extension adds, collections and methods of others' collections.

    No filter is between: what a method raises comes out as it was raised.
    """

    def __init__(
        self,
        extension: ExtensionDescriptor,
        *,
        collections: Mapping[str, Any] | None = None,
        project_id: str = "d" * 32,
        versions: VersionRange = VERSIONS,
    ) -> None:
        """Put it together.

        collections: a controller that stands in for each collection whose responses it extends.
        """
        known = collections or {}
        routes: list[Route] = []
        resources: dict[str, Resource] = {}
        for one in extension.get_resources():
            routes += one.routes()
            resources[one.collection] = Resource(one.controller, versions=versions)
        for more in extension.get_controller_extensions():
            name = more.collection
            if name not in resources:
                base = ResourceExtension(name, known.get(name, object()))
                routes += base.routes()
                resources[name] = Resource(base.controller, versions=versions)
            controller = more.controller if name in known else _without_extenders(more.controller)
            resources[name].extend(controller)
            routes += more.routes(name, f"/{name}")
        self._project_id = project_id
        self._app = Router(routes, resources)

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        project_id: str | None = None,
        roles: Sequence[str] = ("member",),
    ) -> Answer:
        """Return the answer to a request of a user in a project with these roles."""
        request = webob.Request.blank(path, method=method)
        if body is not None:
            request.body = json.dumps(body).encode()
            request.content_type = "application/json"
        request.environ["devstack_lite.headers"] = {}
        request.environ[CONTEXT] = RequestContext(
            user_id="a-user",
            project_id=project_id or self._project_id,
            roles=list(roles),
            is_admin="admin" in roles,
        )
        answered = request.get_response(self._app)
        return Answer(status=answered.status_int, headers=answered.headers, data=answered.body)


def _without_extenders(controller: Any) -> Any:
    """Return a controller's methods but for those that extend what is not there."""
    kept = {name: method for name, method, notes in methods_of(controller) if not notes.extends}
    return types.SimpleNamespace(**kept)
