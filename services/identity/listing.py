"""What every list of identity understands: filters by attribute, limit and marker."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlencode

from devstack_lite.exceptions import Invalid
from devstack_lite.wsgi.request import Request

Json = dict[str, Any]

_FALSE = frozenset({"0", "false"})
MOST_DIGITS = 10
"""Of a limit: longer ones are no number that anybody means, and take long to read."""


def listed(req: Request, name: str, shown: list[Json], *, done: Collection[str] = ()) -> Json:
    """Return the page of shown that the query string asks for. Raises Invalid.

    A filter by an attribute that shown does not have is ignored, as Keystone does. done: filters
    that were applied already.
    """
    for key, value in req.GET.items():
        if key in done:
            continue
        shown = [one for one in shown if key not in one or _matches(one[key], value)]
    following = None
    marker = req.GET.get("marker")
    if marker is not None:
        ids = [one.get("id") for one in shown]
        if marker not in ids:
            raise Invalid(f"Marker could not be found: {marker}.")
        shown = shown[ids.index(marker) + 1 :]
    limit = req.GET.get("limit")
    if limit is not None:
        if not (limit.isascii() and limit.isdecimal() and len(limit) < MOST_DIGITS and int(limit)):
            raise Invalid(f"limit must be a positive integer and not '{limit}'.")
        if len(shown) > int(limit):
            shown = shown[: int(limit)]
            following = _link(req, shown[-1]["id"])
    return {name: shown, "links": {"self": req.url, "previous": None, "next": following}}


def is_set(req: Request, name: str) -> bool:
    """Say whether a flag of the query string is on; `?flag` alone is."""
    value = req.GET.get(name)
    return value is not None and value.lower() not in _FALSE


def base_url(req: Request) -> str:
    """Return where v3 is, as the client reaches it."""
    return f"{req.application_url}/v3"


def _matches(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return value == (wanted.lower() not in _FALSE)
    if isinstance(value, list):
        return wanted in value
    return ("" if value is None else str(value)) == wanted


def _link(req: Request, marker: str) -> str:
    query = [(key, value) for key, value in req.GET.items() if key != "marker"]
    return f"{req.path_url}?{urlencode([*query, ('marker', marker)])}"
