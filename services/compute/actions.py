"""What is done to an instance that is built: stop, start, reboot, delete.

Each may be done twice: the hypervisor is asked for a state, not for a change, and the conductor's
compare-and-swap ends an action once.
"""

from __future__ import annotations

import logging

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import DevstackError, NotFound
from devstack_lite.objects.compute import Instance
from devstack_lite.states import PowerState, TaskState, VmState
from services.compute.build import Peers, detach_volumes
from services.conductor.rpcapi.instances import InstancesAPI

LOG = logging.getLogger(__name__)

SHUTDOWN_TIMEOUT_S = 60.0
"""What a guest may take to shut down when it is asked; Nova's shutdown_timeout."""

_ENDS_AS = {
    TaskState.POWERING_OFF: (VmState.STOPPED, PowerState.SHUTDOWN),
    TaskState.POWERING_ON: (VmState.ACTIVE, PowerState.RUNNING),
    TaskState.REBOOTING: (VmState.ACTIVE, PowerState.RUNNING),
    TaskState.REBOOTING_HARD: (VmState.ACTIVE, PowerState.RUNNING),
}


def change_power(
    context: RequestContext,
    instance: Instance,
    *,
    action: str,
    task_state: TaskState,
    peers: Peers,
    conductor: InstancesAPI,
) -> None:
    """Carry out the action that task_state names, and end it."""
    driver, node, uuid = peers.driver, str(instance.node), instance.uuid
    vm_state, power_state = _ENDS_AS[task_state]
    error = None
    try:
        if task_state is TaskState.POWERING_OFF:
            driver.power_off(node, uuid, SHUTDOWN_TIMEOUT_S)
        elif task_state is TaskState.POWERING_ON:
            driver.power_on(node, uuid)
        else:
            driver.reboot(node, uuid, "HARD" if task_state is TaskState.REBOOTING_HARD else "SOFT")
    except DevstackError as problem:
        LOG.warning("%s failed: %s", action, problem)
        error = f"{action} failed: {problem}"
    conductor.finish_action(
        context,
        uuid=uuid,
        action=action,
        task_state=task_state,
        vm_state=vm_state,
        power_state=power_state,
        error=error,
    )


def terminate_instance(
    context: RequestContext, instance: Instance, *, peers: Peers, conductor: InstancesAPI
) -> None:
    """Remove domain, ports and attachments, then the instance; what is absent is a success.

    The instance stays `deleting` when a part cannot be removed now: deleting it again goes on.
    """
    LOG.info("deleting on %s", instance.node)
    try:
        peers.driver.destroy(str(instance.node), instance.uuid)
    except NotFound:
        LOG.info("the domain was gone already")
    peers.network.deallocate(context, instance.uuid, list(instance.network_info))
    detach_volumes(context, instance, peers)
    conductor.finish_delete(context, uuid=instance.uuid)
