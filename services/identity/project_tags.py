"""Tags of projects: which may be, and which a list asks for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from devstack_lite.exceptions import Invalid
from devstack_lite.wsgi.request import Request

Json = dict[str, Any]

FILTERS = ("tags", "tags-any", "not-tags", "not-tags-any")


def check_tag(tag: str) -> str:
    """Return a tag. Raises Invalid for one that could not be asked for."""
    if not 0 < len(tag) <= 255 or "/" in tag or "," in tag:
        raise Invalid(f"Invalid tag: {tag!r} is empty, too long or holds a slash or a comma.")
    return tag


def with_tags(req: Request, shown: Iterable[Json]) -> list[Json]:
    """Return the projects whose tags are as the query string asks."""
    asked = {name: set(req.GET[name].split(",")) for name in FILTERS if name in req.GET}

    def fits(tags: set[str]) -> bool:
        return (
            asked.get("tags", set()) <= tags
            and ("tags-any" not in asked or bool(asked["tags-any"] & tags))
            and ("not-tags" not in asked or not asked["not-tags"] <= tags)
            and not asked.get("not-tags-any", set()) & tags
        )

    return [one for one in shown if fits(set(one["tags"]))]
