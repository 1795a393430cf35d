"""Serves services.conductor.rpcapi.devices."""

from __future__ import annotations

import logging

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import device_changes, interface_changes, volume_changes
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import NetworkRequest
from devstack_lite.objects.device import DeviceChange
from devstack_lite.objects.registry import Json
from devstack_lite.objects.volume import VolumeAttachment

LOG = logging.getLogger(__name__)


class Devices:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="devices", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def begin_attach_volume(
        self,
        context: RequestContext,
        *,
        uuid: str,
        change_id: str,
        attachment: VolumeAttachment,
        tag: str | None = None,
    ) -> DeviceChange:
        """Note it. Delivered twice (the same request id): answers the same."""
        return volume_changes.begin_attach_volume(
            self._db, context, uuid, change_id=change_id, attachment=attachment, tag=tag
        )

    def begin_detach_volume(
        self, context: RequestContext, *, uuid: str, change_id: str, volume_id: str
    ) -> DeviceChange:
        """Note it. Delivered twice (the same request id): answers the same."""
        return volume_changes.begin_detach_volume(
            self._db, context, uuid, change_id=change_id, volume_id=volume_id
        )

    def keep_volume(
        self, context: RequestContext, *, uuid: str, volume_id: str, is_kept: bool
    ) -> None:
        """Note it. Delivered twice: the same again."""
        volume_changes.keep_volume(self._db, uuid, volume_id, is_kept=is_kept)

    def begin_attach_interface(
        self, context: RequestContext, *, uuid: str, change_id: str, request: NetworkRequest
    ) -> DeviceChange:
        """Note it. Delivered twice (the same request id): answers the same."""
        return interface_changes.begin_attach_interface(
            self._db, context, uuid, change_id=change_id, request=request
        )

    def begin_detach_interface(
        self, context: RequestContext, *, uuid: str, change_id: str, port_id: str
    ) -> DeviceChange:
        """Note it. Delivered twice (the same request id): answers the same."""
        return interface_changes.begin_detach_interface(
            self._db, context, uuid, change_id=change_id, port_id=port_id
        )

    def finish_change(
        self,
        context: RequestContext,
        *,
        change_id: str,
        attempt: int,
        result: Json,
        error: str | None = None,
    ) -> bool:
        """End it. Delivered twice: False, nothing changed."""
        is_done = device_changes.finish_change(
            self._db, change_id, attempt=attempt, result=result, error=error
        )
        LOG.info("change %s: %s", change_id, (error or "done") if is_done else "not to be ended")
        return is_done
