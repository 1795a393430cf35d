"""What every list of the network API understands: filters, fields, order and pages."""

from __future__ import annotations

from typing import Any

from devstack_lite.exceptions import Invalid
from devstack_lite.wsgi.request import Request

Json = dict[str, Any]

_CONTROL = frozenset({"fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir"})
_SIZE = ("limit",)


def listed(req: Request, name: str, shown: list[Json]) -> Json:
    """Return the page of shown that the query string asks for. Raises Invalid."""
    for key in set(req.GET) - _CONTROL:
        values = {value.lower() for value in req.GET.getall(key)}
        shown = [one for one in shown if key not in one or _text(one[key]) in values]
    shown = _sorted(req, shown)
    page, has_more = _page(req, shown)
    body: Json = {name: [fields_of(req, one) for one in page]}
    if has_more:
        query = "&".join(
            [f"{key}={value}" for key, value in req.GET.items() if key != "marker"]
            + [f"marker={page[-1]['id']}"]
        )
        body[f"{name}_links"] = [{"rel": "next", "href": f"{req.path_url}?{query}"}]
    return body


def fields_of(req: Request, shown: Json) -> Json:
    """Return only the fields that the query string names; all when it names none."""
    wanted = req.GET.getall("fields")
    return {key: shown[key] for key in wanted if key in shown} if wanted else shown


def _text(value: Any) -> str:
    return str(value).lower() if value is not None else ""


def _sorted(req: Request, shown: list[Json]) -> list[Json]:
    keys, ways = req.GET.getall("sort_key"), req.GET.getall("sort_dir")
    if len(keys) != len(ways):
        raise Invalid("The number of sort_keys and sort_dirs must be same", kind="badRequest")
    for key, way in reversed(list(zip(keys, ways, strict=True))):
        if shown and key not in shown[0]:
            raise Invalid(f"'{key}' is an invalid attribute for sort keys", kind="badRequest")
        shown = sorted(shown, key=lambda one: _text(one[key]), reverse=way == "desc")
    return shown


def _page(req: Request, shown: list[Json]) -> tuple[list[Json], bool]:
    marker, limit = req.GET.get("marker"), req.GET.get("limit", "0")
    if not limit.isdecimal():
        raise Invalid(f"Bad limit: {limit}", kind="badRequest")
    if req.GET.get("page_reverse", "").lower() == "true":
        shown = shown[::-1]
    if marker is not None:
        ids = [one["id"] for one in shown]
        if marker not in ids:
            raise Invalid(f"marker {marker} not found", kind="badRequest")
        shown = shown[ids.index(marker) + 1 :]
    size = int(limit)
    return (shown[:size], len(shown) > size) if size else (shown, False)
