"""/flavors."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Sequence
from typing import Any

import regex

from devstack_lite.db import flavors
from devstack_lite.db.engine import PATTERN_TIMEOUT_S, Database
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.compute import Flavor
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.paging import page_of
from services.api.policy import allows, require_admin
from services.api.schemas import flavors as schemas
from services.api.schemas import queries
from services.api.schemas.parameters import is_true
from services.api.server_filters import pattern_of
from services.api.views.links import next_link, thing_links
from services.conductor.rpcapi.flavors import FlavorsAPI

_SORT_COLUMNS = {
    **{
        name: name
        for name in (
            "id",
            "name",
            "memory_mb",
            "vcpus",
            "root_gb",
            "ephemeral_gb",
            "rxtx_factor",
            "is_public",
            "description",
            "created_at",
        )
    },
    "flavorid": "id",
    "swap": "swap_mb",
    "disabled": "is_disabled",
}
"""By what sort_key says; what is not here is the same for all flavors."""
_TRUE = {"1", "t", "true", "on", "y", "yes"}
_FALSE = {"0", "f", "false", "off", "n", "no"}
_MAX_FLOAT = 3.40282e38
"""A single-precision float's bound; Nova's rule."""


class FlavorsController:
    """Flavors are read from the database and written by the conductor."""

    def __init__(self, db: Database, conductor: FlavorsAPI, *, max_limit: int) -> None:
        self._db = db
        self._conductor = conductor
        self._max_limit = max_limit

    @api(query=queries.FLAVORS)
    def index(self, req: Request) -> Json:
        """List ids and names."""
        found, links = self._list(req)
        return {"flavors": [_described(req, flavor) for flavor in found], **links}

    @api(query=queries.FLAVORS)
    def detail(self, req: Request) -> Json:
        """List flavors in full."""
        found, links = self._list(req)
        return {"flavors": [_full(req, flavor) for flavor in found], **links}

    def _list(self, req: Request) -> tuple[list[Flavor], Json]:
        query = req.GET
        found = flavors.list_flavors(
            self._db,
            is_public=_is_public(req),
            project_id=None if req.context.is_admin else req.context.project_id,
            min_memory_mb=_number(req, "minRam"),
            min_root_gb=_number(req, "minDisk"),
            sort_key=_SORT_COLUMNS.get(query.get("sort_key", "id"), "created_at"),
            is_descending=query.get("sort_dir") == "desc",
        )
        found = _named(req, found)
        page, has_more = page_of(found, req, self._max_limit, lambda flavor: flavor.id)
        return page, {"flavors_links": next_link(req, page[-1].id)} if has_more and page else {}

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one flavor."""
        return {"flavor": _full(req, self._get(req, id))}

    def _get(self, req: Request, flavor_id: str) -> Flavor:
        return flavors.get_flavor(
            self._db, flavor_id, with_private=req.context.is_admin,
            project_id=req.context.project_id,
        )  # fmt: skip

    @api(body=schemas.create)
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
            description=wanted.get("description"),
            rxtx_factor=_factor(wanted.get("rxtx_factor", 1.0)),
            is_public=is_true(wanted.get("os-flavor-access:is_public", True)),
        )
        return {"flavor": _full(req, self._conductor.create_flavor(req.context, flavor=flavor))}

    @api(body=schemas.UPDATE, since="2.55")
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a flavor's description."""
        require_admin(req.context, "os_compute_api:os-flavor-manage:update")
        changed = self._conductor.describe_flavor(
            req.context, flavor_id=id, description=body["flavor"]["description"]
        )
        return {"flavor": _full(req, changed)}

    def access(self, req: Request, id: str) -> Json:  # noqa: A002
        """List the projects that may use a private flavor."""
        require_admin(req.context, "os_compute_api:os-flavor-access")
        if flavors.get_flavor(self._db, id, with_private=True).is_public:
            raise NotFound("Access list not available for public flavors.", kind="flavor")
        return _access(id, flavors.list_access(self._db, id))

    @api(action="addTenantAccess", body=schemas.access("addTenantAccess"))
    def add_access(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Let a project use a private flavor."""
        require_admin(req.context, "os_compute_api:os-flavor-access:add_tenant_access")
        if req.since(2, 7) and flavors.get_flavor(self._db, id, with_private=True).is_public:
            raise Conflict("Can not add access to a public flavor.", kind="flavor")
        project_id = body["addTenantAccess"]["tenant"]
        return _access(
            id, self._conductor.add_flavor_access(
                req.context, flavor_id=id, project_id=project_id
            )
        )  # fmt: skip

    @api(action="removeTenantAccess", body=schemas.access("removeTenantAccess"))
    def remove_access(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Have a project use a private flavor no more."""
        require_admin(req.context, "os_compute_api:os-flavor-access:remove_tenant_access")
        project_id = body["removeTenantAccess"]["tenant"]
        return _access(
            id, self._conductor.remove_flavor_access(
                req.context, flavor_id=id, project_id=project_id
            )
        )  # fmt: skip

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
    if text.lower() not in _TRUE | _FALSE:
        raise Invalid(f"Invalid is_public filter [{text}]")
    return text.lower() in _TRUE


def _number(req: Request, name: str) -> int:
    text = req.GET.get(name, "0")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise Invalid(f"Invalid {name} filter [{text}]")
    return int(text)


def _factor(value: Any) -> float:
    with contextlib.suppress(ValueError):
        if 0.0 < float(value) <= _MAX_FLOAT:
            return float(value)
    raise Invalid(f"'rxtx_factor' argument must be a float between 0 and {_MAX_FLOAT}")


def _shows_extra_specs(req: Request) -> bool:
    return req.since(2, 61) and allows(req.context, "os_compute_api:os-flavor-extra-specs:index")


def _described(req: Request, flavor: Flavor) -> Json:
    described = {"description": flavor.description} if req.since(2, 55) else {}
    return {**_brief(req, flavor), **described}


def _brief(req: Request, flavor: Flavor) -> Json:
    return {
        "id": flavor.id,
        "name": flavor.name,
        "links": thing_links(req, "flavors", flavor.id),
    }


def _access(flavor_id: str, project_ids: Sequence[str]) -> Json:
    return {
        "flavor_access": [
            {"flavor_id": flavor_id, "tenant_id": project_id} for project_id in project_ids
        ]
    }


def _until_2_101(req: Request, flavor: Flavor) -> Json:
    if req.since(2, 102):
        return {}
    return {"OS-FLV-DISABLED:disabled": flavor.is_disabled, "rxtx_factor": flavor.rxtx_factor}


def _named(req: Request, found: list[Flavor]) -> list[Flavor]:
    """Return the flavors whose name has a match of the expression asked for, from 2.102 on."""
    pattern = pattern_of("name", req.GET.get("name")) if req.since(2, 102) else None
    if pattern is None:
        return found
    try:
        return [one for one in found if regex.search(pattern, one.name, timeout=PATTERN_TIMEOUT_S)]
    except TimeoutError as error:
        raise Invalid(
            f"Invalid input for query parameters name. Value: {pattern}. It takes too long."
        ) from error


def _full(req: Request, flavor: Flavor) -> Json:
    return {
        **_described(req, flavor),
        "ram": flavor.memory_mb,
        "disk": flavor.root_gb,
        "vcpus": flavor.vcpus,
        "swap": flavor.swap_mb if req.since(2, 75) else flavor.swap_mb or "",
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral_gb,
        "os-flavor-access:is_public": flavor.is_public,
        **_until_2_101(req, flavor),
        **({"extra_specs": dict(flavor.extra_specs)} if _shows_extra_specs(req) else {}),
    }
