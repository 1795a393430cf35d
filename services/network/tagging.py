"""Tags as resources show them, and lists that are filtered by them."""

from __future__ import annotations

from typing import Any

from devstack_lite.db.engine import Database
from devstack_lite.db.network_tags import tags_of
from devstack_lite.wsgi.request import Request

Json = dict[str, Any]

TAG_FILTERS = frozenset({"tags", "tags-any", "not-tags", "not-tags-any"})


def with_tags(db: Database, shown: list[Json]) -> list[Json]:
    """Return resources as they are shown, with their tags."""
    tags = tags_of(db, [one["id"] for one in shown])
    return [{**one, "tags": tags.get(one["id"], [])} for one in shown]


def filter_by_tags(req: Request, shown: list[Json]) -> list[Json]:
    """Return those that have all of `tags` and any of `tags-any`, or not, as the query says."""
    for key in TAG_FILTERS & set(req.GET):
        wanted = {tag for text in req.GET.getall(key) for tag in text.split(",")}
        is_any, is_not = key.endswith("-any"), key.startswith("not-")
        shown = [
            one
            for one in shown
            if (bool(wanted & set(one["tags"])) if is_any else wanted <= set(one["tags"])) != is_not
        ]
    return shown
