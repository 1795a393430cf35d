"""One request to Nova's own WSGI application, and to ours, each as far as it comes without a cloud.

Nova's is all of its router, resources and schemas; ours has its pipeline's faults. Neither gets
further than to where it first looks at who asks: what comes so far has been accepted.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import nova.conf
import nova.rpc
import webob
from nova import objects
from nova.api.openstack import FaultWrapper
from nova.api.openstack import wsgi as novas_wsgi
from nova.api.openstack.compute import routes as novas_routes
from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite.db.engine import Database
from devstack_lite.rpc.transport import get_transport
from devstack_lite.wsgi import faults
from devstack_lite.wsgi.middleware.faultwrap import FaultWrap
from devstack_lite.wsgi.request import CONTEXT
from devstack_lite.wsgi.router import Router
from devstack_lite.wsgi.versions import ApiVersion
from services.api.router import make_router
from tests.differential.near_bodies import UUID

PREFIX = "/v2.1"

LACKING: dict[str, str] = {
    "/": "served here by an application of its own, without a token",
    "/versions": "the same document by another name, without a token elsewhere",
}
"""Of Nova's, what there is not here, by the beginning of its path or by action, and why."""


class Accepted(BaseException):
    """Somebody looked at who asks; no handler of errors stops it on its way."""


class Nobody:
    """Who asks; whoever looks ends the request."""

    def __getattribute__(self, name: str) -> Any:
        raise Accepted(name)


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a request; status 0 is that it was accepted."""

    status: int
    message: str = ""
    name: str = ""
    headers: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.status} {self.message}" if self.status else "accepted"


class Application:
    """A WSGI application without its authentication."""

    def __init__(self, app: Any, context: str) -> None:
        self._app = app
        self._context = context

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        body: Any = None,
        data: bytes | None = None,
        version: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Said:
        """Send one request. body goes as JSON; data as it is."""
        request = webob.Request.blank(quote(PREFIX + path), method=method)
        request.environ.update(SCRIPT_NAME=PREFIX, PATH_INFO=path, QUERY_STRING=query)
        request.environ[self._context] = Nobody()
        if body is not None:
            data = json.dumps(body).encode()
        if data is not None:
            request.body = data
            request.headers["Content-Type"] = "application/json"
        if version:
            request.headers["OpenStack-API-Version"] = f"compute {version}"
        request.headers.update(headers or {})
        try:
            return _said(request.get_response(self._app))
        except Accepted:
            return Said(0)


def _said(response: webob.Response) -> Said:
    if response.status_int < 300:
        return Said(0, headers=dict(response.headers))
    try:
        ((name, fault),) = json.loads(response.body).items()
        message = fault["message"]
    except (ValueError, TypeError, KeyError):
        name, message = "", response.text
    return Said(response.status_int, message, name, dict(response.headers))


def _prepare() -> None:
    """Make Nova ready for its controllers; whatever would go by RPC goes nowhere."""
    logging.getLogger("nova").setLevel(logging.CRITICAL)
    conf = nova.conf.CONF
    conf([], project="nova", default_config_files=[])
    conf.set_override("response_validation", "ignore", group="api")
    objects.register_all()
    nova.rpc.get_client = lambda *_, **__: SimpleNamespace()
    nova.rpc.get_notifier = lambda *_, **__: SimpleNamespace()


def novas_application() -> Application:
    """Return Nova's."""
    _prepare()
    return Application(FaultWrapper(novas_routes.APIRouterV21()), "nova.context")


def our_router() -> Router:
    """Return ours; there is nothing in its database."""
    conf = options.register(cfg.ConfigOpts())
    conf([], project="devstack-lite", default_config_files=[])
    get_transport(conf)  # registers transport_url
    conf.set_override("transport_url", "fake:/")
    return make_router(conf, Database("sqlite://"), get_transport(conf))


def our_application(router: Router) -> Application:
    return Application(FaultWrap(router, faults.compute_fault), CONTEXT)


@dataclass(frozen=True, slots=True)
class Served:
    """What Nova serves one route, or one action of one, with."""

    method: str
    path: str
    action: str
    """The key of the body; empty where the route alone says it."""
    serves: Any

    @property
    def is_removed(self) -> bool:
        return bool(getattr(self.serves, "removed", False))

    def __str__(self) -> str:
        return " ".join(filter(None, (self.method, self.path, self.action)))


def served_by_nova() -> list[Served]:
    """Return all that Nova's list of routes leads to."""
    _prepare()
    made: dict[Any, novas_wsgi.Resource] = {}
    found = []
    for path, methods in novas_routes.ROUTE_LIST:
        if isinstance(methods, str):
            continue
        for method, (make, name) in methods.items():
            resource = made.setdefault(make, None) or make()
            made[make] = resource
            own = getattr(resource.controller, name, None)
            if own is not None:
                found.append(Served(method, path, "", own))
                continue
            found += [
                Served(method, path, action, one)
                for action, one in sorted(resource.wsgi_actions.items())
            ]
    return found


def lacking(served: Served) -> str | None:
    """Return why something of Nova's is not here; None when it is."""
    parts = served.path.split("/")
    above = ("/".join(parts[:length]) for length in range(len(parts), 1, -1))
    return next((LACKING[one] for one in above if one in LACKING), LACKING.get(served.action))


def path_of(served: Served, version: str) -> str:
    if served.path == "/os-services/{id}" and ApiVersion.parse(version) < ApiVersion(2, 53):
        return "/os-services/enable"
    return re.sub(r"{\w+}", UUID, served.path)
