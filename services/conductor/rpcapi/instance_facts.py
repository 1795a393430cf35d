"""What is known of an instance that is not in its own row, for a host that reads no database."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.facts import InstanceFacts
from devstack_lite.rpc.client import RpcClient, declare


class InstanceFactsAPI(RpcClient):
    """Reads alone."""

    TOPIC = "conductor"
    NAMESPACE = "instance_facts"

    @declare("call", timeout_s=10, is_idempotent=True)
    def read_facts(self, context: RequestContext, *, instance: Instance) -> InstanceFacts:
        """Return what its guest may read; instance.network_info says which ports are its own."""
        return cast(InstanceFacts, self.invoke(context, self.read_facts, instance=instance))
