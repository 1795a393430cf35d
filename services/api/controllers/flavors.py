"""/flavors."""

from __future__ import annotations

import uuid

from devstack_lite.db import flavors
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import Flavor
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.paging import page_of
from services.api.policy import require_admin
from services.api.schemas import flavors as schemas
from services.api.views.links import next_link, thing_links
from services.conductor.rpcapi.flavors import FlavorsAPI

_SORT_COLUMNS = {
    "flavorid": "id",
    "name": "name",
    "memory_mb": "memory_mb",
    "vcpus": "vcpus",
    "root_gb": "root_gb",
    "created_at": "created_at",
}


class FlavorsController:
    """Flavors are read from the database and written by the conductor."""

    def __init__(self, db: Database, conductor: FlavorsAPI, *, max_limit: int) -> None:
        self._db = db
        self._conductor = conductor
        self._max_limit = max_limit

    def index(self, req: Request) -> Json:
        """List ids and names."""
        found, links = self._list(req)
        return {"flavors": [_brief(req, flavor) for flavor in found], **links}

    def detail(self, req: Request) -> Json:
        """List flavors in full."""
        found, links = self._list(req)
        return {"flavors": [_full(req, flavor) for flavor in found], **links}

    def _list(self, req: Request) -> tuple[list[Flavor], Json]:
        query = req.GET
        sort_key = query.get("sort_key", "flavorid")
        if sort_key not in _SORT_COLUMNS:
            raise Invalid(f"Invalid input for query parameters sort_key. Value: {sort_key}.")
        found = flavors.list_flavors(
            self._db,
            is_public=_is_public(req),
            min_memory_mb=_number(req, "minRam"),
            min_root_gb=_number(req, "minDisk"),
            sort_key=_SORT_COLUMNS[sort_key],
            is_descending=query.get("sort_dir", "asc") == "desc",
        )
        page, has_more = page_of(found, req, self._max_limit, lambda flavor: flavor.id)
        return page, {"flavors_links": next_link(req, page[-1].id)} if has_more and page else {}

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one flavor."""
        return {"flavor": _full(req, flavors.get_flavor(self._db, id))}

    def extra_specs(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show a flavor's extra specs."""
        return {"extra_specs": dict(flavors.get_flavor(self._db, id).extra_specs)}

    @api(body=schemas.CREATE)
    def create(self, req: Request, body: Json) -> Json:
        """Make a flavor."""
        require_admin(req.context, "os_compute_api:os-flavor-manage:create")
        wanted = body["flavor"]
        flavor_id = wanted.get("id")
        if flavor_id in (None, "auto"):
            flavor_id = str(uuid.uuid4())
        flavor = Flavor(
            id=str(flavor_id),
            name=wanted["name"].strip(),
            vcpus=int(wanted["vcpus"]),
            memory_mb=int(wanted["ram"]),
            root_gb=int(wanted["disk"]),
            ephemeral_gb=int(wanted.get("OS-FLV-EXT-DATA:ephemeral", 0)),
            swap_mb=int(wanted.get("swap", 0)),
            rxtx_factor=float(wanted.get("rxtx_factor", 1.0)),
            is_public=wanted.get("os-flavor-access:is_public", True)
            not in {False, "False", "false", "FALSE", "0", "off", "no"},
        )
        return {"flavor": _full(req, self._conductor.create_flavor(req.context, flavor=flavor))}

    @api(status=202)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a flavor."""
        require_admin(req.context, "os_compute_api:os-flavor-manage:delete")
        self._conductor.delete_flavor(req.context, flavor_id=id)


def _is_public(req: Request) -> bool | None:
    text = req.GET.get("is_public")
    if not req.context.is_admin or text is None:
        return True
    if text.lower() == "none":
        return None
    return text.lower() in {"1", "true", "yes", "on"}


def _number(req: Request, name: str) -> int:
    text = req.GET.get(name, "0")
    if not text.isdecimal():
        raise Invalid(f"Invalid {name} filter [{text}]")
    return int(text)


def _brief(req: Request, flavor: Flavor) -> Json:
    return {
        "id": flavor.id,
        "name": flavor.name,
        "links": thing_links(req, "flavors", flavor.id),
    }


def _full(req: Request, flavor: Flavor) -> Json:
    return {
        **_brief(req, flavor),
        "ram": flavor.memory_mb,
        "disk": flavor.root_gb,
        "vcpus": flavor.vcpus,
        "swap": flavor.swap_mb or "",
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral_gb,
        "OS-FLV-DISABLED:disabled": flavor.is_disabled,
        "os-flavor-access:is_public": flavor.is_public,
        "rxtx_factor": flavor.rxtx_factor,
    }
