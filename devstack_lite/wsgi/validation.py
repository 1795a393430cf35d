"""Marks that say what a method's body and query must look like: `@validation.schema(SCHEMA)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from devstack_lite.wsgi.resource import F, SchemaSpan, note, notes_of
from devstack_lite.wsgi.versions import ApiVersion


def schema(
    body: Mapping[str, Any], minimum: str | None = None, maximum: str | None = None
) -> Callable[[F], F]:
    """Refuse a body that a JSON schema does not allow, in these microversions, both included.

    May be put on a method several times, with spans that do not meet.
    """
    span = SchemaSpan(
        schema=body,
        since=ApiVersion.parse(minimum) if minimum else None,
        until=ApiVersion.parse(maximum) if maximum else None,
    )
    return lambda function: note(function, bodies=(*notes_of(function).bodies, span))


def query_schema(query: Mapping[str, Any]) -> Callable[[F], F]:
    """Refuse a query string that a JSON schema does not allow; each value is a list of texts."""
    return lambda function: note(function, query=query)
