"""What every list of the network API understands: filters, fields, order and pages."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlencode

from devstack_lite.exceptions import Invalid
from devstack_lite.wsgi.request import Request
from services.network.tagging import TAG_FILTERS, filter_by_tags

Json = dict[str, Any]

_CONTROL = (
    frozenset({"fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir"}) | TAG_FILTERS
)
_PAGING = ("marker", "page_reverse")

LIMIT_DIGITS = 18
"""More than any list is long; int() of a longer text is slow, of a very long one an error."""


def listed(req: Request, name: str, shown: list[Json], *, done: Collection[str] = ()) -> Json:
    """Return the page of shown that the query string asks for. Raises Invalid.

    A filter that is repeated takes any of its values; one of an attribute that shown does not have
    is ignored, as Neutron does. done: filters that were applied already.
    """
    for key in set(req.GET) - _CONTROL - set(done):
        values = set(req.GET.getall(key))
        shown = [one for one in shown if key not in one or _matches(one[key], values)]
    shown = _sorted(req, filter_by_tags(req, shown))
    start, end, has_limit = _bounds(req, shown)
    body: Json = {name: [fields_of(req, one) for one in shown[start:end]]}
    links = []
    if end < len(shown) and start < end:
        links.append({"rel": "next", "href": _link(req, shown[end - 1]["id"])})
    if start > 0 and start < end:
        links.append({"rel": "previous", "href": _link(req, shown[start]["id"], is_reverse=True)})
    if links and has_limit:
        body[f"{name}_links"] = links
    return body


def fields_of(req: Request, shown: Json) -> Json:
    """Return only the fields that the query string names; all when it names none."""
    wanted = req.GET.getall("fields")
    return {key: shown[key] for key in wanted if key in shown} if wanted else shown


def _matches(value: Any, wanted: set[str]) -> bool:
    if isinstance(value, bool):
        return any((text.lower() in {"true", "1"}) == value for text in wanted)
    if isinstance(value, list):
        return any(str(item) in wanted for item in value)
    return ("" if value is None else str(value)) in wanted


def _sorted(req: Request, shown: list[Json]) -> list[Json]:
    keys, ways = req.GET.getall("sort_key"), req.GET.getall("sort_dir")
    if len(keys) != len(ways):
        raise Invalid("The number of sort_keys and sort_dirs must be same")
    for way in ways:
        if way not in {"asc", "desc"}:
            raise Invalid(f"'{way}' is not a valid sort direction: it must be 'asc' or 'desc'")
    for key, way in reversed(list(zip(keys, ways, strict=True))):
        if shown and isinstance(shown[0].get(key, {}), (list, dict)):
            raise Invalid(f"{key} is invalid attribute for sort_keys")
        shown = sorted(
            shown,
            key=lambda one: (one[key] is not None, one[key]),
            reverse=way == "desc",
        )
    return shown


def _bounds(req: Request, shown: list[Json]) -> tuple[int, int, bool]:
    """Return where the page begins and ends, and whether a limit was asked for."""
    limit = req.GET.get("limit", "0")
    if not (limit.isascii() and limit.isdecimal() and len(limit) <= LIMIT_DIGITS):
        raise Invalid(f"Limit must be an integer 0 or greater and not '{limit[:99]}'")
    is_reverse = req.GET.get("page_reverse", "").lower() in {"true", "1"}
    size = int(limit) or len(shown)
    marker = req.GET.get("marker")
    at = None
    if marker is not None:
        at = next((index for index, one in enumerate(shown) if one["id"] == marker), None)
        if at is None:
            raise Invalid(f"The marker {marker} names nothing that is listed")
    if is_reverse:
        end = len(shown) if at is None else at
        return max(0, end - size), end, limit != "0"
    start = 0 if at is None else at + 1
    return start, min(len(shown), start + size), limit != "0"


def _link(req: Request, marker: str, *, is_reverse: bool = False) -> str:
    query = [(key, value) for key, value in req.GET.items() if key not in _PAGING]
    query.append(("marker", marker))
    if is_reverse:
        query.append(("page_reverse", "True"))
    return f"{req.path_url}?{urlencode(query)}"
