"""Serves services.conductor.rpcapi.instances."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import oslo_messaging
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import (
    actions,
    deletes,
    hosts,
    instance_changes,
    moves,
    resets,
    server_metadata,
)
from devstack_lite.db.engine import Database
from devstack_lite.db.leftovers import delete_without_host
from devstack_lite.db.operations import EVACUATE, PLACED
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.together import Call
from devstack_lite.states import PowerState, TaskState, VmState
from services.conductor.dispatch import Dispatcher

LOG = logging.getLogger(__name__)


class Instances:
    """Each method is one compare-and-swap transaction."""

    target = oslo_messaging.Target(namespace="instances", version="1.0")

    def __init__(self, db: Database, dispatcher: Dispatcher, *, down_time_s: float) -> None:
        self._db = db
        self._dispatcher = dispatcher
        self._down_time_s = down_time_s

    def begin_action(
        self,
        context: RequestContext,
        *,
        uuid: str,
        action: str,
        event: str,
        vm_states: Sequence[VmState],
        task_state: TaskState,
        arguments: Json | None = None,
        changes: Json | None = None,
        is_overtaking: bool = False,
    ) -> Instance:
        """Note it. Delivered twice (the same request id): answers the same."""
        instance = actions.begin_action(
            self._db,
            context,
            uuid,
            action=action,
            event=event,
            vm_states=[VmState(state) for state in vm_states],
            task_state=TaskState(task_state),
            arguments=arguments,
            changes=changes,
            is_overtaking=is_overtaking,
            alongside=self._alongside(context, action),
        )
        LOG.info("%s: %s", action, task_state, extra={"instance_uuid": uuid})
        if action in PLACED:
            self._dispatcher.dispatch(instance)
        return instance

    @staticmethod
    def _alongside(
        context: RequestContext, action: str
    ) -> Callable[[Connection, Any], Json] | None:
        """Return what is noted besides: an evacuation is a move, too."""
        if action != EVACUATE:
            return None
        return lambda connection, row: moves.begin_evacuation(connection, context, row, utcnow())

    def finish_action(
        self,
        context: RequestContext,
        *,
        uuid: str,
        action: str,
        attempt: int,
        vm_state: VmState,
        power_state: PowerState,
        error: str | None = None,
    ) -> bool:
        """End it. Delivered twice: False, nothing changed."""
        is_done = actions.finish_action(
            self._db,
            uuid,
            action=action,
            attempt=attempt,
            vm_state=VmState(vm_state),
            power_state=PowerState(power_state),
            error=error,
        )
        LOG.info("%s ended: %s", action, error or vm_state, extra={"instance_uuid": uuid})
        return is_done

    def begin_delete(self, context: RequestContext, *, uuid: str) -> Instance:
        """Note it. Delivered twice: answers the same."""
        return self._begun(context, deletes.begin_delete(self._db, context, uuid))

    def begin_delete_together(self, calls: Sequence[Call]) -> list[Instance]:
        """Note many in one transaction, all or none."""
        begun = deletes.begin_all(self._db, [(own, given["uuid"]) for own, given in calls])
        return [self._begun(own, one) for (own, _), one in zip(calls, begun, strict=True)]

    def _begun(self, context: RequestContext, instance: Instance) -> Instance:
        """Return an instance that shall go; one whose host is down is gone at once."""
        context.make_current()
        uuid = instance.uuid
        if instance.deleted_at is None and self._is_down(instance.host):
            delete_without_host(self._db, uuid)
            instance = deletes.begin_delete(self._db, context, uuid)
        LOG.info("delete: %s", "gone" if instance.deleted_at else "deleting",
                 extra={"instance_uuid": uuid})  # fmt: skip
        return instance

    def _is_down(self, host: str | None) -> bool:
        return host in hosts.down_hosts(self._db, self._down_time_s)

    def finish_delete(self, context: RequestContext, *, uuid: str) -> bool:
        """Remove it. Delivered twice: False, nothing changed."""
        return _deleted(uuid, is_done=deletes.finish_delete(self._db, uuid))

    def finish_delete_together(self, calls: Sequence[Call]) -> list[bool]:
        """Remove many in one transaction, all or none."""
        uuids = [given["uuid"] for _, given in calls]
        done = deletes.finish_all(self._db, uuids)
        for (context, _), uuid, is_done in zip(calls, uuids, done, strict=True):
            context.make_current()
            _deleted(uuid, is_done=is_done)
        return done

    def update_instance(self, context: RequestContext, *, uuid: str, values: Json) -> Instance:
        """Change it. Delivered twice: the same values again."""
        return actions.update_instance(self._db, uuid, values)

    def update_metadata(
        self,
        context: RequestContext,
        *,
        uuid: str,
        items: dict[str, str],
        removed: Sequence[str],
        is_replacing: bool,
        limit: int,
    ) -> Instance:
        """Change it. Delivered twice: the second changes nothing."""
        return server_metadata.update_metadata(
            self._db, context, uuid, items=items, removed=removed, is_replacing=is_replacing,
            limit=limit,
        )  # fmt: skip

    def record_done(
        self,
        context: RequestContext,
        *,
        uuid: str,
        action: str,
        event: str,
        error: str | None = None,
    ) -> None:
        """Note it. Delivered twice: noted once."""
        instance_changes.record_done(
            self._db, context, uuid, action=action, event=event, error=error
        )

    def reset_state(self, context: RequestContext, *, uuid: str, vm_state: VmState) -> Instance:
        """Reset it. Delivered twice: the second changes nothing."""
        LOG.warning("reset to %s by an administrator", vm_state, extra={"instance_uuid": uuid})
        return resets.reset_state(self._db, uuid, VmState(vm_state))


def _deleted(uuid: str, *, is_done: bool) -> bool:
    LOG.info("deleted" if is_done else "was deleted already", extra={"instance_uuid": uuid})
    return is_done
