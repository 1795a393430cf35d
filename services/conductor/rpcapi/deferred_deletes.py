"""Taking a delete back."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.objects.compute import Instance
from devstack_lite.rpc.client import RpcClient, declare


class DeferredDeletesAPI(RpcClient):
    """What begins here its host ends, as it ends any action."""

    TOPIC = "conductor"
    NAMESPACE = "deferred_deletes"

    @declare("call", timeout_s=10, is_idempotent=True)
    def begin_restore(self, context: RequestContext, *, uuid: str) -> Instance:
        """Note that a soft-deleted instance shall run again, if the quota has room for it.

        Raises NotFound, InstanceIsLocked, InstanceInvalidState, QuotaExceeded.
        """
        return cast(Instance, self.invoke(context, self.begin_restore, uuid=uuid))
