"""What a host does to an instance that is built: one function per operation, by its name.

Each may be done twice, and by two workers at once: the hypervisor is asked for a state, not for a
change, and the conductor's compare-and-swap ends an attempt once. Recovery is none of their
business: what was not finished is asked for again.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

from devstack_lite import failpoints
from devstack_lite.context import RequestContext, current_context
from devstack_lite.exceptions import DevstackError, NotFound, Unavailable
from devstack_lite.objects.compute import IS_RECLAIM, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import PowerState, TaskState, VmState
from services.compute import guest_states, live, resize, snapshots
from services.compute import rescue as rescues
from services.compute.build import Peers, detach_volumes
from services.compute.rebuild import rebuild
from services.conductor.rpcapi.instances import InstancesAPI

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The states in which an operation leaves its instance."""

    vm_state: VmState
    power_state: PowerState


RUNNING = Outcome(vm_state=VmState.ACTIVE, power_state=PowerState.RUNNING)
STOPPED = Outcome(vm_state=VmState.STOPPED, power_state=PowerState.SHUTDOWN)


def stop(instance: Instance, peers: Peers) -> Outcome:
    """Shut the guest down, gently first."""
    peers.driver.power_off(str(instance.node), instance.uuid, resize.SHUTDOWN_TIMEOUT_S)
    return STOPPED


def start(instance: Instance, peers: Peers) -> Outcome:
    """Start the guest."""
    peers.driver.power_on(str(instance.node), instance.uuid)
    return RUNNING


def reboot(instance: Instance, peers: Peers) -> Outcome:
    """Restart the guest, gently unless it is a hard one."""
    is_hard = instance.task_state is TaskState.REBOOTING_HARD
    if is_hard:
        guest_states.forget_memory(peers.driver, str(instance.node), instance.uuid)
        rescues.leave(peers.driver, str(instance.node), instance.uuid)
    peers.driver.reboot(str(instance.node), instance.uuid, "HARD" if is_hard else "SOFT")
    return RUNNING


def pause(instance: Instance, peers: Peers) -> Outcome:
    """Stop the guest's processors; its memory stays."""
    guest_states.pause(peers.driver, str(instance.node), instance.uuid)
    return Outcome(vm_state=VmState.PAUSED, power_state=PowerState.PAUSED)


def unpause(instance: Instance, peers: Peers) -> Outcome:
    """Let the guest go on."""
    guest_states.unpause(peers.driver, str(instance.node), instance.uuid)
    return RUNNING


def suspend(instance: Instance, peers: Peers) -> Outcome:
    """Put the guest's memory on disk, and the guest off."""
    guest_states.suspend(peers.driver, str(instance.node), instance.uuid)
    return Outcome(vm_state=VmState.SUSPENDED, power_state=PowerState.SHUTDOWN)


def resume(instance: Instance, peers: Peers) -> Outcome:
    """Have the guest go on from its saved memory."""
    guest_states.resume(peers.driver, str(instance.node), instance.uuid)
    return RUNNING


def rebuild_on_host(instance: Instance, peers: Peers) -> Outcome:
    """Build the guest anew; it is off again if it was."""
    return _built(rebuild(instance, peers))


def confirm_resize(instance: Instance, peers: Peers) -> Outcome:
    """Let go of where the instance was."""
    return _built(resize.confirm(instance, peers))


def revert_resize(instance: Instance, peers: Peers) -> Outcome:
    """Have the instance be where and what it was."""
    return _built(resize.revert(instance, peers))


def abandon_resize(instance: Instance, peers: Peers) -> Outcome:
    """Have the guest go on after a resize that failed."""
    return _built(resize.abandon(instance, peers))


def run_live_migration(instance: Instance, peers: Peers) -> Outcome:
    """Take the running guest to another host; it is there what it was here."""
    live.run_live_migration(instance, peers)
    return Outcome(vm_state=instance.vm_state, power_state=instance.power_state)


def _built(power_state: PowerState) -> Outcome:
    return STOPPED if power_state is PowerState.SHUTDOWN else RUNNING


def create_image(instance: Instance, peers: Peers) -> Outcome:
    """Make an image of the guest's disk; the guest stays what it is."""
    snapshots.create_image(instance, peers)
    return Outcome(vm_state=instance.vm_state, power_state=instance.power_state)


def create_backup(instance: Instance, peers: Peers) -> Outcome:
    """Make an image of the guest's disk, and remove the oldest of its kind."""
    snapshots.create_image(instance, peers)
    snapshots.rotate_backups(instance, peers)
    return Outcome(vm_state=instance.vm_state, power_state=instance.power_state)


