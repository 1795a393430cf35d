"""A compute host's entry points; the work is in services.compute.build and .operations."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import oslo_messaging

from devstack_lite import failpoints
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Conflict, DevstackError
from devstack_lite.objects.compute import ABORT, FORCE_COMPLETE, BuildOrder, Instance
from devstack_lite.objects.device import DeviceChange
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.server import InFlight
from devstack_lite.rpc.together import Call
from devstack_lite.states import TaskState
from devstack_lite.steps import StepLog, point_of
from services.compute import (
    build,
    console_log,
    devices,
    image_cache,
    inspection,
    live,
    operations,
    resize,
    volume_snapshots,
)
from services.conductor.rpcapi.devices import DevicesAPI
from services.conductor.rpcapi.instances import InstancesAPI

LOG = logging.getLogger(__name__)


class ComputeManager:
    """Serves services.compute.rpcapi."""

    target = oslo_messaging.Target(version="1.0")

    def __init__(
        self,
        host: str,
        peers: build.Peers,
        instances: InstancesAPI,
        device_changes: DevicesAPI,
        *,
        threads: int,
    ) -> None:
        self.in_flight = InFlight()
        self._host = host
        self._peers = peers
        self._instances = instances
        self._device_changes = device_changes
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="work")

    def build_instances(
        self, context: RequestContext, *, host: str, orders: Sequence[BuildOrder], steps: Json
    ) -> None:
        """Build them side by side. Delivered twice: what this worker has in hand is left out."""
        self.build_instances_together([(context, {"orders": orders, "steps": steps})])

    def build_instances_together(self, calls: Sequence[Call]) -> list[None]:
        """Ask for the instances of many requests in one call."""
        in_hand = self._peers.in_hand
        received = []
        for context, given in calls:
            log = StepLog.received(given["steps"], sent_at=context.sent_at, queue_step=8)
            taken = [
                order for order in given["orders"]
                if in_hand.take(order.instance_uuid, order.attempt)
            ]  # fmt: skip
            if taken:
                received.append((context, taken, log))
        kept: set[str] = set()
        try:
            fetched = fetch_orders(self._peers, self._host, received)
            for (context, _, _), (granted, rest) in zip(received, fetched, strict=True):
                context.make_current()
                for instance in granted:
                    if instance.task_state is TaskState.MIGRATING:
                        # A guest that leaves another host is that one's to send.
                        host = str(instance.operation_host)
                        self._peers.compute.run_operation(context, host=host, instance=instance)
                        continue
                    kept.add(instance.uuid)
                    self._submit(context, instance, partial(self._build, rest.fork()))
        finally:
            for _, taken, _ in received:
                for order in taken:
                    if order.instance_uuid not in kept:
                        in_hand.drop(order.instance_uuid, order.attempt)
        return [None] * len(calls)

    def _build(self, log: StepLog, context: RequestContext, instance: Instance) -> None:
        build.build_instance(context, instance, log, self._peers)

    def run_operation(self, context: RequestContext, *, host: str, instance: Instance) -> None:
        """Carry it out. Delivered twice: what this worker has in hand is left out."""
        if self._peers.in_hand.take(instance.uuid, instance.attempt):
            self._submit(context, instance, self._operate)

    def _operate(self, context: RequestContext, instance: Instance) -> None:
        with self._peers.in_hand.turn(instance.uuid, instance.attempt) as is_mine:
            if is_mine:
                operations.run(context, instance, peers=self._peers, conductor=self._instances)

    def change_device(
        self, context: RequestContext, *, host: str, instance: Instance, change: DeviceChange
    ) -> None:
        """Carry it out. Delivered twice: what this worker has in hand is left out."""
        key = (change.id, change.attempt)
        if self._peers.in_hand.take(*key):
            self._submit(
                context,
                instance,
                lambda own, one: devices.run(
                    own, one, change, peers=self._peers, conductor=self._device_changes
                ),
                key,
            )

    def get_diagnostics(self, context: RequestContext, *, host: str, instance: Instance) -> Json:
        """Read them. Delivered twice: reads twice."""
        return inspection.get_diagnostics(self._peers.driver, instance)

    def get_console_output(
        self, context: RequestContext, *, host: str, instance: Instance, length: int | None = None
    ) -> str:
        """Read it, of a guest that there is. Delivered twice: reads twice."""
        self._peers.driver.get_info(str(instance.node), instance.uuid)
        return console_log.tail(console_log.console_log(instance), length)

    def get_console_port(
        self, context: RequestContext, *, host: str, instance: Instance, display: str
    ) -> int:
        """Read it, of a guest that runs. Delivered twice: reads twice."""
        return inspection.get_console_port(self._peers.driver, instance, display)

    def cache_images(
        self, context: RequestContext, *, host: str, image_ids: Sequence[str]
    ) -> dict[str, str]:
        """Fetch and keep them. Delivered twice: what is kept stays."""
        return image_cache.cache_images(context, image_ids, self._peers.driver, self._peers.image)

    def volume_snapshot_create(
        self,
        context: RequestContext,
        *,
        host: str,
        instance: Instance,
        volume_id: str,
        create_info: Json,
    ) -> None:
        """Have it so. Delivered twice: the disk is there already, and the same is told."""
        volume_snapshots.create(context, instance, volume_id, create_info, self._peers)

    def volume_snapshot_delete(
        self,
        context: RequestContext,
        *,
        host: str,
        instance: Instance,
        snapshot_id: str,
        delete_info: Json,
    ) -> None:
        """Have it so. Delivered twice: they are one already, and the same is told."""
        volume_snapshots.delete(context, instance, snapshot_id, delete_info, self._peers)

    def set_admin_password(
        self, context: RequestContext, *, host: str, instance: Instance, password: str
    ) -> None:
        """Set it. Delivered twice: the same one again, and one action."""
        record = partial(
            self._instances.record_done, context, uuid=instance.uuid, action="changePassword",
            event="compute_set_admin_password",
        )  # fmt: skip
        try:
            inspection.set_admin_password(self._peers.driver, instance, password)
        except Exception as error:
            with contextlib.suppress(DevstackError):
                record(error=str(error))
            raise
        record(error=None)

    def power_off_guest(
        self, context: RequestContext, *, host: str, node: str, uuid: str, attempt: int
    ) -> None:
        """Have it off. Delivered twice: it is."""
        resize.check_under_way(context, self._peers, uuid, attempt)
        resize.power_off_guest(self._peers, node, uuid)

    def remove_guest(
        self, context: RequestContext, *, host: str, node: str, uuid: str, attempt: int
    ) -> None:
        """Have none. Delivered twice: there is none."""
        resize.check_under_way(context, self._peers, uuid, attempt)
        self._peers.driver.destroy(node, uuid)

    def end_live_migration(
        self, context: RequestContext, *, host: str, node: str, uuid: str, is_abort: bool
    ) -> None:
        """Note it, and wish it of the hypervisor. Delivered twice: one wish."""
        wish = ABORT if is_abort else FORCE_COMPLETE
        self._peers.moves.note_live_end(context, uuid=uuid, wish=wish)
        # Whoever has the migration in hand hears of it with its next report, if not by this.
        with contextlib.suppress(Conflict):
            live.end(self._peers.driver, node, uuid, is_abort=is_abort)

    def _submit(
        self,
        context: RequestContext,
        instance: Instance,
        work: Callable[[RequestContext, Instance], None],
        key: tuple[str, int] | None = None,
    ) -> None:
        """Have the pool do it; key: what it is in hand as, if not as the instance's operation."""
        taken = key or (instance.uuid, instance.attempt)

        def run() -> None:
            with self.in_flight:
                own = context.for_instance(instance.uuid)
                own.make_current()
                try:
                    work(own, instance)
                except DevstackError as error:
                    LOG.warning("not finished, to be asked for again: %s", error)
                except Exception:
                    LOG.exception("not finished, to be asked for again")
                finally:
                    self._peers.in_hand.drop(*taken)

        self._pool.submit(run)


