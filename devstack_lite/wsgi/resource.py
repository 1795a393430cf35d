"""A Resource is the WSGI application of one controller: version, body, dispatch, serialisation.

A controller's methods are marked by decorators, each of which only notes something on the function
(`function.api`); Resource reads the notes when it is made:

    class Things:
        @api(status=202, body=schemas.CREATE)
        def create(self, req: Request, body: Json) -> Json: …

        @api(action="os-start", status=202)
        def start(self, req: Request, id: str, body: Json) -> None: …

Methods return a dict (sent as JSON with the noted status), a Reply, or None (no body).
`devstack_lite.wsgi.notes` has the same marks one by one, as extensions write them.
"""

from __future__ import annotations

import copy
import functools
import http
import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import orjson

from devstack_lite.exceptions import Forbidden, Invalid, Unauthorized, Unavailable
from devstack_lite.failpoints import Dropped
from devstack_lite.wsgi.faults import HttpError, UnexpectedError, status_of
from devstack_lite.wsgi.request import VERSION_HEADERS, Reply, Request, ResponseObject
from devstack_lite.wsgi.schema_checks import BODY, QUERY, Checker, Schema
from devstack_lite.wsgi.versions import ApiVersion, VersionRange

F = TypeVar("F", bound=Callable[..., Any])
StartResponse = Callable[..., Any]

Body = Schema | Callable[[ApiVersion], Schema]

