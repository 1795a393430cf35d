"""Serves services.conductor.rpcapi.flavors."""

from __future__ import annotations

from collections.abc import Mapping

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import flavors
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import Flavor


class Flavors:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="flavors", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_flavor(self, context: RequestContext, *, flavor: Flavor) -> Flavor:
        """Record it. Delivered twice: the second is a Conflict."""
        return flavors.create_flavor(self._db, flavor=flavor)

    def delete_flavor(self, context: RequestContext, *, flavor_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        flavors.delete_flavor(self._db, flavor_id=flavor_id)

    def describe_flavor(
        self, context: RequestContext, *, flavor_id: str, description: str | None
    ) -> Flavor:
        """Describe it. Delivered twice: the same."""
        return flavors.describe_flavor(self._db, flavor_id=flavor_id, description=description)

    def set_extra_specs(
        self, context: RequestContext, *, flavor_id: str, specs: Mapping[str, str | None]
    ) -> dict[str, str]:
        """Merge them. Delivered twice: the same."""
        return flavors.set_extra_specs(self._db, flavor_id=flavor_id, specs=specs)

    def add_flavor_access(
        self, context: RequestContext, *, flavor_id: str, project_id: str
    ) -> list[str]:
        """Add it. Delivered twice: the second is a Conflict."""
        return flavors.add_access(self._db, flavor_id=flavor_id, project_id=project_id)

    def remove_flavor_access(
        self, context: RequestContext, *, flavor_id: str, project_id: str
    ) -> list[str]:
        """Remove it. Delivered twice: the second is NotFound."""
        return flavors.remove_access(self._db, flavor_id=flavor_id, project_id=project_id)
