"""Writing what identity changes."""

from __future__ import annotations

import datetime

from devstack_lite.context import RequestContext
from devstack_lite.rpc.client import RpcClient, declare


class IdentityAPI(RpcClient):
    """What identity asks of the conductor."""

    TOPIC = "conductor"
    NAMESPACE = "identity"

    @declare("call", timeout_s=10, is_idempotent=True)
    def revoke_token(
        self, context: RequestContext, *, audit_id: str, expires_at: datetime.datetime
    ) -> None:
        """Refuse a token from now on; expires_at is when it would have ended."""
        self.invoke(context, self.revoke_token, audit_id=audit_id, expires_at=expires_at)
