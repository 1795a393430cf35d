"""Extensions that take part in POST /servers: their attributes, and what they pass on."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from devstack_lite.objects.registry import Json
from devstack_lite.plugins import Plugin
from devstack_lite.wsgi.extensions import Environment, ServerCreateExtension
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import Resource
from devstack_lite.wsgi.schema_checks import Schema

LOG = logging.getLogger(__name__)

HINTS = "os:scheduler_hints"
OTHER_HINTS = "OS-SCH-HNT:scheduler_hints"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCreatePoint:
    """Makes the body that /servers knows of the body that extensions know more of."""

    extensions: Sequence[ServerCreateExtension]
    attributes: Mapping[str, Any]
    """What the extensions add to `server`: the attribute's name and its JSON schema."""

    @classmethod
    def of(cls, plugins: Iterable[Plugin], env: Environment) -> Self | None:
        """Return the point, or None when nobody takes part. One that fails is left out."""
        extensions: list[ServerCreateExtension] = []
        attributes: dict[str, Any] = {}
        for plugin in plugins:
            try:
                made = plugin.loaded(env)
                added = _merged(attributes, made.get_server_create_schema())
            except Exception as error:
                LOG.exception("the extension %s is left out: %s", plugin, error)  # noqa: TRY401
                continue
            extensions.append(made)
            attributes = added
        return cls(extensions=extensions, attributes=attributes) if extensions else None

    def install(self, servers: Resource) -> None:
        """Have POST /servers take what the extensions add, and ask them."""
        wider: dict[int, Schema] = {}

        def widen(schema: Schema) -> Schema:
            if id(schema) not in wider:
                wider[id(schema)] = _with(schema, self.attributes)
            return wider[id(schema)]

        servers.prepare("create", self.prepare, widen=widen)

    def prepare(self, req: Request, body: Json) -> Json:
        """Return the body that is created from. Raises what an extension refuses it with."""
        server = body["server"]
        own = {name: value for name, value in server.items() if name not in self.attributes}
        hints = body.get(HINTS) or body.get(OTHER_HINTS) or {}
        kwargs: dict[str, Any] = {
            **copy.deepcopy(own),
            "metadata": dict(own.get("metadata", {})),
            "scheduler_hints": copy.deepcopy(hints),
        }
        for extension in self.extensions:
            extension.server_create(req.context, server, kwargs)
        hints = kwargs.pop("scheduler_hints")
        rest = {name: value for name, value in body.items() if name not in {HINTS, OTHER_HINTS}}
        return {**rest, "server": kwargs, **({HINTS: hints} if hints else {})}


def _merged(attributes: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    twice = set(added) & set(attributes)
    if twice:
        raise ValueError(f"{', '.join(sorted(twice))} is another extension's attribute")
    return {**attributes, **added}


def _with(schema: Schema, attributes: Mapping[str, Any]) -> Schema:
    """Return the schema of a create's body with more attributes of the server."""
    made = copy.deepcopy(dict(schema))
    made["properties"]["server"]["properties"].update(attributes)
    return made
