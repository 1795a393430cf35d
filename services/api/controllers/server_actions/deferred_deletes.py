"""restore, forceDelete; and what DELETE does while deletes can be taken back."""

from __future__ import annotations

from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import TaskState, VmState
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.server_actions.asking import Asking, HostAction
from services.conductor.rpcapi.deferred_deletes import DeferredDeletesAPI

RULE = "os_compute_api:os-deferred-delete"
SOFT_DELETE = HostAction(
    name="soft_delete", event="compute_soft_delete_instance",
    rule="os_compute_api:servers:delete",
    vm_states=tuple(
        state for state in VmState if state not in {VmState.BUILDING, VmState.DELETED}
    ),
    task_state=TaskState.SOFT_DELETING, is_overtaking=True,
)  # fmt: skip


class DeferredDeletesController:
    """Servers that were deleted and can be had back until they are reclaimed."""

    def __init__(self, asking: Asking, deletes: DeferredDeletesAPI) -> None:
        self._asking = asking
        self._deletes = deletes

    @api(status=202, action="restore")
    def restore(self, req: Request, id: str, body: Json) -> None:  # noqa: A002 - the route's name
        """Have a soft-deleted server run again."""
        seen = self._asking.get(req, id, f"{RULE}:restore")
        self._asking.ask(req, self._deletes.begin_restore(req.context, uuid=seen.uuid))

    @api(status=202, action="forceDelete")
    def force_delete(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Delete a server now, whatever it does and however long it could be restored."""
        delete_now(req, self._asking, self._asking.get(req, id, f"{RULE}:force"))


def delete(req: Request, asking: Asking, seen: Instance) -> None:
    """Delete a server as DELETE does: for good, or so that it can be restored for a while.

    One that never ran is deleted for good, as in Nova. Raises InstanceIsLocked; and
    InstanceInvalidState for one that is on its way to another host and is to be restorable.
    """
    is_going = seen.task_state is TaskState.DELETING
    is_restorable = seen.host is not None and seen.launched_at is not None and not is_going
    if not (asking.conf.reclaim_instance_interval and is_restorable):
        delete_now(req, asking, seen)
        return
    asking.ask(req, asking.note(req, seen, SOFT_DELETE))


def delete_now(req: Request, asking: Asking, seen: Instance) -> None:
    """Delete a server for good."""
    instance = asking.instances.begin_delete(req.context, uuid=seen.uuid)
    if instance.deleted_at is None:
        asking.ask(req, instance)
