"""The same requests through all of Nova's API as far as its policies, and through ours.

Skipped without the nova package, and as many cases as in test_scheduler_against_nova: that many
bodies, or queries, for each method of Nova's that takes one, shared among the spans of
microversions in which Nova has another schema for it. What is compared is whether it is refused,
the status, the fault's name and its message, word for word. Deliberate differences:
- Where Nova fails (500), anything but an error will do here.
- NUL characters and halves of characters, which not every database takes, are refused here.
- A body that is JSON, but no object, is refused also where Nova has no schema.
- changes-since of /images is read here; Nova leaves that to the image service.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from devstack_lite.wsgi.versions import ApiVersion
from services.api.versions import VERSIONS
from tests.differential.near_bodies import Schema, Values

pytest.importorskip("nova.api.openstack.compute.routes")
from tests.differential.both_apis import (
    Application,
    Said,
    Served,
    lacking,
    path_of,
    served_by_nova,
)

CASES = int(os.environ.get("DEVSTACK_LITE_TEST_CASES", "300"))
SERVED = served_by_nova()


def spans(schemas: Any) -> Iterator[tuple[Schema, list[str]]]:
    """Yield each schema with the first and the last of the microversions that we have, too."""
    for schema, since, until in schemas._schemas if schemas is not None else ():
        first = VERSIONS.minimum if since.is_null() else ApiVersion.parse(since.get_string())
        last = VERSIONS.maximum if until.is_null() else ApiVersion.parse(until.get_string())
        first, last = max(first, VERSIONS.minimum), min(last, VERSIONS.maximum)
        if first <= last:
            yield schema, [str(first), str(last)]


def of_kind(kind: str) -> list[Any]:
    found = []
    for one in SERVED:
        schemas = [*spans(getattr(one.serves, f"request_{kind}_schemas", None))]
        cases = max(20, CASES // max(1, len(schemas)))
        for schema, versions in schemas:
            if not one.is_removed and lacking(one) is None:
                name = f"{one} {versions[0]}"
                found.append(pytest.param(one, schema, versions, cases, id=name))
    return found


SAID_HERE = ("It is not a date and time.", "a JSON object is expected.")
"""What is refused here where Nova hands it on to the image service, or has no schema at all."""


def is_same(theirs: Said, own: Said) -> bool:
    """Say whether two answers are one. What is an error of Nova's own may be anything here."""
    if theirs.status == 500:
        return own.status < 500
    if theirs.status in {0, 400} and own.status == 400 and own.message.endswith(SAID_HERE):
        return True
    return (theirs.status, theirs.name) == (own.status, own.name) and _said(theirs) == _said(own)


def _said(said: Said) -> str:
    """Return a message; some of Nova's list what may be in the order of a set."""
    before, listed, after = said.message.partition(" is not one of [")
    return before + listed + ", ".join(sorted(after.strip("]").split(", ")))


class Comparison:
    """What was answered alike, and the first of each kind that was not."""

    def __init__(self) -> None:
        self.differences: Counter[str] = Counter()
        self.first: dict[str, str] = {}

    def add(self, case: str, theirs: Said, own: Said) -> None:
        if is_same(theirs, own):
            return
        kind = f"{theirs.status} here {own.status}"
        self.differences[kind] += 1
        self.first.setdefault(kind, f"{case:.600}\n  Nova: {theirs!s:.300}\n  here: {own!s:.300}")

    def __str__(self) -> str:
        return "\n".join([str(dict(self.differences)), *self.first.values()])


@pytest.mark.parametrize(("served", "schema", "versions", "cases"), of_kind("body"))
def test_bodies(
    nova: Application,
    ours: Application,
    served: Served,
    schema: Schema,
    versions: list[str],
    cases: int,
) -> None:
    values = Values(random.Random(f"{served} {versions[0]}"))
    found = Comparison()
    for number in range(cases):
        version = versions[number % 2]
        body = values.near(schema)
        if served.action and (not isinstance(body, dict) or [*body] != [served.action]):
            body = {served.action: body.get(served.action) if isinstance(body, dict) else body}
        said = [
            app.ask(served.method, path_of(served, version), version=version, body=body)
            for app in (nova, ours)
        ]
        found.add(f"{version} {body}", *said)
    assert not found.differences, str(found)


QUERIED_WITH_BODY = {"/os-quota-sets/{id}": {"quota_set": {}}}


@pytest.mark.parametrize(("served", "schema", "versions", "cases"), of_kind("query"))
def test_queries(
    nova: Application,
    ours: Application,
    served: Served,
    schema: Schema,
    versions: list[str],
    cases: int,
) -> None:
    values = Values(random.Random(f"{served} {versions[0]}"))
    body = QUERIED_WITH_BODY[served.path] if served.method == "PUT" else None
    found = Comparison()
    for number in range(cases):
        version = versions[number % 2]
        wanted = values.near(schema)
        pairs = [
            (str(key), str(value))
            for key, listed in (wanted.items() if isinstance(wanted, dict) else ())
            for value in (listed if isinstance(listed, list) else [listed])
        ]
        query, path = urlencode(pairs), path_of(served, version)
        said = [
            app.ask(served.method, path, query=query, body=body, version=version)
            for app in (nova, ours)
        ]
        found.add(f"{version} {query}", *said)
    assert not found.differences, str(found)
