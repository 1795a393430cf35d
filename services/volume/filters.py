"""From a list's query string to what is read: filters, order, page."""

from __future__ import annotations

import ast
import dataclasses
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from devstack_lite.db.volumes import VolumeFilter
from devstack_lite.exceptions import Invalid
from devstack_lite.wsgi.request import Request

_EQUALS = {
    "id": "id",
    "name": "name",
    "display_name": "name",
    "status": "status",
    "user_id": "user_id",
    "availability_zone": "availability_zone",
    "volume_type": "volume_type",
}
_SNAPSHOT_EQUALS = {
    "id": "id",
    "name": "name",
    "display_name": "name",
    "status": "status",
    "user_id": "user_id",
    "volume_id": "volume_id",
}
_SNAPSHOT_SORT_KEYS = {
    "id": "id",
    "name": "name",
    "display_name": "name",
    "status": "status",
    "volume_id": "volume_id",
    "created_at": "created_at",
    "updated_at": "updated_at",
}
_SORT_KEYS = {
    "id": "id",
    "name": "name",
    "display_name": "name",
    "status": "status",
    "size": "size_gb",
    "availability_zone": "availability_zone",
    "bootable": "bootable",
    "created_at": "created_at",
    "updated_at": "updated_at",
}
_TRUE = frozenset({"1", "true", "True", "TRUE", "yes", "on"})


def project_of(req: Request) -> str | None:
    """Return whose things the request may see: an administrator's, asked for by id, are all."""
    return None if req.context.is_admin else str(req.context.project_id)


def listed_project(req: Request, query: Mapping[str, str]) -> str | None:
    """Return whose things a list holds; None for all, which only administrators can ask for."""
    own = str(req.context.project_id)
    if not req.context.is_admin:
        return own
    named = query.get("project_id")
    if named:
        return named
    return None if query.get("all_tenants") in _TRUE else own


def volume_filter(req: Request, *, max_limit: int) -> VolumeFilter:
    """Return what a list of volumes asks for; unknown filters are ignored. Raises Invalid."""
    wanted = _filter(req, _EQUALS, _SORT_KEYS, max_limit)
    if "bootable" in req.GET:
        flag = ("bootable", req.GET["bootable"] in _TRUE)
        wanted = dataclasses.replace(wanted, equals=(*wanted.equals, flag))
    return wanted


def snapshot_filter(req: Request, *, max_limit: int) -> VolumeFilter:
    """Return what a list of snapshots asks for; unknown filters are ignored. Raises Invalid."""
    return _filter(req, _SNAPSHOT_EQUALS, _SNAPSHOT_SORT_KEYS, max_limit)


def _filter(
    req: Request, columns: Mapping[str, str], sort_keys: Mapping[str, str], max_limit: int
) -> VolumeFilter:
    query = dict(req.GET.items())
    equals: list[tuple[str, Any]] = [
        (column, query[name]) for name, column in columns.items() if name in query
    ]
    metadata = _metadata(query["metadata"]) if query.get("metadata") else ()
    if metadata is None:
        equals.append(("id", ""))
    return VolumeFilter(
        project_id=listed_project(req, query),
        equals=tuple(equals),
        name_part=query.get("name~"),
        metadata=metadata or (),
        sort=_sort(query, sort_keys),
        marker=query.get("marker"),
        offset=number(query, "offset", 0),
        limit=page_limit(query, max_limit),
    )


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """Return a paging parameter. Raises Invalid."""
    value = query.get(name, "")
    if not value:
        return default
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        raise Invalid(f"Invalid input received: {name} param must be an integer")
    return int(value)


def page_limit(query: Mapping[str, str], max_limit: int) -> int:
    """Return how many items a page holds. Raises Invalid."""
    return min(number(query, "limit", max_limit), max_limit)


def _metadata(text: str) -> tuple[tuple[str, str], ...] | None:
    """Return the items of a metadata filter; clients send a dict as Python or as JSON writes it.

    None for anything else: as in Cinder no volume meets such a filter.
    """
    try:
        items = json.loads(text)
    except ValueError:
        try:
            items = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    if not isinstance(items, dict):
        return None
    return tuple((str(key), str(value)) for key, value in items.items())


def _sort(query: Mapping[str, str], known: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    text = query.get("sort")
    if text is None:
        keys = [query.get("sort_key", "created_at")]
        ways = [query.get("sort_dir", "desc")]
    else:
        if "sort_key" in query or "sort_dir" in query:
            raise Invalid("The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be"
                          " used with the 'sort' parameter.")  # fmt: skip
        parts = [part.strip().partition(":") for part in text.split(",")]
        keys = [key for key, _, _ in parts]
        ways = [way or "desc" for _, _, way in parts]
    order = []
    for key, way in zip(keys, ways, strict=True):
        if key not in known:
            raise Invalid(f"Invalid input received: Invalid sort key {key}.")
        if way not in {"asc", "desc"}:
            raise Invalid(f"Invalid input received: Unknown sort direction {way}.")
        order.append((known[key], way))
    if "id" not in {key for key, _ in order}:
        order.append(("id", order[-1][1]))
    return tuple(order)


def next_link(req: Request, path: str, last_id: str) -> list[dict[str, str]]:
    """Return the link to the page behind last_id."""
    query = [(name, value) for name, value in req.GET.items() if name not in {"marker", "offset"}]
    query.append(("marker", last_id))
    return [{"rel": "next", "href": f"{req.application_url}{path}?{urlencode(query)}"}]
