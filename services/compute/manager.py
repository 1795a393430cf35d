"""A compute host's entry points; the work is in services.compute.build and .actions."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.objects.compute import BuildOrder, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.server import InFlight
from devstack_lite.states import TaskState
from devstack_lite.steps import StepLog
from services.compute import actions, build
from services.conductor.rpcapi.builds import BuildsAPI
from services.conductor.rpcapi.instances import InstancesAPI

LOG = logging.getLogger(__name__)


class ComputeManager:
    """Serves services.compute.rpcapi."""

    target = oslo_messaging.Target(version="1.0")

    def __init__(
        self,
        host: str,
        peers: build.Peers,
        builds: BuildsAPI,
        instances: InstancesAPI,
        *,
        threads: int,
    ) -> None:
        self.in_flight = InFlight()
        self._host = host
        self._peers = peers
        self._builds = builds
        self._instances = instances
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="build")

    def build_instances(
        self, context: RequestContext, *, host: str, orders: Sequence[BuildOrder], steps: Json
    ) -> None:
        """Build them side by side. Delivered twice: the conductor grants each build once."""
        log = StepLog.received(steps, sent_at=context.sent_at, queue_step=8)
        owner = f"{self._host}:{uuid.uuid4()}"
        granted, rest = fetch_orders(context, self._builds, host, owner, orders, log)
        for instance in granted:
            own_context = context.for_instance(instance.uuid)
            self._pool.submit(self._build, own_context, instance, rest.fork())

    def _build(self, context: RequestContext, instance: Instance, log: StepLog) -> None:
        with self.in_flight:
            try:
                build.build_instance(context, instance, log, self._peers)
            except Exception:
                LOG.exception("the end of a build could not be reported")

    def terminate_instance(self, context: RequestContext, *, host: str, instance: Instance) -> None:
        """Remove it. Delivered twice: the second finds nothing to do."""
        own_context = context.for_instance(instance.uuid)
        own_context.make_current()
        actions.terminate_instance(
            own_context, instance, peers=self._peers, conductor=self._instances
        )

    def change_power(
        self,
        context: RequestContext,
        *,
        host: str,
        instance: Instance,
        action: str,
        task_state: TaskState,
    ) -> None:
        """Stop, start or reboot it. Delivered twice: the action ends once."""
        own_context = context.for_instance(instance.uuid)
        own_context.make_current()
        actions.change_power(
            own_context,
            instance,
            action=action,
            task_state=TaskState(task_state),
            peers=self._peers,
            conductor=self._instances,
        )


def fetch_orders(
    context: RequestContext,
    builds: BuildsAPI,
    host: str,
    owner: str,
    orders: Sequence[BuildOrder],
    log: StepLog,
) -> tuple[list[Instance], StepLog]:
    """Ask the conductor for the instances to build: step 9. Returns them and the log to go on."""
    log.open(9)
    answer = builds.start_builds(
        context, host=host, owner=owner, orders=orders, steps=log.to_message()
    )
    rest = StepLog.from_message(answer["steps"])
    rest.close(detail=f"{len(answer['instances'])} instances")
    LOG.info("step 9: %d of %d builds granted", len(answer["instances"]), len(orders))
    return list(answer["instances"]), rest
