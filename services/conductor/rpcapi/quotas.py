"""Writing what projects may have."""

from __future__ import annotations

from devstack_lite.context import RequestContext
from devstack_lite.rpc.client import RpcClient, declare


class QuotasAPI(RpcClient):
    """What the api asks of the conductor about limits."""

    TOPIC = "conductor"
    NAMESPACE = "quotas"

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_limits(
        self,
        context: RequestContext,
        *,
        scope: str,
        name: str,
        values: dict[str, int],
        is_forced: bool,
    ) -> None:
        """Set limits of a project, class or user. Raises Invalid when more is used already."""
        self.invoke(
            context,
            self.update_limits,
            scope=scope,
            name=name,
            values=values,
            is_forced=is_forced,
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def delete_limits(
        self, context: RequestContext, *, project_id: str, user_id: str | None = None
    ) -> None:
        """Have a project, or a user in it, have no limits of its own."""
        self.invoke(context, self.delete_limits, project_id=project_id, user_id=user_id)
