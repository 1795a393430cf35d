"""What a compute host is asked."""

from __future__ import annotations

from collections.abc import Sequence

from devstack_lite.context import RequestContext
from devstack_lite.objects.compute import BuildOrder, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.client import RpcClient, declare
from devstack_lite.states import TaskState


class ComputeAPI(RpcClient):
    """All casts: what they ask for stands in the instance's row."""

    TOPIC = "compute"

    @declare("cast", is_idempotent=True)
    def build_instances(
        self,
        context: RequestContext,
        *,
        host: str,
        orders: Sequence[BuildOrder],
        steps: Json,
    ) -> None:
        """Build instances that are claimed on host's nodes. Step 8 and what follows.

        steps: what is recorded so far; all the orders of a message share it.
        """
        self.invoke(
            context,
            self.build_instances,
            rpc_server=host,
            host=host,
            orders=list(orders),
            steps=steps,
        )

    @declare("cast", is_idempotent=True)
    def terminate_instance(self, context: RequestContext, *, host: str, instance: Instance) -> None:
        """Remove an instance, its domain, ports and attachments."""
        self.invoke(context, self.terminate_instance, rpc_server=host, host=host, instance=instance)

    @declare("cast", is_idempotent=True)
    def change_power(
        self,
        context: RequestContext,
        *,
        host: str,
        instance: Instance,
        action: str,
        task_state: TaskState,
    ) -> None:
        """Stop, start or reboot an instance: the action whose task_state is under way."""
        self.invoke(
            context,
            self.change_power,
            rpc_server=host,
            host=host,
            instance=instance,
            action=action,
            task_state=task_state,
        )
