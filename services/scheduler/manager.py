"""The scheduler's entry points."""

from __future__ import annotations

from collections.abc import Sequence

import oslo_messaging

from devstack_lite import failpoints
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import DevstackError
from devstack_lite.objects.compute import ScheduleRequest
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.together import Call
from devstack_lite.steps import StepLog, point_of
from services.scheduler.place import Placer, Placing


class SchedulerManager:
    """Serves services.scheduler.rpcapi."""

    target = oslo_messaging.Target(version="1.0")

    def __init__(self, placer: Placer) -> None:
        self._placer = placer

    def schedule_builds(
        self, context: RequestContext, *, request: ScheduleRequest
    ) -> dict[str, str]:
        """Place them. Delivered twice: a claim that is held answers again, a started build stays.

        The api's step ends when its message was sent; the time in the queue is step 6.
        """
        log = StepLog.received(request.steps, sent_at=context.sent_at, queue_step=6)
        with failpoints.around(point_of(7)):
            return self._placer.place(context, request, log)

    def schedule_builds_together(
        self, calls: Sequence[Call]
    ) -> list[dict[str, str] | DevstackError]:
        """Place those of many requests, with one message for each that is asked."""
        placings = []
        for context, given in calls:
            request = given["request"]
            log = StepLog.received(request.steps, sent_at=context.sent_at, queue_step=6)
            context.make_current()
            failpoints.hit(f"{point_of(7)}.before")
            placings.append(Placing(context=context, request=request, log=log))
        self._placer.place_all(placings)
        for one in placings:
            if one.failure is None:
                one.context.make_current()
                failpoints.hit(f"{point_of(7)}.after")
        return [one.failure or one.hosts for one in placings]

    def explain(self, context: RequestContext, *, request: ScheduleRequest, count: int) -> Json:
        """Decide without placing."""
        return self._placer.explain(request, count)

    def reschedule_builds(self, context: RequestContext, *, request: ScheduleRequest) -> None:
        """Place them again. Delivered twice: as above."""
        self.schedule_builds(context, request=request)
