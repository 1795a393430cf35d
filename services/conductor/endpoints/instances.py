"""Serves services.conductor.rpcapi.instances."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import actions
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import Instance
from devstack_lite.states import PowerState, TaskState, VmState

LOG = logging.getLogger(__name__)


class Instances:
    """Each method is one compare-and-swap transaction."""

    target = oslo_messaging.Target(namespace="instances", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def begin_action(
        self,
        context: RequestContext,
        *,
        uuid: str,
        action: str,
        event: str,
        vm_states: Sequence[VmState],
        task_state: TaskState,
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
        )
        LOG.info("%s: %s", action, task_state, extra={"instance_uuid": uuid})
        return instance

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
        instance = actions.begin_delete(self._db, context, uuid)
        LOG.info("delete: %s", "gone" if instance.deleted_at else "deleting",
                 extra={"instance_uuid": uuid})  # fmt: skip
        return instance

    def finish_delete(self, context: RequestContext, *, uuid: str) -> bool:
        """Remove it. Delivered twice: False, nothing changed."""
        is_done = actions.finish_delete(self._db, uuid)
        LOG.info("deleted" if is_done else "was deleted already", extra={"instance_uuid": uuid})
        return is_done

    def update_instance(
        self, context: RequestContext, *, uuid: str, values: dict[str, str]
    ) -> Instance:
        """Change it. Delivered twice: the same values again."""
        return actions.update_instance(self._db, uuid, values)
