"""/v3/services, /v3/endpoints and /v3/regions."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import catalog as rows
from devstack_lite.exceptions import Conflict, Forbidden, Invalid
from devstack_lite.objects.catalog import (
    CatalogEndpoint,
    CatalogEntry,
    CatalogRegion,
    CatalogService,
)
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.catalog_entries import CatalogEntriesAPI
from services.identity import catalog_schemas as schemas
from services.identity.callers import Caller, Callers
from services.identity.catalog import Catalog, view_of
from services.identity.listing import base_url, listed

Json = dict[str, Any]


class _Entries:
    """What the three have in common: anybody who may looks, an administrator changes."""

    KIND = ""
    IS_ANYBODYS = False

    def __init__(self, callers: Callers, catalog: Catalog, conductor: CatalogEntriesAPI) -> None:
        self._callers = callers
        self._catalog = catalog
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List them."""
        self._look(req, f"identity:list_{self.KIND}s")
        shown = [view_of(self.KIND, one, base_url(req)) for one in self._all()]
        return listed(req, f"{self.KIND}s", shown)

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one."""
        self._look(req, f"identity:get_{self.KIND}")
        return self._shown(req, self._one(id))

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove one."""
        caller = self._change(req, "delete", id)
        self._conductor.delete_entry(caller.context, kind=self.KIND, entry_id=id)

    def _look(self, req: Request, rule: str) -> None:
        caller = self._callers.of(req)
        if not self.IS_ANYBODYS:
            caller.require_admin(rule)

    def _change(self, req: Request, verb: str, entry_id: str) -> Caller:
        """Return the caller, who may change this entry. Raises Forbidden, NotFound."""
        caller = self._callers.admin(req, f"identity:{verb}_{self.KIND}")
        self._one(entry_id)
        if self._catalog.is_own(entry_id):
            raise Forbidden(
                f"You are not authorized to perform the requested action: the {self.KIND}"
                f" {entry_id} is the cloud's own and follows its configuration."
            )
        return caller

    def _one(self, entry_id: str) -> Any:
        for one in self._all():
            if one.id == entry_id:
                return one
        raise rows.missing(self.KIND, entry_id)

    def _all(self) -> list[Any]:
        return list(getattr(self._catalog, f"{self.KIND}s")())

    def _add(self, req: Request, caller: Caller, entry: CatalogEntry) -> Json:
        return self._shown(req, self._conductor.create_entry(caller.context, entry=entry))

    def _set(self, req: Request, caller: Caller, entry_id: str, values: Json) -> Json:
        changed = self._conductor.update_entry(
            caller.context, kind=self.KIND, entry_id=entry_id, values=values
        )
        return self._shown(req, changed)

    def _shown(self, req: Request, entry: CatalogEntry) -> Json:
        return {self.KIND: view_of(self.KIND, entry, base_url(req))}


class ServicesController(_Entries):
    """Services."""

    KIND = "service"

    @api(status=201, body=schemas.SERVICE)
    def create(self, req: Request, body: Json) -> Json:
        """Add a service."""
        caller = self._callers.admin(req, "identity:create_service")
        entry = CatalogService(id=uuid.uuid4().hex, **_texts(body["service"], "description"))
        return self._add(req, caller, entry)

    @api(body=schemas.SERVICE_CHANGE)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a service."""
        caller = self._change(req, "update", id)
        return self._set(req, caller, id, _texts(body["service"], "description"))


class RegionsController(_Entries):
    """Regions, which anybody may see; their ids may be chosen."""

    KIND = "region"
    IS_ANYBODYS = True

    @api(status=201, body=schemas.REGION)
    def create(self, req: Request, body: Json) -> Json:
        """Add a region."""
        caller = self._callers.admin(req, "identity:create_region")
        wanted = _texts(body["region"], "description")
        region_id = wanted.pop("id", None) or uuid.uuid4().hex
        self._check_parent(wanted)
        if self._catalog.is_own(region_id):
            raise Conflict(
                "Conflict occurred attempting to store region - Duplicate ID,"
                f" {region_id}.", kind="region",
            )  # fmt: skip
        return self._add(req, caller, CatalogRegion(id=region_id, **wanted))

    @api(status=201, body=schemas.REGION)
    def create_named(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Add a region under the id of the URL."""
        if body["region"].get("id", id) != id:
            raise Invalid("Conflicting region IDs specified: the URL and the body name two.")
        return self.create(req, {"region": {**body["region"], "id": id}})

    @api(body=schemas.REGION)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a region."""
        caller = self._change(req, "update", id)
        wanted = _texts(body["region"], "description")
        if wanted.pop("id", id) != id:
            raise Invalid("Cannot change region ID.")
        self._check_parent(wanted)
        return self._set(req, caller, id, wanted)

    def _check_parent(self, wanted: Json) -> None:
        if wanted.get("parent_region_id") is not None:
            self._one(wanted["parent_region_id"])


class EndpointsController(_Entries):
    """Endpoints."""

    KIND = "endpoint"

    @api(status=201, body=schemas.ENDPOINT)
    def create(self, req: Request, body: Json) -> Json:
        """Add an endpoint."""
        caller = self._callers.admin(req, "identity:create_endpoint")
        wanted = self._checked(caller, body["endpoint"])
        return self._add(req, caller, CatalogEndpoint(id=uuid.uuid4().hex, **wanted))

    @api(body=schemas.ENDPOINT_CHANGE)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change an endpoint."""
        caller = self._change(req, "update", id)
        return self._set(req, caller, id, self._checked(caller, body["endpoint"]))

    def _checked(self, caller: Caller, asked: Json) -> Json:
        """Return the columns that a request names. Raises NotFound, Invalid.

        A region by its old name, `region`, is added when it is not there, as Keystone does.
        """
        wanted = {key: value for key, value in asked.items() if key not in {"region", "name"}}
        if "service_id" in wanted:
            known = {one.id for one in self._catalog.services()}
            if wanted["service_id"] not in known:
                raise rows.missing("service", wanted["service_id"])
        regions = {one.id for one in self._catalog.regions()}
        if wanted.get("region_id") is None and asked.get("region"):
            wanted["region_id"] = asked["region"]
            if asked["region"] not in regions:
                region = CatalogRegion(id=asked["region"])
                self._conductor.create_entry(caller.context, entry=region)
        elif wanted.get("region_id") is not None and wanted["region_id"] not in regions:
            raise Invalid("Expecting to find endpoint region_id in region table.")
        return wanted


def _texts(wanted: Json, *names: str) -> Json:
    """Return what is wanted, null texts as empty ones."""
    return {key: "" if key in names and value is None else value for key, value in wanted.items()}
