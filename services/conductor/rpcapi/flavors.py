"""Writing flavors."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.objects.compute import Flavor
from devstack_lite.rpc.client import RpcClient, declare


class FlavorsAPI(RpcClient):
    """What the api asks of the conductor about flavors."""

    TOPIC = "conductor"
    NAMESPACE = "flavors"

    @declare("call", timeout_s=10, is_idempotent=False)
    def create_flavor(self, context: RequestContext, *, flavor: Flavor) -> Flavor:
        """Record a flavor. Raises Conflict when its name or id is taken."""
        return cast(Flavor, self.invoke(context, self.create_flavor, flavor=flavor))

    @declare("call", timeout_s=10, is_idempotent=False)
    def delete_flavor(self, context: RequestContext, *, flavor_id: str) -> None:
        """Remove a flavor. Raises NotFound, also when it was delivered twice."""
        self.invoke(context, self.delete_flavor, flavor_id=flavor_id)