def shelve(instance: Instance, peers: Peers) -> Outcome:
    """Shut the guest down and make an image of its disk; it stays on its node, off, or goes."""
    kept = (instance.operation or {})["arguments"]
    # Who is offloaded may have no guest any more, by an attempt whose end nobody heard of.
    with contextlib.suppress(*[NotFound] if kept.get("is_offloaded") else []):
        stop(instance, peers)
    if "image_id" in kept:
        snapshots.create_image(instance, peers)
    if kept.get("is_offloaded"):
        return offload(instance, peers)
    return Outcome(vm_state=VmState.SHELVED, power_state=PowerState.SHUTDOWN)


def offload(instance: Instance, peers: Peers) -> Outcome:
    """Have no guest here; what the instance holds is unbound when this ends."""
    resize.check_under_way(current_context(), peers, instance.uuid, instance.attempt)
    with contextlib.suppress(NotFound):
        peers.driver.destroy(str(instance.node), instance.uuid)
    return Outcome(vm_state=VmState.SHELVED_OFFLOADED, power_state=PowerState.NOSTATE)


def rescue(instance: Instance, peers: Peers) -> Outcome:
    """Have the guest run from the rescue image."""
    image_id = (instance.operation or {})["arguments"]["rescue_image_ref"]
    rescues.rescue(instance, image_id, peers, shutdown_s=resize.SHUTDOWN_TIMEOUT_S)
    return Outcome(vm_state=VmState.RESCUED, power_state=PowerState.RUNNING)


def unrescue(instance: Instance, peers: Peers) -> Outcome:
    """Have the guest run from its own disk again."""
    rescues.unrescue(peers.driver, str(instance.node), instance.uuid)
    return RUNNING


def soft_delete(instance: Instance, peers: Peers) -> Outcome:
    """Have the guest off, to be restored or reclaimed; one that is gone is a success."""
    with contextlib.suppress(NotFound):
        peers.driver.power_off(str(instance.node), instance.uuid)
    return Outcome(vm_state=VmState.SOFT_DELETED, power_state=PowerState.SHUTDOWN)


def restore(instance: Instance, peers: Peers) -> Outcome:
    """Have the guest run again, from its own disk."""
    rescues.leave(peers.driver, str(instance.node), instance.uuid)
    return start(instance, peers)


def trigger_crash_dump(instance: Instance, peers: Peers) -> Outcome:
    """Send the guest an interrupt. Done twice, the guest gets two, as from an impatient user."""
    guest_states.interrupt(peers.driver, str(instance.node), instance.uuid)
    return Outcome(vm_state=instance.vm_state, power_state=instance.power_state)


OPERATIONS: dict[str, Callable[[Instance, Peers], Outcome]] = {
    "stop": stop,
    "start": start,
    "reboot": reboot,
    "pause": pause,
    "unpause": unpause,
    "suspend": suspend,
    "resume": resume,
    "rebuild": rebuild_on_host,
    "shelve": shelve,
    "unshelve": start,
    "shelveOffload": offload,
    "rescue": rescue,
    "unrescue": unrescue,
    "trigger_crash_dump": trigger_crash_dump,
    "soft_delete": soft_delete,
    "restore": restore,
    "createImage": create_image,
    "createBackup": create_backup,
    "confirmResize": confirm_resize,
    "revertResize": revert_resize,
    "abandon_resize": abandon_resize,
    "run_live_migration": run_live_migration,
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
    if not (instance.operation or {}).get("arguments", {}).get(IS_RECLAIM):
        peers.network.deallocate(context, instance.uuid, list(instance.network_info))
        detach_volumes(context, instance, peers)
    for place in (instance.operation or {}).get("arguments", {}).get("elsewhere", ()):
        remove_elsewhere(context, instance, place, peers)
    conductor.finish_delete(context, uuid=instance.uuid)


def remove_elsewhere(
    context: RequestContext, instance: Instance, place: Json, peers: Peers
) -> None:
    """Remove the guest on a node that the instance came from, or was going to.

    A host that does not answer removes it when it compares what it has with what it should.
    """
    try:
        peers.compute.remove_guest(
            context, host=place["host"], node=place["node"], uuid=instance.uuid,
            attempt=instance.attempt,
        )  # fmt: skip
    except DevstackError as error:
        LOG.warning("left to %s: %s", place["host"], error)
