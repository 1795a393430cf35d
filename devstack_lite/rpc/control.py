"""What every worker of every daemon hears: that what is armed has changed."""

from __future__ import annotations

from typing import Any

import oslo_messaging

from devstack_lite import failpoints
from devstack_lite.context import RequestContext
from devstack_lite.rpc.client import RpcClient, declare

NAMESPACE = "control"


class ControlAPI(RpcClient):
    """Speaks to all workers of one daemon: its topic is the daemon's name."""

    TOPIC = "control"
    NAMESPACE = NAMESPACE

    def __init__(self, transport: Any, topic: str) -> None:
        self.TOPIC = topic
        super().__init__(transport)

    @declare("fanout", is_idempotent=True)
    def reload_failpoints(self, context: RequestContext) -> None:
        """Have every worker read what is armed now."""
        self.invoke(context, self.reload_failpoints)


class Control:
    """Serves ControlAPI, in each RPC server."""

    target = oslo_messaging.Target(namespace=NAMESPACE, version="1.0")

    def reload_failpoints(self, context: RequestContext) -> None:
        """Read what is armed. Delivered twice: reads it twice."""
        failpoints.reload()
