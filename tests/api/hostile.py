"""Bodies that are nearly what a schema wants, queries of known names and any values, and a judge.

A body begins as one that its schema takes and then has up to three of its values replaced. The
names in queries are all words that a service's own modules hold: a new filter is among them.
"""

from __future__ import annotations

import ast
import copy
import functools
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import webob
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import MethodNotes
from devstack_lite.wsgi.router import Route, Router
from devstack_lite.wsgi.versions import ApiVersion
from tests.api.conftest import Answer

NOTHING = "99999999-8888-4777-8666-555555555555"
EXAMPLES = int(os.environ.get("DEVSTACK_LITE_TEST_EXAMPLES", "0"))
"""How many requests per route and version; more than the default also means others each time."""

TEXTS = [
    "", " ", "x", "a-b", "X" * 300, "\x00", "a\n", "\t", "é", "😀", "%", "(", "*", "[", "\\", "'",
    '"', "-1", "0", "1", "1.5", "0x10", "²", "99999999999999999999", "1e308", "NaN", "null", "true",
    "None", "10.0.0.5", "10.0.0.0/24", "0.0.0.0/0", "::1", "fd00::/64", "fa:16:3e:00:00:01",
    "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026",
    "default", "active", "in:", 'in:"', "gt:x", "{}", "[]", "{'a': 1}", '{"a": 1}', "a=b", "a:b",
    "name:asc", "id,name", ",", ":", "../..", "!x", "VCPU:1", "VCPU:0", "in:x,y", NOTHING,
    NOTHING.replace("-", ""), NOTHING.upper(),
]  # fmt: skip
NUMBERS = [0, 1, -1, 2, 2**31 - 1, 2**31, 2**63, -(2**63) - 1, 2**70, 0.5, 1e308]
HOSTILE: list[Any] = [
    None, True, False, [], {}, [[]], [None], [{}], {"": None}, {"x": {"x": []}}, {"id": []},
    float("nan"), float("inf"), "\ud800", *NUMBERS, *TEXTS,
]  # fmt: skip

FORMATS = {
    "uuid": [NOTHING],
    "ipv4": ["10.0.0.5", "255.255.255.255"],
    "ipv6": ["::1", "fe80::1"],
    "ip-address": ["10.0.0.5", "::1"],
    "cidr": ["10.0.0.0/24", "fd00::/64"],
    "date-time": ["2026-01-01T00:00:00Z"],
    "uri": ["http://127.0.0.1:1/x"],
}


def patient(examples: int) -> Any:
    """Return the settings of a property that sends requests."""
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


# --------------------------------------------------------------------------------- bodies


