"""/traits and /resource_classes: the words that requests may use."""

from __future__ import annotations

from typing import Any

from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.standard_traits import standard
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import api
from devstack_lite.wsgi.versions import ApiVersion
from services.placement import traits
from services.placement.access import require_admin
from services.placement.query import only
from services.placement.reading import Reading, reply
from services.placement.resources import known_classes

Json = dict[str, Any]

_SINCE = ApiVersion(1, 6)


class NamesController:
    """Read only: there are the standard names, and those that hosts are configured with."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    @api(since="1.6")
    def traits(self, req: Request) -> Reply:
        """List traits: by name (`in:A,B`, `startswith:C`), or only those that a node has."""
        require_admin(req, "traits:list")
        only(req.GET, {"name": _SINCE, "associated": _SINCE}, req.api_version)
        nodes = self._reading.nodes()
        held = {one for node in nodes for one in node.traits}
        found = set(standard()) | held
        associated = req.GET.get("associated")
        if associated is not None:
            if associated.lower() not in {"true", "false"}:
                raise Invalid('The query parameter "associated" only accepts "true" or "false"')
            found = held if associated.lower() == "true" else found - held
        return reply(req, {"traits": sorted(one for one in found if _is_named(req, one))})

    @api(status=204, since="1.6")
    def trait(self, req: Request, name: str) -> Reply:
        """Say whether there is a trait. Raises NotFound."""
        require_admin(req, "traits:show")
        if name not in traits.known(self._reading.nodes()):
            raise NotFound(f"No such trait(s): {name}.")
        return reply(req, None, status=204)

    @api(since="1.2")
    def classes(self, req: Request) -> Reply:
        """List resource classes."""
        require_admin(req, "resource_classes:list")
        names = known_classes(self._reading.nodes())
        return reply(req, {"resource_classes": [_class(name) for name in names]})

    @api(since="1.2")
    def resource_class(self, req: Request, name: str) -> Reply:
        """Show a resource class. Raises NotFound."""
        require_admin(req, "resource_classes:show")
        if name not in known_classes(self._reading.nodes()):
            raise NotFound(f"No such resource class {name}.")
        return reply(req, _class(name))


def _class(name: str) -> Json:
    return {"name": name, "links": [{"rel": "self", "href": f"/resource_classes/{name}"}]}


def _is_named(req: Request, trait: str) -> bool:
    wanted = req.GET.get("name")
    if wanted is None:
        return True
    how, colon, names = wanted.partition(":")
    if colon and how == "in":
        return trait in names.split(",")
    if colon and how == "startswith":
        return trait.startswith(names)
    raise Invalid(
        "Badly formatted name parameter. Expected name query string parameter in form:"
        f' ?name=[in|startswith]:[name1,name2|prefix]. Got: "{wanted}"'
    )
