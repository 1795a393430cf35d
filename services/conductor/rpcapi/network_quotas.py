"""Writing the network service's quotas."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.rpc.client import RpcClient, declare


class NetworkQuotasAPI(RpcClient):
    """What the network service asks of the conductor."""

    TOPIC = "conductor"
    NAMESPACE = "network_quotas"

    @declare("call", timeout_s=10, is_idempotent=True)
    def set_limits(
        self, context: RequestContext, *, project_id: str, limits: dict[str, int], is_checked: bool
    ) -> None:
        """Set some limits; -1 is none. Raises Invalid when is_checked and more is used."""
        self.invoke(
            context, self.set_limits, project_id=project_id, limits=limits, is_checked=is_checked
        )

    @declare("call", timeout_s=10, is_idempotent=False)
    def forget_limits(self, context: RequestContext, *, project_id: str) -> bool:
        """Take all limits of a project away; False when it had none."""
        return cast(bool, self.invoke(context, self.forget_limits, project_id=project_id))
