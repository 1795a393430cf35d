"""What is done to an instance after its boot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.client import RpcClient, declare
from devstack_lite.states import PowerState, TaskState, VmState


class InstancesAPI(RpcClient):
    """An action begins and ends here; in between it is its host's."""

    TOPIC = "conductor"
    NAMESPACE = "instances"

    @declare("call", timeout_s=10, is_idempotent=True)
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
        """Note that action is under way; one that moves the instance is handed out at once.

        arguments: what it needs besides; changes: columns that are others from now on.
        is_overtaking: what waits for the instance's own host ends for it. Raises NotFound,
        InstanceInvalidState.
        """
        return cast(
            Instance,
            self.invoke(
                context,
                self.begin_action,
                uuid=uuid,
                action=action,
                event=event,
                vm_states=list(vm_states),
                task_state=task_state,
                arguments=arguments,
                changes=changes,
                is_overtaking=is_overtaking,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
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
        """End an action; False when it was not under way any more."""
        return cast(
            bool,
            self.invoke(
                context,
                self.finish_action,
                uuid=uuid,
                action=action,
                attempt=attempt,
                vm_state=vm_state,
                power_state=power_state,
                error=error,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True, gathers=True)
    def begin_delete(self, context: RequestContext, *, uuid: str) -> Instance:
        """Note that an instance shall go; deleted_at is set if no host has it. Raises NotFound."""
        return cast(Instance, self.invoke(context, self.begin_delete, uuid=uuid))

    @declare("call", timeout_s=10, is_idempotent=True, gathers=True)
    def finish_delete(self, context: RequestContext, *, uuid: str) -> bool:
        """Remove an instance whose host has left nothing of it; False when it is gone already."""
        return cast(bool, self.invoke(context, self.finish_delete, uuid=uuid))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_instance(self, context: RequestContext, *, uuid: str, values: Json) -> Instance:
        """Change name, access addresses and the like. Raises NotFound."""
        return cast(Instance, self.invoke(context, self.update_instance, uuid=uuid, values=values))

    @declare("call", timeout_s=10, is_idempotent=True)
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
        """Change an instance's metadata, of which it may have limit entries.

        Raises NotFound, InstanceInvalidState, QuotaExceeded.
        """
        return cast(
            Instance,
            self.invoke(
                context,
                self.update_metadata,
                uuid=uuid,
                items=items,
                removed=list(removed),
                is_replacing=is_replacing,
                limit=limit,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def reset_state(self, context: RequestContext, *, uuid: str, vm_state: VmState) -> Instance:
        """Have an instance be in vm_state with nothing under way. Raises NotFound."""
        return cast(Instance, self.invoke(context, self.reset_state, uuid=uuid, vm_state=vm_state))

    @declare("call", timeout_s=10, is_idempotent=True)
    def record_done(
        self,
        context: RequestContext,
        *,
        uuid: str,
        action: str,
        event: str,
        error: str | None = None,
    ) -> None:
        """Note an action that a host has done at once, as failed when error is given.

        Raises NotFound.
        """
        self.invoke(context, self.record_done, uuid=uuid, action=action, event=event, error=error)
