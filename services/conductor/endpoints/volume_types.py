"""Serves services.conductor.rpcapi.volume_types."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import volume_types
from devstack_lite.db.engine import Database
from devstack_lite.objects.registry import Json
from devstack_lite.objects.volume_type import VolumeType


class VolumeTypes:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="volume_types", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_type(self, context: RequestContext, *, volume_type: VolumeType) -> VolumeType:
        """Record it. Delivered twice: the second returns what the first recorded."""
        return volume_types.create_type(self._db, volume_type=volume_type)

    def update_type(self, context: RequestContext, *, type_id: str, values: Json) -> VolumeType:
        """Set them. Delivered twice: the second changes nothing."""
        return volume_types.update_type(self._db, type_id=type_id, values=values)

    def delete_type(self, context: RequestContext, *, type_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        volume_types.delete_type(self._db, type_id=type_id)

    def update_extra_specs(
        self, context: RequestContext, *, type_id: str, items: dict[str, str], removed: list[str]
    ) -> VolumeType:
        """Change them. Delivered twice: NotFound when keys were removed, else nothing changes."""
        return volume_types.update_extra_specs(
            self._db, type_id=type_id, items=items, removed=removed
        )

    def add_access(self, context: RequestContext, *, type_id: str, project_id: str) -> None:
        """Record it. Delivered twice: the second is a Conflict."""
        volume_types.add_access(self._db, type_id=type_id, project_id=project_id)

    def remove_access(self, context: RequestContext, *, type_id: str, project_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        volume_types.remove_access(self._db, type_id=type_id, project_id=project_id)
