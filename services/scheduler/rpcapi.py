"""What the scheduler is asked."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.objects.compute import ScheduleRequest
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.client import RpcClient, declare


class SchedulerAPI(RpcClient):
    """One queue for all scheduler workers; whichever is free takes the request."""

    TOPIC = "scheduler"

    @declare("call", timeout_s=30, is_idempotent=True)
    def schedule_builds(
        self, context: RequestContext, *, request: ScheduleRequest
    ) -> dict[str, str]:
        """Choose a host for each instance, claim it and hand the instance over. Steps 5 to 7.

        Returns the host per uuid; an instance that no host takes is missing, and in ERROR.
        """
        return cast("dict[str, str]", self.invoke(context, self.schedule_builds, request=request))

    @declare("call", timeout_s=10, is_idempotent=True)
    def explain(self, context: RequestContext, *, request: ScheduleRequest, count: int) -> Json:
        """Return what would be decided now for count instances, without placing any."""
        return cast(Json, self.invoke(context, self.explain, request=request, count=count))

    @declare("cast", is_idempotent=True)
    def reschedule_builds(self, context: RequestContext, *, request: ScheduleRequest) -> None:
        """Do the same for instances whose build failed elsewhere; nobody waits for it."""
        self.invoke(context, self.reschedule_builds, request=request)
