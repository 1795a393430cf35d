"""A Resource is the WSGI application of one controller: version, body, dispatch, serialisation.

A controller's methods are marked by decorators, each of which only notes something on the function
(`function.api`); Resource reads the notes when it is made:

    class Things:
        @api(status=202, body=schemas.CREATE)
        def create(self, req: Request, body: Json) -> Json: …

        @api(action="os-start", status=202)
        def start(self, req: Request, id: str, body: Json) -> None: …

Methods return a dict (sent as JSON with the noted status), a Reply, or None (no body).
"""

from __future__ import annotations

import http
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import jsonschema

from devstack_lite.exceptions import Invalid
from devstack_lite.wsgi.faults import HttpError
from devstack_lite.wsgi.request import VERSION_HEADERS, Reply, Request
from devstack_lite.wsgi.versions import ApiVersion, VersionRange

F = TypeVar("F", bound=Callable[..., Any])
StartResponse = Callable[..., Any]

JSON_TYPES = frozenset({"application/json", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodNotes:
    """What a decorator noted of one controller method."""

    status: int = 200
    action: str | None = None
    body: Mapping[str, Any] | None = None
    query: Mapping[str, Any] | None = None
    since: ApiVersion | None = None
    until: ApiVersion | None = None
    accepts: frozenset[str] = field(default=JSON_TYPES)


def api(
    *,
    status: int = 200,
    action: str | None = None,
    body: Mapping[str, Any] | None = None,
    query: Mapping[str, Any] | None = None,
    since: str | None = None,
    until: str | None = None,
    accepts: Iterable[str] = JSON_TYPES,
) -> Callable[[F], F]:
    """Note how a method is offered.

    status of a success; action: the key of POST …/action that it serves; body, query: JSON schemas;
    since, until: the microversions between which it exists (404 elsewhere); accepts: content types
    of the body.
    """
    notes = MethodNotes(
        status=status,
        action=action,
        body=body,
        query=query,
        since=ApiVersion.parse(since) if since else None,
        until=ApiVersion.parse(until) if until else None,
        accepts=frozenset(accepts),
    )

    def mark(function: F) -> F:
        function.api = notes  # type: ignore[attr-defined]
        return function

    return mark


_PLAIN = MethodNotes()


class Resource:
    """The WSGI application of one controller."""

    def __init__(self, controller: Any, *, versions: VersionRange | None = None) -> None:
        self.controller = controller
        self._versions = versions
        self._methods: dict[str, tuple[Callable[..., Any], MethodNotes]] = {}
        self._actions: dict[str, tuple[Callable[..., Any], MethodNotes]] = {}
        self._validators: dict[int, Any] = {}
        self.extend(controller)

    def extend(self, controller: Any) -> None:
        """Add a controller's methods and actions to this resource's. Raises ValueError on two."""
        for name in dir(controller):
            if name.startswith("_"):
                continue
            method = getattr(controller, name)
            if not callable(method):
                continue
            notes: MethodNotes = getattr(method, "api", _PLAIN)
            if notes.action is not None:
                if notes.action in self._actions:
                    raise ValueError(f"two methods serve the action {notes.action}")
                self._actions[notes.action] = (method, notes)
            else:
                self._methods[name] = (method, notes)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        req = Request(environ)
        headers = self._negotiate(req)
        # A fault says its version too: the filter that writes it finds the headers here.
        environ[VERSION_HEADERS] = headers
        arguments = dict(environ["wsgiorg.routing_args"][1])
        name = arguments.pop("action", None)
        arguments.pop("controller", None)
        arguments.pop("format", None)
        project_id = arguments.pop("project_id", None)
        if project_id is not None:
            check_project(req, project_id)
        method, notes, body = self._choose(req, name)
        if body is not None:
            arguments["body"] = body
        self._check_version(req, notes)
        result = method(req, **arguments)
        return self._reply(result, notes, headers, start_response)

    def _negotiate(self, req: Request) -> dict[str, str]:
        if self._versions is None:
            return {}
        try:
            version = self._versions.negotiate(req.environ["devstack_lite.headers"])
        except ValueError as error:
            raise HttpError(400, str(error)) from None
        except LookupError as error:
            raise HttpError(406, str(error.args[0])) from None
        req.api_version = version
        return self._versions.reply_headers(version)

    def _choose(
        self, req: Request, name: str | None
    ) -> tuple[Callable[..., Any], MethodNotes, Any]:
        if name == "action":
            body = self._body(req, _PLAIN)
            if len(body) != 1:
                raise Invalid("There should be exactly one action in the request body.")
            key = next(iter(body))
            found = self._actions.get(key)
            if found is None:
                raise Invalid(f"There is no such action: {key}")
            method, notes = found
            self._validate(body, notes)
            return method, notes, body
        entry = self._methods.get(name or "")
        if entry is None:
            raise HttpError(405, f"The method {req.method} is not allowed for this resource.")
        method, notes = entry
        if notes.query is not None:
            self._check(
                dict(req.GET.dict_of_lists()),
                notes.query,
                what="Invalid input for query parameters",
            )
        if notes.body is None:
            return method, notes, None
        body = self._body(req, notes)
        self._validate(body, notes)
        return method, notes, body

    def _body(self, req: Request, notes: MethodNotes) -> dict[str, Any]:
        if req.content_type not in notes.accepts:
            raise HttpError(415, f"Unsupported Content-Type {req.content_type}")
        return req.json_object()

    def _validate(self, body: dict[str, Any], notes: MethodNotes) -> None:
        if notes.body is not None:
            self._check(body, notes.body, what="Invalid input for field/attribute")

    def _check(self, value: Any, schema: Mapping[str, Any], *, what: str) -> None:
        validator = self._validators.get(id(schema))
        if validator is None:
            validator = jsonschema.Draft202012Validator(
                schema, format_checker=jsonschema.FormatChecker()
            )
            self._validators[id(schema)] = validator
        error = next(iter(validator.iter_errors(value)), None)
        if error is None:
            return
        if error.path:
            where = str(error.path[-1])
            text = f"{what} {where}. Value: {error.instance}. {error.message}"
        else:
            text = error.message
        raise Invalid(text)

    @staticmethod
    def _check_version(req: Request, notes: MethodNotes) -> None:
        too_early = notes.since is not None and req.api_version < notes.since
        too_late = notes.until is not None and req.api_version > notes.until
        if too_early or too_late:
            raise HttpError(404, "The resource could not be found.")

    @staticmethod
    def _reply(
        result: Any, notes: MethodNotes, headers: dict[str, str], start_response: StartResponse
    ) -> Iterable[bytes]:
        reply = result if isinstance(result, Reply) else Reply(body=result, status=notes.status)
        return send(start_response, reply, headers)


def send(
    start_response: StartResponse, reply: Reply, headers: Mapping[str, str] | None = None
) -> Iterable[bytes]:
    """Send a reply: bytes and iterables of bytes as they are, all else as JSON."""
    out = [*(headers or {}).items(), *reply.headers.items()]
    body: Iterable[bytes]
    if reply.body is None:
        data = b""
    elif isinstance(reply.body, bytes):
        data = reply.body
    elif isinstance(reply.body, (dict, list)):
        data = json.dumps(reply.body, separators=(",", ":")).encode()
    else:
        data = None
    status = f"{reply.status} {http.HTTPStatus(reply.status).phrase}"
    if data is None:
        out.append(("Content-Type", reply.content_type))
        body = reply.body
    else:
        if data:
            out.append(("Content-Type", reply.content_type))
        if reply.status != 204:
            out.append(("Content-Length", str(len(data))))
        body = [data]
    start_response(status, out)
    return body


def check_project(req: Request, project_id: str) -> None:
    """Raise Invalid when the URL names another project than the token does."""
    if project_id != req.context.project_id and not req.context.is_admin:
        raise Invalid(
            f"Malformed request URL: URL's project_id '{project_id}' doesn't match Context's"
            f" project_id '{req.context.project_id}'"
        )
