"""Links of things and of list pages."""

from __future__ import annotations

from urllib.parse import urlencode

from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request


def thing_links(req: Request, collection: str, thing_id: str) -> list[Json]:
    """Return the links every thing carries."""
    return [
        {"rel": "self", "href": f"{req.application_url}/{collection}/{thing_id}"},
        {"rel": "bookmark", "href": f"{req.host_url}/{collection}/{thing_id}"},
    ]


def bookmark(req: Request, collection: str, thing_id: str) -> list[Json]:
    """Return the one link of a thing inside another."""
    return [{"rel": "bookmark", "href": f"{req.host_url}/{collection}/{thing_id}"}]


def next_link(req: Request, last_id: str) -> list[Json]:
    """Return the link to the page after last_id."""
    query = [(key, value) for key, value in req.GET.items() if key != "marker"]
    query.append(("marker", last_id))
    return [{"rel": "next", "href": f"{req.path_url}?{urlencode(query)}"}]
