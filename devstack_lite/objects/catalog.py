"""What was added to the catalog: regions, services, and where they are."""

from __future__ import annotations

from dataclasses import dataclass

from devstack_lite.objects.registry import message


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogRegion:
    """A place, perhaps in another."""

    id: str
    description: str = ""
    parent_region_id: str | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogService:
    """Something that answers at its endpoints."""

    id: str
    type: str
    name: str = ""
    description: str = ""
    enabled: bool = True


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogEndpoint:
    """Where a service is; the URL may hold `$(project_id)s`. interface: public, internal, admin."""

    id: str
    service_id: str
    interface: str
    url: str
    region_id: str | None = None
    enabled: bool = True


CatalogEntry = CatalogRegion | CatalogService | CatalogEndpoint
