"""Writing what projects may have of volumes."""

from __future__ import annotations

from devstack_lite.context import RequestContext
from devstack_lite.rpc.client import RpcClient, declare


class VolumeQuotasAPI(RpcClient):
    """What the volume service asks of the conductor. Who may do it was decided there."""

    TOPIC = "conductor"
    NAMESPACE = "volume_quotas"

    @declare("call", timeout_s=10, is_idempotent=True)
    def set_quota(
        self, context: RequestContext, *, project_id: str, limits: dict[str, int]
    ) -> None:
        """Set a project's limits by resource; -1 is no bound."""
        self.invoke(context, self.set_quota, project_id=project_id, limits=limits)

    @declare("call", timeout_s=10, is_idempotent=True)
    def delete_quota(self, context: RequestContext, *, project_id: str) -> None:
        """Give a project the default quota again."""
        self.invoke(context, self.delete_quota, project_id=project_id)