def fetch_orders(
    peers: build.Peers,
    host: str,
    received: Sequence[tuple[RequestContext, Sequence[BuildOrder], StepLog]],
) -> list[tuple[list[Instance], StepLog]]:
    """Ask the conductor for the instances to build: step 9.

    Returns for each request its instances and the log to go on with. Those of one that could not be
    asked for are asked for by the reconciler.
    """
    calls = []
    for context, orders, log in received:
        context.make_current()
        failpoints.hit(f"{point_of(9)}.before")
        log.open(9)
        calls.append((
            context,
            {
                "host": host, "owner": peers.in_hand.owner, "orders": list(orders),
                "steps": log.to_message(),
            },
        ))  # fmt: skip
    found: list[tuple[list[Instance], StepLog]] = []
    answers = peers.builds.invoke_together(peers.builds.start_builds, calls) if calls else []
    for (context, _), answer in zip(calls, answers, strict=True):
        context.make_current()
        if isinstance(answer, DevstackError):
            LOG.warning("not granted: %s", answer)
            found.append(([], StepLog()))
            continue
        failpoints.hit(f"{point_of(9)}.after")
        rest = StepLog.from_message(answer["steps"])
        rest.close(detail=f"{len(answer['instances'])} instances")
        for instance in answer["instances"]:
            LOG.info("step 9: granted, attempt %d", instance.attempt,
                     extra={"instance_uuid": instance.uuid})  # fmt: skip
        found.append((list(answer["instances"]), rest))
    return found
