"""What was added to the catalog; the cloud's own services are in its configuration instead."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from devstack_lite.db.engine import Database
from devstack_lite.db.schema_identity import catalog_services, endpoints, regions
from devstack_lite.exceptions import Conflict, Forbidden, NotFound
from devstack_lite.objects.catalog import CatalogEndpoint, CatalogEntry, CatalogRegion
from devstack_lite.objects.catalog import CatalogService as Service
from devstack_lite.objects.registry import Json

Entry = TypeVar("Entry", CatalogRegion, Service, CatalogEndpoint)

REGION, SERVICE, ENDPOINT = "region", "service", "endpoint"

KINDS: dict[str, tuple[type[Any], sa.Table]] = {
    REGION: (CatalogRegion, regions),
    SERVICE: (Service, catalog_services),
    ENDPOINT: (CatalogEndpoint, endpoints),
}
_NAMES = {kind: name for name, (kind, _table) in KINDS.items()}


def list_all(db: Database, kind: type[Entry]) -> list[Entry]:
    """Return the regions, services or endpoints that were added, by id."""
    with db.read() as connection:
        return _all(connection, kind)


def list_services_and_endpoints(db: Database) -> tuple[list[Service], list[CatalogEndpoint]]:
    """Return what a token's catalog has besides the cloud's own, on one connection."""
    with db.read() as connection:
        return _all(connection, Service), _all(connection, CatalogEndpoint)


def _all(connection: Connection, kind: type[Entry]) -> list[Entry]:
    own = KINDS[_NAMES[kind]][1]
    rows = connection.execute(sa.select(own).order_by(own.c.id))
    return [kind(**row._mapping) for row in rows]


def missing(kind: str, entry_id: str) -> NotFound:
    """Return the error for an entry that is not there, in Keystone's words."""
    return NotFound(f"Could not find {kind}: {entry_id}.", kind=kind)


def create(db: Database, entry: CatalogEntry) -> CatalogEntry:
    """Record an entry. One transaction. Raises Conflict for a region whose id is taken.

    Delivered twice: answers with what the first recorded.
    """
    name = _NAMES[type(entry)]
    kind, own = KINDS[name]
    try:
        with db.write() as connection:
            connection.execute(own.insert().values(asdict(entry)))
    except IntegrityError as error:
        with db.read() as connection:
            row = connection.execute(sa.select(own).where(own.c.id == entry.id)).first()
        if row is not None and kind(**row._mapping) == entry:
            return entry
        raise Conflict(
            f"Conflict occurred attempting to store {name} - Duplicate ID, {entry.id}.", kind=name
        ) from error
    return entry


def update(db: Database, name: str, entry_id: str, values: Json) -> CatalogEntry:
    """Change an entry's columns. name: REGION, SERVICE or ENDPOINT. Raises NotFound."""
    kind, own = KINDS[name]
    with db.write() as connection:
        if values:
            connection.execute(own.update().where(own.c.id == entry_id).values(**values))
        row = connection.execute(sa.select(own).where(own.c.id == entry_id)).first()
    if row is None:
        raise missing(name, entry_id)
    found: CatalogEntry = kind(**row._mapping)
    return found


def delete(db: Database, name: str, entry_id: str) -> None:
    """Remove an entry; a service with its endpoints. One transaction.

    Raises NotFound, Forbidden for a region in which endpoints are.
    """
    _, own = KINDS[name]
    with db.write() as connection:
        if name == REGION:
            _refuse_used(connection, entry_id)
        if name == SERVICE:
            connection.execute(endpoints.delete().where(endpoints.c.service_id == entry_id))
        if not connection.execute(own.delete().where(own.c.id == entry_id)).rowcount:
            raise missing(name, entry_id)


def _refuse_used(connection: Connection, region_id: str) -> None:
    """Raise Forbidden when an endpoint is in the region or below it; remove those below it."""
    below = [region_id]
    for parent in below:
        query = sa.select(regions.c.id).where(regions.c.parent_region_id == parent)
        below += [one for one in connection.execute(query).scalars() if one not in below]
    used = sa.select(endpoints.c.id).where(endpoints.c.region_id.in_(below))
    if connection.execute(used).first() is not None:
        raise Forbidden(
            f"Unable to delete region {region_id} because it or its child regions have associated"
            " endpoints."
        )
    connection.execute(regions.delete().where(regions.c.id.in_(below[1:])))