class Bodies:
    """Makes bodies; known are the ids and names of what is there."""

    def __init__(self, known: list[str]) -> None:
        self._known = known

    def near(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        """Return bodies that the schema nearly takes; about every fourth it takes."""
        plain = self._plain(schema)
        hostile = st.sampled_from([*HOSTILE, *self._known])

        @st.composite
        def make(draw: st.DrawFn) -> Any:
            box = {"": copy.deepcopy(draw(plain))}
            for _ in range(draw(st.integers(0, 3))):
                inner = [place for place in _places(box) if place[0] is not box]
                container, key = inner[draw(st.integers(0, len(inner) - 1))] if inner else (box, "")
                container[key] = copy.deepcopy(draw(hostile))
            return box[""]

        return make()

    def _plain(self, schema: Any) -> st.SearchStrategy[Any]:
        if not isinstance(schema, Mapping) or not schema:
            return st.sampled_from([None, {}, "x", 1])
        for branch in ("oneOf", "anyOf"):
            if branch in schema:
                rest = {key: value for key, value in schema.items() if key != branch}
                return st.one_of([self._plain({**rest, **one}) for one in schema[branch]])
        if "enum" in schema or "const" in schema:
            return st.sampled_from(list(schema.get("enum", [schema.get("const")])))
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if not isinstance(kind, str):
            return st.one_of([self._plain({**schema, "type": one}) for one in kind])
        makers = {
            "object": self._object, "array": self._array, "string": self._text,
            "integer": _number, "number": _number,
        }  # fmt: skip
        if kind in makers:
            return makers[kind](schema)
        return st.booleans() if kind == "boolean" else st.none()

    def _object(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        properties = {key: self._plain(one) for key, one in schema.get("properties", {}).items()}
        required = [key for key in schema.get("required", ()) if key in properties]
        more: dict[str, Any] = {}
        for pattern, one in schema.get("patternProperties", {}).items():
            names = [name for name in ("color", "1", "hw:x") if re.search(pattern, name)]
            more |= {name: self._plain(one) for name in names}
        if schema.get("additionalProperties", True) is not False and not more:
            own = schema.get("additionalProperties", {})
            more = {"color": self._plain({"type": "string"} if own in ({}, True) else own)}
        if len(properties) == 1 and not required:
            required = list(properties)
        optional = {key: one for key, one in properties.items() if key not in required} | more
        return st.fixed_dictionaries({key: properties[key] for key in required}, optional=optional)

    def _array(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        least = schema.get("minItems", 0)
        most = max(least, min(schema.get("maxItems", 3), 3))
        return st.lists(self._plain(schema.get("items", {})), min_size=least, max_size=most)

    def _text(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        form = str(schema.get("format", ""))
        pattern = schema.get("pattern", "")
        least, most = schema.get("minLength", 0), schema.get("maxLength", 1000)
        found = [
            text
            for text in FORMATS.get(form, TEXTS) + self._known
            if least <= len(text) <= most and re.search(pattern, text)
        ]
        return st.sampled_from(found) if found else st.from_regex(pattern)


def _number(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    least, most = schema.get("minimum", -5), schema.get("maximum", 2**31 - 1)
    found = [one for one in (least, most, *NUMBERS) if least <= one <= most]
    return st.sampled_from([one for one in found if isinstance(one, int)] or [least])


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in list(pairs):
        yield value, key
        if isinstance(one, (dict, list)):
            yield from _places(one)


# -------------------------------------------------------------------------------- queries


@functools.cache
def words_of(package: str) -> list[str]:
    """Return every short text in a package's modules that may be a query's name."""
    found: set[str] = set()
    for path in sorted(Path(package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(re.findall(r"^[a-z][a-zA-Z0-9_.:-]{1,30}$", node.value))
    return sorted(found)


def queries(names: Collection[str], package: str) -> st.SearchStrategy[str]:
    """Return query strings of one to three pairs; names are those that somebody reads."""
    some = st.one_of(
        st.sampled_from(sorted({"limit", "marker", "sort_key", *names})),
        st.sampled_from(sorted({"limit", "marker", "sort_key", *names})),
        st.sampled_from(words_of(package)),
    )
    pairs = st.lists(st.tuples(some, st.sampled_from(TEXTS)), min_size=1, max_size=3)
    return pairs.map(lambda them: "&".join(f"{name}={quote(value)}" for name, value in them))


class _Spied:
    """A request's query that notes which names are looked up."""

    def __init__(self, real: Any, seen: set[str]) -> None:
        self._real = real
        self._seen = seen

    def __contains__(self, name: str) -> bool:
        self._seen.add(name)
        return name in self._real

    def __getitem__(self, name: str) -> Any:
        self._seen.add(name)
        return self._real[name]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._real)

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._real, attribute)
        if attribute not in {"get", "getall", "getone"}:
            return found

        def look(name: str, *default: Any) -> Any:
            self._seen.add(name)
            return found(name, *default)

        return look


def names_read(ask: Callable[[str], object]) -> set[str]:
    """Return the names that a method looks up in a query; ask sends it one."""
    seen: set[str] = set()
    real = webob.Request.GET.fget
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Request, "GET", property(lambda own: _Spied(real(own), seen)), raising=False)
        ask("")
        ask("&".join(f"{name}=1" for name in sorted(seen)))
    return seen


# ---------------------------------------------------------------------------------- judge


def judge(service: str, answer: Answer) -> str:
    """Return what is wrong with an answer: an error of ours, or a fault of another's form."""
    if answer.status < 400:
        return ""
    # 501: what libvirt cannot do to a host that is up.
    if answer.status >= 500 and answer.status != 501:
        is_dead_host = answer.status == 503 and b"did not answer" in answer.data
        return "" if is_dead_host else f"{answer.status} {answer.data[:300]!r}"
    try:
        said = answer.json
        is_right = _FORMS[service](said, answer.status)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        is_right = False
    return "" if is_right else f"another form: {answer.status} {answer.data[:300]!r}"


def _one_fault(said: Any, status: int) -> bool:
    (fault,) = said.values()
    return bool(fault["code"] == status and fault["message"])


_FORMS = {
    "compute": _one_fault,
    "volume": _one_fault,
    "identity": lambda said, status: said["error"]["code"] == status and said["error"]["title"],
    "network": lambda said, _: said["NeutronError"]["type"] and said["NeutronError"]["message"],
    "image": lambda said, status: said["code"].startswith(str(status)) and said["title"],
    "placement": lambda said, status: said["errors"][0]["status"] == status,
}


# ---------------------------------------------------------------------------------- routes


def fill(path: str, made: Mapping[str, str]) -> str:
    """Return a route's path with the ids of what is there, by the part before each."""
    parts = path.split("/")
    return "/".join(
        quote(made.get(before, NOTHING), safe="") if part.startswith("{") else part
        for before, part in zip(["", *parts], parts, strict=False)
    )


def schema_of(notes: MethodNotes, version: ApiVersion) -> Mapping[str, Any] | None:
    """Return the schema of a method's body in a version; None when it has none."""
    body = notes.body(version) if callable(notes.body) else notes.body
    if body is None and notes.takes_body:
        return {"type": "object"} if notes.action is None else {
            "type": "object", "properties": {notes.action: {}}, "required": [notes.action],
            "additionalProperties": False,
        }  # fmt: skip
    return body


def is_listing(route: Route) -> bool:
    """Say whether a route shows more than one thing."""
    return route.method == "GET" and not route.path.endswith("}")


@contextmanager
def routers() -> Iterator[list[Router]]:
    """Give the routers that are made meanwhile."""
    made: list[Router] = []
    real = Router.__init__

    def init(own: Router, *arguments: Any, **named: Any) -> None:
        real(own, *arguments, **named)
        made.append(own)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Router, "__init__", init)
        yield made
