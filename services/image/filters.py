"""From a list's query string to an ImageFilter."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Iterable
from typing import Any

from devstack_lite.context import RequestContext
from devstack_lite.db.images import OPERATORS, ImageFilter
from devstack_lite.exceptions import Invalid
from services.image.access import view_of
from services.image.schemas import VISIBILITIES

DEFAULT_LIMIT = 25
"""Glance's limit_param_default."""

_ANY_OF = frozenset({"id", "name", "status", "disk_format", "container_format"})
_EXACT = frozenset({"owner", "checksum", "os_hash_algo", "os_hash_value"})
_INTEGERS = frozenset({"min_disk", "min_ram", "size"})
_TIMES = frozenset({"created_at", "updated_at"})
_SORT_KEYS = frozenset(
    {
        "id", "name", "status", "disk_format", "container_format", "size", "min_disk", "min_ram",
        "created_at", "updated_at", "visibility", "owner",
    }
)  # fmt: skip
_PAGING = frozenset({"limit", "marker", "sort", "sort_key", "sort_dir"})


def filter_of(
    context: RequestContext, query: Iterable[tuple[str, str]], *, max_limit: int
) -> ImageFilter:
    """Return what a list's query asks for. Raises Invalid."""
    pairs = list(query)
    given = dict(pairs)
    equals: list[tuple[str, tuple[Any, ...]]] = []
    compares: list[tuple[str, str, Any]] = []
    properties: list[tuple[str, str]] = []
    tags: list[str] = []
    for name, value in pairs:
        if name in _ANY_OF:
            equals.append((name, _any_of(value)))
        elif name in _EXACT:
            equals.append((name, (value,)))
        elif name in _INTEGERS:
            equals.append((name, (_integer(name, value),)))
        elif name in {"size_min", "size_max"}:
            how = "gte" if name == "size_min" else "lte"
            compares.append(("size", how, _integer(name, value)))
        elif name in _TIMES:
            compares.append((name, *_time(name, value)))
        elif name == "protected":
            equals.append((name, (_boolean(name, value),)))
        elif name == "tag":
            tags.append(value)
        elif name not in _PAGING | {"visibility", "member_status", "os_hidden"}:
            properties.append((name, value))
    return ImageFilter(
        project_id=view_of(context),
        equals=tuple(equals),
        compares=tuple(compares),
        properties=tuple(properties),
        tags=tuple(tags),
        visibility=_visibility(given.get("visibility")),
        member_status=given.get("member_status", "accepted"),
        is_hidden=_boolean("os_hidden", given.get("os_hidden", "false")),
        sort=_sort(pairs),
        marker=given.get("marker"),
        limit=min(_integer("limit", given.get("limit") or str(DEFAULT_LIMIT)), max_limit),
    )


def _any_of(value: str) -> tuple[str, ...]:
    """Return the values of `in:a,"b,c"`, or the one value."""
    if not value.startswith("in:"):
        return (value,)
    try:
        return tuple(next(csv.reader([value[3:]]), ()))
    except csv.Error as error:
        raise Invalid(f"Invalid filter value {value}") from error


def _integer(name: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise Invalid(f"{name} param must be an integer that is not negative")
    return int(value)


def _boolean(name: str, value: str) -> bool:
    lower = value.lower()
    if lower not in {"true", "false", "1", "0"}:
        raise Invalid(f"Invalid value '{value}' for '{name}' filter. Valid values are true, false.")
    return lower in {"true", "1"}


def _visibility(value: str | None) -> str | None:
    if value is not None and value not in {*VISIBILITIES, "all"}:
        raise Invalid(f"Invalid visibility value: {value}")
    return value


def _time(name: str, value: str) -> tuple[str, datetime.datetime]:
    how, colon, text = value.partition(":")
    if not colon or how not in OPERATORS:
        how, text = "eq", value
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"Invalid time format: {name}={value}") from error
    return how, moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _sort(pairs: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    keys = [value for name, value in pairs if name == "sort_key"]
    ways = [value for name, value in pairs if name == "sort_dir"]
    sort = next((value for name, value in pairs if name == "sort"), None)
    if sort is not None:
        if keys or ways:
            raise Invalid("Old and new sorting syntax cannot be combined")
        parts = [part.strip().partition(":") for part in sort.split(",")]
        keys = [key for key, _, _ in parts]
        ways = [way or "desc" for _, _, way in parts]
    else:
        keys = keys or ["created_at"]
        if len(ways) > 1 and len(ways) != len(keys):
            raise Invalid("Number of sort dirs does not match the number of sort keys")
        ways = ways * len(keys) if len(ways) == 1 else ways or ["desc"] * len(keys)
    for key, way in zip(keys, ways, strict=True):
        if key not in _SORT_KEYS:
            raise Invalid(f"Invalid sort key: {key}")
        if way not in {"asc", "desc"}:
            raise Invalid(f"Invalid sort direction: {way}")
    order = list(zip(keys, ways, strict=True))
    if "id" not in keys:
        order.append(("id", ways[-1]))
    return tuple(order)
