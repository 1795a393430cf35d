"""Asking for an operation again: the one place that knows who carries out which.

What is to be placed goes to the scheduler, everything else to the instance's host. Messages are
hints: one that cannot be handed over now is sent again by the next sweep.
"""

from __future__ import annotations

import logging

from devstack_lite.db import moves
from devstack_lite.db.device_changes import context_of_change
from devstack_lite.db.operations import PLACED, context_of
from devstack_lite.exceptions import Unavailable
from devstack_lite.objects.compute import BootRequest, Instance, NetworkRequest, ScheduleRequest
from devstack_lite.objects.device import DeviceChange
from devstack_lite.states import VmState
from services.compute.rpcapi import ComputeAPI
from services.scheduler.rpcapi import SchedulerAPI

LOG = logging.getLogger(__name__)


class Dispatcher:
    """Sends what an instance's row asks for."""

    def __init__(self, scheduler: SchedulerAPI, compute: ComputeAPI) -> None:
        self._scheduler = scheduler
        self._compute = compute

    def dispatch(self, instance: Instance, *, avoid_host: str | None = None) -> None:
        """Ask for an instance's operation, in the name of whoever asked first."""
        name = (instance.operation or {}).get("name")
        context = context_of(instance)
        context.make_current()
        LOG.info("%s is handed out, attempt %d", name, instance.attempt)
        try:
            if name in PLACED:
                arguments = (instance.operation or {}).get("arguments", {})
                left = None if arguments.get("may_stay_on_host") else arguments.get("host")
                node = arguments.get("node")
                request = ScheduleRequest(
                    boot=boot_request_of(instance),
                    attempt=instance.attempt,
                    ignore_hosts=tuple(host for host in (left, avoid_host) if host),
                    ignore_nodes=(node,) if node else (),
                    project_id=instance.project_id,
                    only_host=arguments.get("target_host"),
                )
                self._scheduler.reschedule_builds(context, request=request)
            elif (host := instance.operation_host) is not None:
                self._compute.run_operation(context, host=host, instance=instance)
        except Unavailable as error:
            LOG.warning("%s waits: %s", name, error)

    def dispatch_change(self, instance: Instance, change: DeviceChange) -> None:
        """Ask the instance's host for a change of its devices, likewise."""
        context = context_of_change(change)
        context.make_current()
        LOG.info("%s is handed out, attempt %d", change.kind, change.attempt)
        try:
            self._compute.change_device(
                context, host=str(instance.host), instance=instance, change=change
            )
        except Unavailable as error:
            LOG.warning("%s waits: %s", change.kind, error)


def boot_request_of(instance: Instance) -> BootRequest:
    """Return the request that would boot this instance again."""
    kept = instance.boot_request
    is_boot = instance.host is None and instance.vm_state is VmState.BUILDING
    return BootRequest(
        name=instance.name,
        flavor=moves.wanted_flavor(instance),
        image_ref=instance.image_ref,
        image_properties=kept.get("image_properties", {}),
        instance_uuids=(instance.uuid,),
        networks=tuple(NetworkRequest(**request) for request in kept.get("networks", ())),
        availability_zone=instance.requested_zone,
        scheduler_hints=kept.get("scheduler_hints", {}),
        volumes=tuple(kept.get("volumes", ())),
        forced_host=kept.get("forced_host", "") if is_boot else "",
        forced_node=kept.get("forced_node", "") if is_boot else "",
        requested_host=kept.get("requested_host", "") if is_boot else "",
        requested_node=kept.get("requested_node", "") if is_boot else "",
        key_name=instance.key_name,
        injected_files=tuple(kept.get("injected_files", ())),
        reservation_id=instance.reservation_id,
    )
