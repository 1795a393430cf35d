"""What a compute host is asked."""

from __future__ import annotations

from collections.abc import Sequence

from devstack_lite.context import RequestContext
from devstack_lite.objects.compute import BuildOrder, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.client import RpcClient, declare


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
    def run_operation(self, context: RequestContext, *, host: str, instance: Instance) -> None:
        """Carry out what instance.operation says: delete, stop, start, reboot and so on."""
        self.invoke(context, self.run_operation, rpc_server=host, host=host, instance=instance)
