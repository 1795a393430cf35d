"""/v2.0/subnetpools."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import subnet_pools as rows
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.network import SubnetPool
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.subnet_pools import SubnetPoolsAPI
from services.network import schemas, views
from services.network.access import is_true, owner_of, require_admin_for, require_owner, view_of
from services.network.listing import fields_of, listed
from services.network.pool_blocks import lengths_of, prefixes_of

Json = dict[str, Any]

_LENGTHS = ("default_prefixlen", "min_prefixlen", "max_prefixlen")


class SubnetPoolsController:
    """Pools: a project's own, and those that an administrator shares."""

    def __init__(self, db: Database, conductor: SubnetPoolsAPI) -> None:
        self._db = db
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List pools."""
        found = rows.list_pools(self._db, project_id=view_of(req.context))
        return listed(req, "subnetpools", [views.subnet_pool(one) for one in found])

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one pool."""
        found = rows.get_pool(self._db, id, project_id=view_of(req.context))
        return {"subnetpool": fields_of(req, views.subnet_pool(found))}

    @api(status=201, body=schemas.one("subnetpool", schemas.SUBNET_POOL, "name", "prefixes"))
    def create(self, req: Request, body: Json) -> Json:
        """Make a pool."""
        wanted = body["subnetpool"]
        require_admin_for(req.context, wanted, "shared")
        prefixes, version = prefixes_of(wanted["prefixes"])
        lengths = lengths_of(version, wanted)
        pool = SubnetPool(
            id=str(uuid.uuid4()),
            project_id=owner_of(req.context, wanted),
            name=wanted["name"],
            description=wanted.get("description", ""),
            prefixes=prefixes,
            ip_version=version,
            shared=is_true(wanted.get("shared")),
            default_prefixlen=lengths["default_prefixlen"],
            min_prefixlen=lengths["min_prefixlen"],
            max_prefixlen=lengths["max_prefixlen"],
        )
        made = self._conductor.create_pool(req.context, pool=pool)
        return {"subnetpool": views.subnet_pool(made)}

    @api(body=schemas.one("subnetpool", schemas.SUBNET_POOL_CHANGE))
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a pool; what it has it keeps, more may come."""
        found = self._own(req, id, "update_subnetpool")
        wanted = body["subnetpool"]
        values = {key: wanted[key] for key in ("name", "description") if key in wanted}
        if "prefixes" in wanted:
            values["prefixes"] = self._extended(found, wanted["prefixes"])
        if any(key in wanted for key in _LENGTHS):
            values |= lengths_of(
                found.ip_version, {**{key: getattr(found, key) for key in _LENGTHS}, **wanted}
            )
        changed = self._conductor.update_pool(req.context, pool_id=id, values=values)
        return {"subnetpool": views.subnet_pool(changed)}

    def _extended(self, found: SubnetPool, wanted: list[str]) -> list[str]:
        prefixes, version = prefixes_of(wanted)
        is_same = version == found.ip_version
        if not is_same or prefixes_of([*found.prefixes, *prefixes])[0] != prefixes:
            raise Invalid(
                "Illegal subnetpool update: Existing prefixes must be a subset of the new prefixes."
            )
        return list(prefixes)

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a pool of which no subnet has anything."""
        self._own(req, id, "delete_subnetpool")
        self._conductor.delete_pool(req.context, pool_id=id)

    def _own(self, req: Request, pool_id: str, rule: str) -> SubnetPool:
        found = rows.get_pool(self._db, pool_id, project_id=view_of(req.context))
        require_owner(req.context, found.project_id, rule)
        return found
