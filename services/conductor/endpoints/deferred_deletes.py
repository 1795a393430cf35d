"""Serves services.conductor.rpcapi.deferred_deletes."""

from __future__ import annotations

import logging
from collections.abc import Callable

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import deferred_delete, instances
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits
from devstack_lite.objects.compute import Instance

LOG = logging.getLogger(__name__)


class DeferredDeletes:
    """Each method is one compare-and-swap transaction."""

    target = oslo_messaging.Target(namespace="deferred_deletes", version="1.0")

    def __init__(self, db: Database, *, limits: Callable[[str, str], Limits]) -> None:
        self._db = db
        self._limits = limits

    def begin_restore(self, context: RequestContext, *, uuid: str) -> Instance:
        """Note it. Delivered twice: answers the same."""
        seen = instances.get_instance(self._db, uuid)
        limits = self._limits(seen.project_id, str(seen.user_id))
        instance = deferred_delete.begin_restore(self._db, context, uuid, limits)
        LOG.info("restore: %s", instance.task_state, extra={"instance_uuid": uuid})
        return instance
