"""Writing key pairs."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.compute import Keypair
from devstack_lite.rpc.client import RpcClient, declare


class KeypairsAPI(RpcClient):
    """What the api asks of the conductor about key pairs."""

    TOPIC = "conductor"
    NAMESPACE = "keypairs"

    @declare("call", timeout_s=10, is_idempotent=False)
    def create_keypair(self, context: RequestContext, *, keypair: Keypair, limit: int) -> Keypair:
        """Record a key pair of which a user may have limit. Raises Conflict, QuotaExceeded."""
        return cast(
            Keypair, self.invoke(context, self.create_keypair, keypair=keypair, limit=limit)
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_keypair(self, context: RequestContext, *, user_id: str, name: str) -> None:
        """Remove a key pair. Raises NotFound, also when it was delivered twice."""
        self.invoke(context, self.delete_keypair, user_id=user_id, name=name)
