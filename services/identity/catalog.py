"""The catalog: which services there are, and where, for a project."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from devstack_lite.db import catalog as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.catalog import CatalogEndpoint, CatalogRegion, CatalogService

Json = dict[str, Any]

_IDS = uuid.UUID("3f7a1c5e-2a0f-49f0-8a5b-7d4c3b2a1f00")

# (type, name, option of [endpoints], whether the project's id follows)
SERVICES = (
    ("identity", "keystone", "identity", False),
    ("compute", "nova", "compute", False),
    ("image", "glance", "image", False),
    ("network", "neutron", "network", False),
    ("volumev3", "cinderv3", "volume", True),
    ("block-storage", "cinder", "volume", True),
    ("placement", "placement", "placement", False),
)

INTERFACES = ("public", "internal", "admin")

_PROJECT = re.compile(r"[$%]\((project|tenant)_id\)s")


def _id(*parts: str) -> str:
    return uuid.uuid5(_IDS, "/".join(parts)).hex


class Catalog:
    """The cloud's own entries follow its configuration; what was added is in the database."""

    def __init__(self, db: Database, endpoints: Mapping[str, str], region: str) -> None:
        self._db = db
        self._endpoints = endpoints
        self._region = region

    def view(self, project_id: str | None) -> list[Json]:
        """Return the catalog of v3 tokens; without a project, what needs one is left out."""
        services, endpoints = rows.list_services_and_endpoints(self._db)
        added = [one for one in endpoints if one.enabled]
        found = [
            _entry(service, [*self._own_endpoints(service.id), *added], project_id)
            for service in self._own_services()
        ]
        shown = [entry for entry in found if entry["endpoints"]]
        return shown + [_entry(one, added, project_id) for one in services if one.enabled]

    def view_v2(self, project_id: str | None) -> list[Json]:
        """Return the serviceCatalog of v2.0, which knows no service that is not everywhere."""
        shown = []
        for entry in self.view(project_id):
            urls = {one["interface"]: one["url"] for one in entry["endpoints"]}
            if not urls.keys() >= set(INTERFACES):
                continue
            endpoint = {"id": entry["id"], "region": self._region}
            endpoint |= {f"{interface}URL": urls[interface] for interface in INTERFACES}
            shown.append(
                {
                    "type": entry["type"],
                    "name": entry["name"],
                    "endpoints_links": [],
                    "endpoints": [endpoint],
                }
            )
        return shown

    def services(self) -> list[CatalogService]:
        """Return all services, the cloud's own first."""
        return [*self._own_services(), *rows.list_all(self._db, CatalogService)]

    def endpoints(self) -> list[CatalogEndpoint]:
        """Return all endpoints, the cloud's own first."""
        return [*self._own_endpoints(), *rows.list_all(self._db, CatalogEndpoint)]

    def regions(self) -> list[CatalogRegion]:
        """Return all regions, the cloud's own first."""
        return [CatalogRegion(id=self._region), *rows.list_all(self._db, CatalogRegion)]

    def is_own(self, entry_id: str) -> bool:
        """Say whether an entry is one of the cloud's own, which no request changes."""
        own = {one.id for one in self._own_services()} | {one.id for one in self._own_endpoints()}
        return entry_id == self._region or entry_id in own

    @staticmethod
    def _own_services() -> list[CatalogService]:
        return [
            CatalogService(id=_id(kind), type=kind, name=name)
            for kind, name, _option, _is_scoped in SERVICES
        ]

    def _own_endpoints(self, service_id: str | None = None) -> Iterator[CatalogEndpoint]:
        for kind, _name, option, is_scoped in SERVICES:
            if service_id not in {None, _id(kind)}:
                continue
            url = str(self._endpoints[option])
            for interface in INTERFACES:
                yield CatalogEndpoint(
                    id=_id(kind, interface),
                    service_id=_id(kind),
                    interface=interface,
                    url=f"{url}/$(project_id)s" if is_scoped else url,
                    region_id=self._region,
                )


def _entry(
    service: CatalogService, endpoints: list[CatalogEndpoint], project_id: str | None
) -> Json:
    shown = [
        {
            "id": one.id,
            "interface": one.interface,
            "region": one.region_id,
            "region_id": one.region_id,
            "url": _PROJECT.sub(project_id or "", one.url),
        }
        for one in endpoints
        if one.service_id == service.id
        and (project_id is not None or _PROJECT.search(one.url) is None)
    ]
    return {"id": service.id, "type": service.type, "name": service.name, "endpoints": shown}


def view_of(kind: str, entry: CatalogService | CatalogEndpoint | CatalogRegion, base: str) -> Json:
    """Return an entry as /v3/services, /v3/endpoints and /v3/regions show it."""
    shown = asdict(entry)
    if isinstance(entry, CatalogEndpoint):
        shown["region"] = entry.region_id
    return {**shown, "links": {"self": f"{base}/{kind}s/{entry.id}"}}
