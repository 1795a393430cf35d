"""What changes of an instance at once, without its host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.console import Console
from devstack_lite.rpc.client import RpcClient, declare


class InstanceChangesAPI(RpcClient):
    """Each is over when it is answered."""

    TOPIC = "conductor"
    NAMESPACE = "instance_changes"

    @declare("call", timeout_s=10, is_idempotent=True)
    def set_lock(
        self, context: RequestContext, *, uuid: str, is_locked: bool, reason: str | None = None
    ) -> Instance:
        """Lock an instance against what members ask of it, or unlock it. Raises NotFound."""
        answer = self.invoke(context, self.set_lock, uuid=uuid, is_locked=is_locked, reason=reason)
        return cast(Instance, answer)

    @declare("call", timeout_s=10, is_idempotent=True)
    def set_tags(
        self,
        context: RequestContext,
        *,
        uuid: str,
        add: Sequence[str],
        remove: Sequence[str] | None,
    ) -> list[str]:
        """Remove tags (None: all), then add some; what there is. Raises NotFound, Invalid."""
        answer = self.invoke(context, self.set_tags, uuid=uuid, add=add, remove=remove)
        return cast("list[str]", answer)

    @declare("call", timeout_s=10, is_idempotent=True)
    def set_password(self, context: RequestContext, *, uuid: str, password: str) -> None:
        """Keep the encrypted password that a guest posts; an empty one forgets it.

        Raises NotFound, Conflict when there is another.
        """
        self.invoke(context, self.set_password, uuid=uuid, password=password)

    @declare("call", timeout_s=10, is_idempotent=True)
    def record_console(self, context: RequestContext, *, token: str, console: Console) -> None:
        """Keep where a token leads, for `[consoleauth] token_ttl` seconds."""
        self.invoke(context, self.record_console, token=token, console=console)
