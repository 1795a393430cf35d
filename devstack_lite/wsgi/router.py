"""From a URL to a Resource, by a Routes mapper.

Each service declares its routes as one table of Route rows; connect() puts them on the mapper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import routes

from devstack_lite.wsgi.faults import HttpError

WsgiApp = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One URL and method: which resource's which method serves it."""

    method: str
    path: str
    resource: str
    action: str
    is_plain: bool = False
    """There is no form of it with a prefix (a project's id)."""


def rows(resource: str, *declarations: str) -> list[Route]:
    """Return Route rows from lines of `METHOD path action`, all of one resource."""
    table = []
    for declaration in declarations:
        method, path, action = declaration.split()
        table.append(Route(method=method, path=path, resource=resource, action=action))
    return table


class Router:
    """The WSGI application that dispatches to the resources of one service.

    404 for a URL that no route knows, 405 with Allow for a method that none of its routes takes.
    prefix is an optional path part before each route, such as `/{project_id}`, tried after the
    plain form. takes_slash: a URL may end with a slash that its route has not.
    """

    def __init__(
        self,
        table: Iterable[Route],
        resources: Mapping[str, WsgiApp],
        *,
        prefixes: Iterable[str] = ("",),
        takes_slash: bool = True,
    ) -> None:
        self._mapper = routes.Mapper()
        self._methods: dict[str, set[str]] = {}
        self._any = routes.Mapper()
        self.routes = tuple(table)
        self.resources = resources
        self._takes_slash = takes_slash
        for prefix in prefixes:
            for route in self.routes:
                if prefix and route.is_plain:
                    continue
                path = prefix + route.path
                requirements = {"project_id": "[0-9a-f]{32}"} if prefix else {}
                self._mapper.connect(
                    path,
                    controller=route.resource,
                    action=route.action,
                    conditions={"method": [route.method]},
                    requirements=requirements,
                )
                if path not in self._methods:
                    self._any.connect(
                        path, controller=path, action="any", requirements=requirements
                    )
                self._methods.setdefault(path, set()).add(route.method)
        self._mapper.create_regs()
        self._any.create_regs()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO") or "/"
        if self._takes_slash and len(path) > 1 and path.endswith("/"):
            path = path[:-1]
        match = self._mapper.match(path, environ)
        if match is None:
            known = self._any.match(path, environ)
            if known is None:
                raise HttpError(404, "The resource could not be found.")
            allowed = ", ".join(sorted(self._methods[known["controller"]]))
            raise HttpError(
                405,
                f"The method {environ['REQUEST_METHOD']} is not allowed for this resource.",
                {"Allow": allowed},
            )
        environ["wsgiorg.routing_args"] = ((), match)
        answer: Iterable[bytes] = self.resources[match["controller"]](environ, start_response)
        return answer
