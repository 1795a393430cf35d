"""Puts extensions into the API's table of routes and its resources, each wholly or not at all."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass

from devstack_lite.wsgi.extensions import (
    ControllerExtension,
    Environment,
    ExtensionDescriptor,
    ExtensionRecord,
)
from devstack_lite.wsgi.resource import Resource
from devstack_lite.wsgi.router import Route
from devstack_lite.wsgi.versions import VersionRange
from services.api.controllers.extensions import ExtensionsController
from services.api.extensions import rules
from services.api.extensions.builtin import BUILTINS, CORE
from services.api.extensions.loading import Chosen, CoreAPIMissing
from services.api.extensions.server_create import ServerCreatePoint
from services.api.schemas import queries

LOG = logging.getLogger(__name__)

_VARIABLE = re.compile(r"\{[^}]*\}")


@dataclass(slots=True, kw_only=True)
class Assembly:
    """The API as far as it is put together."""

    routes: list[Route]
    resources: dict[str, Resource]
    collections: dict[str, str]
    """Each collection's path without its slash, and the resource that serves it."""
    versions: VersionRange


def assemble(
    chosen: Chosen,
    env: Environment,
    *,
    routes: Iterable[Route],
    resources: dict[str, Resource],
    versions: VersionRange,
) -> Assembly:
    """Return the API of what was chosen: its own collections, and what packages add.

    What cannot be installed is left out, with a line in the log. Raises CoreAPIMissing.
    """
    made = _builtin(chosen, list(routes), resources, versions)
    records = [one.record for one in chosen.builtins if one.record is not None]
    for plugin in chosen.descriptors:
        try:
            descriptor = plugin.loaded(env)
            policies = descriptor.get_policies()
            rules.check(policies)
            made = _with(made, descriptor)
        except Exception as error:
            LOG.exception("the extension %s is left out: %s", plugin, error)  # noqa: TRY401
        else:
            rules.register(policies)
            records.append(ExtensionRecord.of(descriptor))
    made.resources["extensions"] = Resource(
        ExtensionsController(records), versions=versions, query=queries.NOTHING
    )
    create = ServerCreatePoint.of(chosen.server_create, env)
    if create is not None:
        create.install(made.resources["servers"])
    return made


def _builtin(
    chosen: Chosen, routes: list[Route], resources: dict[str, Resource], versions: VersionRange
) -> Assembly:
    """Return the API's own part, without what is denied."""
    kept = {one.resource for one in chosen.builtins}
    gone = {one.resource for one in BUILTINS if one.resource} - kept
    routes = [one for one in routes if one.resource not in gone]
    there = {one.resource for one in routes if one.resource in {*resources, "extensions"}}
    if CORE - there:
        raise CoreAPIMissing.of(CORE - there)
    return Assembly(
        routes=routes,
        resources={name: one for name, one in resources.items() if name not in gone},
        collections={
            one.path.removeprefix("/"): one.resource for one in routes if one.path.count("/") == 1
        },
        versions=versions,
    )


def _with(made: Assembly, descriptor: ExtensionDescriptor) -> Assembly:
    """Return the API with an extension. Raises ValueError when something is served already."""
    resources, collections = dict(made.resources), dict(made.collections)
    routes: list[Route] = []
    for extension in descriptor.get_resources():
        name = extension.collection
        if name in resources or name in collections:
            raise ValueError(f"there is a collection {name} already")
        resources[name] = Resource(extension.controller, versions=made.versions)
        collections[name] = name
        routes += extension.routes()
    for more in descriptor.get_controller_extensions():
        routes += _extend(resources, collections, more)
    _check_routes(made.routes, routes)
    return Assembly(
        routes=[*made.routes, *routes], resources=resources, collections=collections,
        versions=made.versions,
    )  # fmt: skip


def _extend(
    resources: dict[str, Resource], collections: dict[str, str], more: ControllerExtension
) -> list[Route]:
    name = collections.get(more.collection)
    if name is None:
        raise ValueError(f"there is no collection {more.collection} to extend")
    # A copy, so that an extension which fails later has changed nothing.
    resources[name] = resources[name].copy()
    resources[name].extend(more.controller)
    return more.routes(name, f"/{more.collection}")


def _check_routes(there: Iterable[Route], new: Iterable[Route]) -> None:
    """Raise ValueError when a method at a path, whatever its variables are called, is there."""
    taken = {(one.method, _VARIABLE.sub("{}", one.path)) for one in there}
    for route in new:
        key = (route.method, _VARIABLE.sub("{}", route.path))
        if key in taken:
            raise ValueError(f"{route.method} {route.path} is served already")
        taken.add(key)
