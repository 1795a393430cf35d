"""What a host does to an instance that is built: one function per operation, by its name.

Each may be done twice, and by two workers at once: the hypervisor is asked for a state, not for a
change, and the conductor's compare-and-swap ends an attempt once. Recovery is none of their
business: what was not finished is asked for again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from devstack_lite import failpoints
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import DevstackError, NotFound, Unavailable
from devstack_lite.objects.compute import Instance
from devstack_lite.states import PowerState, TaskState, VmState
from services.compute.build import Peers, detach_volumes
from services.compute.rebuild import rebuild
from services.conductor.rpcapi.instances import InstancesAPI

LOG = logging.getLogger(__name__)

SHUTDOWN_TIMEOUT_S = 60.0
"""What a guest may take to shut down when it is asked; Nova's shutdown_timeout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The states in which an operation leaves its instance."""

    vm_state: VmState
    power_state: PowerState


RUNNING = Outcome(vm_state=VmState.ACTIVE, power_state=PowerState.RUNNING)
STOPPED = Outcome(vm_state=VmState.STOPPED, power_state=PowerState.SHUTDOWN)


def stop(instance: Instance, peers: Peers) -> Outcome:
    """Shut the guest down, gently first."""
    peers.driver.power_off(str(instance.node), instance.uuid, SHUTDOWN_TIMEOUT_S)
    return STOPPED


def start(instance: Instance, peers: Peers) -> Outcome:
    """Start the guest."""
    peers.driver.power_on(str(instance.node), instance.uuid)
    return RUNNING


def reboot(instance: Instance, peers: Peers) -> Outcome:
    """Restart the guest, gently unless it is a hard one."""
    is_hard = instance.task_state is TaskState.REBOOTING_HARD
    peers.driver.reboot(str(instance.node), instance.uuid, "HARD" if is_hard else "SOFT")
    return RUNNING


def rebuild_on_host(instance: Instance, peers: Peers) -> Outcome:
    """Build the guest anew; it is off again if it was."""
    power_state = rebuild(instance, peers)
    return STOPPED if power_state is PowerState.SHUTDOWN else RUNNING


OPERATIONS: dict[str, Callable[[Instance, Peers], Outcome]] = {
    "stop": stop,
    "start": start,
    "reboot": reboot,
    "rebuild": rebuild_on_host,
}


def run(
    context: RequestContext, instance: Instance, *, peers: Peers, conductor: InstancesAPI
) -> None:
    """Carry out an instance's operation and end it."""
    name = str((instance.operation or {}).get("name"))
    with failpoints.around(f"op.{name}"):
        _run(context, name, instance, peers=peers, conductor=conductor)


def _run(
    context: RequestContext,
    name: str,
    instance: Instance,
    *,
    peers: Peers,
    conductor: InstancesAPI,
) -> None:
    if name == "delete":
        delete(context, instance, peers=peers, conductor=conductor)
        return
    error = None
    outcome = Outcome(vm_state=instance.vm_state, power_state=instance.power_state)
    try:
        outcome = OPERATIONS[name](instance, peers)
    except Unavailable:
        raise
    except DevstackError as problem:
        LOG.warning("%s failed: %s", name, problem)
        error = f"{name} failed: {problem}"
    conductor.finish_action(
        context,
        uuid=instance.uuid,
        action=name,
        attempt=instance.attempt,
        vm_state=outcome.vm_state,
        power_state=outcome.power_state,
        error=error,
    )


def delete(
    context: RequestContext, instance: Instance, *, peers: Peers, conductor: InstancesAPI
) -> None:
    """Remove domain, ports and attachments, then the instance; what is absent is a success.

    Raises what keeps a part from being removed: the instance stays `deleting` and is asked for
    again.
    """
    LOG.info("deleting on %s", instance.node)
    try:
        peers.driver.destroy(str(instance.node), instance.uuid)
    except NotFound:
        LOG.info("the domain was gone already")
    peers.network.deallocate(context, instance.uuid, list(instance.network_info))
    detach_volumes(context, instance, peers)
    conductor.finish_delete(context, uuid=instance.uuid)
