"""Serves services.conductor.rpcapi.moves."""

from __future__ import annotations

import logging
from collections.abc import Callable

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import instances, live_migrations, operations, resizes, shelves
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits
from devstack_lite.objects.compute import Flavor, Instance
from devstack_lite.objects.registry import Json
from services.conductor.dispatch import Dispatcher

LOG = logging.getLogger(__name__)


class Moves:
    """Each method is one transaction; delivered twice, each hands out the same attempt again."""

    target = oslo_messaging.Target(namespace="moves", version="1.0")

    def __init__(
        self, db: Database, dispatcher: Dispatcher, *, limits: Callable[[str, str], Limits]
    ) -> None:
        self._db = db
        self._dispatcher = dispatcher
        self._limits = limits

    def begin_resize(
        self,
        context: RequestContext,
        *,
        uuid: str,
        flavor: Flavor | None,
        target_host: str | None = None,
        may_stay_on_host: bool = False,
        auto_disk_config: bool | None = None,
    ) -> Instance:
        """Note it. Delivered twice (the same request id): answers the same."""
        seen = instances.get_instance(self._db, uuid)
        instance = resizes.begin_resize(
            self._db,
            context,
            uuid,
            flavor=flavor,
            target_host=target_host,
            may_stay_on_host=may_stay_on_host,
            auto_disk_config=auto_disk_config,
            limits=self._limits(seen.project_id, str(seen.user_id)),
        )
        return self._hand_out(instance)

    def begin_confirm(self, context: RequestContext, *, uuid: str) -> Instance:
        """Note it. Delivered twice: answers the same."""
        return self._hand_out(resizes.begin_confirm(self._db, context, uuid))

    def begin_revert(self, context: RequestContext, *, uuid: str) -> Instance:
        """Note it. Delivered twice: answers the same."""
        return self._hand_out(resizes.begin_revert(self._db, context, uuid))

    def begin_offload(self, context: RequestContext, *, uuid: str) -> Instance:
        """Note it. Delivered twice: answers the same."""
        return self._hand_out(shelves.begin_offload(self._db, context, uuid))

    def begin_unshelve(
        self,
        context: RequestContext,
        *,
        uuid: str,
        target_host: str | None = None,
        zone: str | None = None,
        is_zone_given: bool = False,
    ) -> Instance:
        """Note it. Delivered twice: answers the same."""
        return self._hand_out(
            shelves.begin_unshelve(
                self._db, context, uuid,
                target_host=target_host, zone=zone, is_zone_given=is_zone_given,
            )
        )  # fmt: skip

    def begin_live_migration(
        self, context: RequestContext, *, uuid: str, target_host: str | None = None
    ) -> Instance:
        """Note it. Delivered twice: answers the same."""
        return self._hand_out(
            live_migrations.begin_live_migration(self._db, context, uuid, target_host=target_host)
        )

    def note_live_progress(
        self, context: RequestContext, *, uuid: str, attempt: int, progress: Json
    ) -> str:
        """Note it. Delivered twice: the same figures again."""
        return live_migrations.note_progress(self._db, uuid, attempt=attempt, progress=progress)

    def note_live_end(self, context: RequestContext, *, uuid: str, wish: str) -> None:
        """Note it. Delivered twice: noted once."""
        live_migrations.note_end(self._db, context, uuid, wish=wish)

    def is_under_way(self, context: RequestContext, *, uuid: str, attempt: int) -> bool:
        """Read it."""
        return operations.is_under_way(self._db, uuid, attempt)

    def _hand_out(self, instance: Instance) -> Instance:
        if instance.operation is not None:
            self._dispatcher.dispatch(instance)
        return instance