JSON_TYPES = frozenset({"application/json", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaSpan:
    """A JSON schema and the microversions in which it holds; None is no bound."""

    schema: Mapping[str, Any]
    since: ApiVersion | None = None
    until: ApiVersion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodNotes:
    """What a decorator noted of one controller method."""

    status: int = 200
    action: str | None = None
    body: Body | None = None
    query: Body | None = None
    since: ApiVersion | None = None
    until: ApiVersion | None = None
    accepts: frozenset[str] = field(default=JSON_TYPES)
    bodies: tuple[SchemaSpan, ...] = ()
    """Schemas that hold in a span of microversions each; `body` holds in all."""
    extends: bool = False
    """The method gets another's response: that of `action`, or of the method of its own name."""
    takes_body: bool = False
    """The method has an argument `body`, whether a schema is noted or not."""
    expected: frozenset[int] | None = None
    """Statuses it may fail with; any other is an error of its own. None is all."""


def notes_of(function: Callable[..., Any]) -> MethodNotes:
    """Return what was noted on a function so far."""
    notes: MethodNotes = getattr(function, "api", _PLAIN)
    return notes


def note(function: F, **changes: Any) -> F:
    """Note more on a function; what was noted before stays."""
    function.api = replace(notes_of(function), **changes)  # type: ignore[attr-defined]
    return function


def api(
    *,
    status: int = 200,
    action: str | None = None,
    body: Body | None = None,
    query: Body | None = None,
    since: str | None = None,
    until: str | None = None,
    accepts: Iterable[str] = JSON_TYPES,
) -> Callable[[F], F]:
    """Note how a method is offered.

    status of a success; action: the key of POST …/action that it serves; body, query: JSON schemas,
    the body's perhaps as a function of the microversion that returns the same object each time;
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
_UNSUPPORTED = "Unsupported Content-Type"
_Entry = tuple[Callable[..., Any], MethodNotes]


def methods_of(controller: Any) -> Iterator[tuple[str, Callable[..., Any], MethodNotes]]:
    """Yield a controller's public methods with their names and what was noted of them."""
    for name in dir(controller):
        method = None if name.startswith("_") else getattr(controller, name)
        if callable(method):
            notes = notes_of(method)
            if "body" in inspect.signature(method).parameters:
                notes = replace(notes, takes_body=True)
            yield name, method, notes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Preparation:
    """What makes a method's body of what the client sent, and a wider schema of the body's."""

    prepare: Callable[[Request, Any], Any]
    widen: Callable[[Schema], Schema]


class Resource:
    """The WSGI application of one controller."""

    def __init__(
        self, controller: Any, *, versions: VersionRange | None = None, query: Body | None = None
    ) -> None:
        """Serve a controller; query: the schema of each GET of its that notes none of its own."""
        self.controller = controller
        self._query = query
        self.until: ApiVersion | None = None
        """The last microversion in which it is there."""
        self._controllers: list[Any] = []
        self._versions = versions
        self._media_types = versions.media_types if versions is not None else None
        self._methods: dict[str, _Entry] = {}
        self._actions: dict[str, _Entry] = {}
        self._extenders: dict[tuple[str, str], list[_Entry]] = {}
        self._preparations: dict[str, _Preparation] = {}
        self._checkers: dict[tuple[int, str], Checker] = {}
        self.extend(controller)
        self._own = frozenset(self._methods)

    def extend(self, controller: Any) -> None:
        """Add a controller's methods and actions to this resource's.

        Raises ValueError, and adds nothing, when two serve the same, or one extends what is not.
        """
        methods, actions = dict(self._methods), dict(self._actions)
        extenders = []
        for name, method, notes in methods_of(controller):
            if notes.extends:
                key = ("action", notes.action) if notes.action is not None else ("method", name)
                extenders.append((key, method, notes))
                continue
            what, table = ("action", actions) if notes.action is not None else ("method", methods)
            key = (what, notes.action or name)
            if key[1] in table:
                raise ValueError(f"two methods serve the {what} {key[1]}")
            table[key[1]] = (method, notes)
        for (what, name), _method, _notes in extenders:
            if name not in (actions if what == "action" else methods):
                raise ValueError(f"there is no {what} {name} to extend")
        self._methods, self._actions = methods, actions
        self._controllers.append(controller)
        for key, method, notes in extenders:
            self._extenders.setdefault(key, []).append((method, notes))

    @property
    def notes(self) -> dict[tuple[str, str], MethodNotes]:
        """What was noted of each method and action, by (`method` or `action`, name)."""
        return {
            (kind, name): notes
            for kind, table in (("method", self._methods), ("action", self._actions))
            for name, (_, notes) in table.items()
        }

    def copy(self) -> Resource:
        """Return a resource of the same controllers, to be extended by itself."""
        first, *others = self._controllers
        made = Resource(first, versions=self._versions, query=self._query)
        for controller in others:
            made.extend(controller)
        return made

    def ending(self, until: str) -> Resource:
        """Return the same resource for another URL, which is gone after a microversion."""
        made = copy.copy(self)
        made.until = ApiVersion.parse(until)
        return made

    def act(self, req: Request, member_id: str, body: dict[str, Any]) -> Reply:
        """Do what POST …/{id}/action with this body does, within another request.

        Raises KeyError when there is no such action, Invalid for its body, what the action raises.
        """
        method, notes = self._actions[next(iter(body))]
        self._check_version(req, notes)
        self._validate(req, body, notes)
        result = method(req, id=member_id, body=body)
        return result if isinstance(result, Reply) else Reply(body=result, status=notes.status)

    def prepare(
        self,
        name: str,
        prepare: Callable[[Request, Any], Any],
        *,
        widen: Callable[[Schema], Schema],
    ) -> None:
        """Have a method's body checked by a wider schema, then made by prepare into its own.

        widen returns the wider schema, the same object for the same one. What prepare returns is
        checked by the method's own schema, as if the client had sent it.
        """
        self._preparations[name] = _Preparation(prepare=prepare, widen=widen)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        req = Request(environ)
        headers = self._negotiate(req)
        # A fault says its version too: the filter that writes it finds the headers here.
        environ[VERSION_HEADERS] = headers
        if self._media_types is not None and req.content_type not in self._media_types:
            raise HttpError(415, _UNSUPPORTED)
        arguments = dict(environ["wsgiorg.routing_args"][1])
        name = arguments.pop("action", None)
        arguments.pop("controller", None)
        arguments.pop("format", None)
        project_id = arguments.pop("project_id", None)
        if project_id is not None:
            check_project(req, project_id)
        method, notes = self._choose(req, name)
        self._check_version(req, notes)
        body = self._checked(req, name, notes)
        if body is not None or notes.takes_body:
            arguments["body"] = body
        try:
            result = method(req, **arguments)
            reply = result if isinstance(result, Reply) else Reply(body=result, status=notes.status)
            extenders = self._extenders_of(name, body)
            if extenders:
                reply = self._extended(extenders, reply, req, arguments)
        except Exception as error:
            check_expected(error, notes)
            raise
        return send(start_response, reply, headers)

    def _extenders_of(self, name: str | None, body: Any) -> Sequence[_Entry]:
        if not self._extenders:
            return ()
        key = ("action", next(iter(body))) if name == "action" else ("method", name or "")
        return self._extenders.get(key, ())

    def _extended(
        self, extenders: Sequence[_Entry], reply: Reply, req: Request, arguments: Mapping[str, Any]
    ) -> Reply:
        response = ResponseObject(obj=reply.body, code=reply.status, headers=dict(reply.headers))
        for extender, notes in extenders:
            if self._is_in(req, notes.since, notes.until):
                extender(req, response, **arguments)
        return replace(reply, body=response.obj, status=response.code, headers=response.headers)

    def _negotiate(self, req: Request) -> dict[str, str]:
        if self._versions is None:
            return {}
        try:
            version = self._versions.negotiate(req.environ["devstack_lite.headers"])
        except ValueError as error:
            raise HttpError(400, str(error)) from None
        except LookupError as error:
            text, asked = error.args
            raise HttpError(406, text, self._versions.reply_headers(asked)) from None
        req.api_version = version
        return self._versions.reply_headers(version)

    def _choose(self, req: Request, name: str | None) -> tuple[Callable[..., Any], MethodNotes]:
        """Return the method that serves the request, by the route or by the action in the body."""
        if name == "action":
            body = self._body(req, _PLAIN)
            if not isinstance(body, dict) or len(body) != 1:
                raise Invalid("Malformed request body")
            key = next(iter(body))
            found = self._actions.get(key)
            if found is None:
                raise Invalid(f"There is no such action: {key}")
            return found
        entry = self._methods.get(name or "")
        if entry is None:
            raise HttpError(405, f"The method {req.method} is not allowed for this resource.")
        return entry

    def _checked(self, req: Request, name: str | None, notes: MethodNotes) -> Any:
        """Return the body, checked, as far as the method wants one; check the query, too."""
        query = notes.query
        if query is None and req.method == "GET" and name in self._own:
            query = self._query
        if query is not None:
            self._check(
                dict(req.GET.dict_of_lists()),
                _schema_of(query, req),
                what=QUERY,
            )
        if name != "action" and notes.body is None and not notes.takes_body:
            return None
        body = self._body(req, notes)
        preparation = self._preparations.get(name or "")
        if preparation is not None and notes.body is not None:
            self._check(body, preparation.widen(_schema_of(notes.body, req)))
            body = preparation.prepare(req, body)
        self._validate(req, body, notes)
        is_checked = notes.body is not None or notes.bodies
        if not isinstance(body, dict) and (body is not None or not is_checked):
            raise Invalid("Malformed request body: a JSON object is expected.")
        return body

    def _body(self, req: Request, notes: MethodNotes) -> Any:
        if self._media_types is None and req.content_type not in notes.accepts:
            raise HttpError(415, f"{_UNSUPPORTED} {req.content_type}")
        return req.json_value()

    def _validate(self, req: Request, body: Any, notes: MethodNotes) -> None:
        if notes.body is not None:
            self._check(body, _schema_of(notes.body, req))
        for span in notes.bodies:
            if self._is_in(req, span.since, span.until):
                self._check(body, span.schema)
        if rb"\u0000" in req.body and _holds_nul(body):
            # Not every database has it in a text; where a schema says more, it has said so.
            raise Invalid("Invalid input: a text in the request body holds a NUL character.")

    def _check(self, value: Any, schema: Schema, *, what: str = BODY) -> None:
        key = (id(schema), what)
        checker = self._checkers.get(key)
        if checker is None:
            checker = self._checkers[key] = Checker(schema, what=what)
        checker.check(value)

    def _check_version(self, req: Request, notes: MethodNotes) -> None:
        if not (self._is_in(req, notes.since, notes.until) and self._is_in(req, None, self.until)):
            raise HttpError(404, "The resource could not be found.")

    @staticmethod
    def _is_in(req: Request, since: ApiVersion | None, until: ApiVersion | None) -> bool:
        too_early = since is not None and req.api_version < since
        too_late = until is not None and req.api_version > until
        return not (too_early or too_late)


def _holds_nul(value: Any) -> bool:
    left = [value]  # No recursion: a body may be as deep as the interpreter's stack.
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left += [*one, *one.values()]
        elif isinstance(one, list):
            left += one
        elif isinstance(one, str) and "\0" in one:
            return True
    return False


def _schema_of(body: Body, req: Request) -> Schema:
    """Return the schema that holds in the microversion of a request."""
    return _made(body, req.api_version) if callable(body) else body


@functools.cache
def _made(body: Callable[[ApiVersion], Schema], version: ApiVersion) -> Schema:
    """Return one object for one version: whatever is known of a schema is known by its identity."""
    return body(version)


def check_expected(error: Exception, notes: MethodNotes) -> None:
    """Raise UnexpectedError, a 500, from an error whose status the method's notes do not name.

    What any method may meet is always expected: a body that is refused, a caller who may not, a
    daemon that does not answer.
    """
    common = isinstance(error, (Invalid, Unauthorized, Forbidden, Unavailable, Dropped))
    if notes.expected is None or common or status_of(error) in notes.expected:
        return
    raise UnexpectedError(f"{type(error).__name__}: {error}") from error


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
        data = _to_json(reply.body)
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


def _to_json(body: Any) -> bytes:
    """Return a body's text. orjson knows no numbers beyond 64 bits; the standard library does."""
    try:
        return orjson.dumps(body, option=_AS_JSON)
    except TypeError:
        return json.dumps(body, separators=(",", ":")).encode()


_AS_JSON = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
"""What JSON has no word for is an error, as it is to the standard library."""


def check_project(req: Request, project_id: str) -> None:
    """Raise Invalid when the URL names another project than the token does."""
    if project_id != req.context.project_id and not req.context.is_admin:
        raise Invalid(
            f"Malformed request URL: URL's project_id '{project_id}' doesn't match Context's"
            f" project_id '{req.context.project_id}'"
        )
