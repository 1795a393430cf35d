"""What the host that an instance came from does about a resize: confirm, revert, and go on.

The host it goes to builds it as in a boot (services.compute.build). Each may be done twice.
"""

from __future__ import annotations

from dataclasses import replace

from devstack_lite.context import RequestContext, current_context
from devstack_lite.exceptions import NotFound, Unavailable
from devstack_lite.objects.compute import Flavor, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import PowerState, VmState
from devstack_lite.steps import StepLog
from services.compute import build
from services.compute.build import Peers

SHUTDOWN_TIMEOUT_S = 60.0
"""What a guest may take to shut down when it is asked; Nova's shutdown_timeout."""
LEAVING_TIMEOUT_S = 40.0
"""Likewise when another host waits for it: less than that call may take."""


def check_under_way(context: RequestContext, peers: Peers, uuid: str, attempt: int) -> None:
    """Raise Unavailable when another attempt has the instance: asked just before the guest is.

    Whoever was held up for long would else stop, or start, a guest that has gone on by now.
    """
    if not peers.moves.is_under_way(context, uuid=uuid, attempt=attempt):
        raise Unavailable("another attempt has the instance")


def power_off_guest(peers: Peers, node: str, uuid: str) -> None:
    """Have a guest off that goes elsewhere; one that is not there is a success."""
    try:
        peers.driver.power_off(node, uuid, LEAVING_TIMEOUT_S)
    except NotFound:
        return


def confirm(instance: Instance, peers: Peers) -> PowerState:
    """Remove the guest that was kept here; return the power of the one elsewhere."""
    check_under_way(current_context(), peers, instance.uuid, instance.attempt)
    peers.driver.destroy(_arguments(instance)["source_node"], instance.uuid)
    return instance.power_state


def revert(instance: Instance, peers: Peers) -> PowerState:
    """Have no guest where the instance went, and the one here go on; return its power.

    Raises Unavailable when the other host does not answer.
    """
    kept = _arguments(instance)
    peers.compute.remove_guest(
        current_context(), host=str(instance.host), node=str(instance.node), uuid=instance.uuid,
        attempt=instance.attempt,
    )  # fmt: skip
    back = replace(
        instance, host=kept["on_host"], node=kept["source_node"],
        flavor=Flavor(**kept["old_flavor"]),
    )  # fmt: skip
    return go_on(back, kept["old_vm_state"], peers)


def abandon(instance: Instance, peers: Peers) -> PowerState:
    """Have the guest of a resize that failed go on here; return its power."""
    return go_on(instance, _arguments(instance)["vm_state"], peers)


def go_on(instance: Instance, vm_state: str, peers: Peers) -> PowerState:
    """Bind what the guest has to this host, and have it run, or be off if it was."""
    guest, _ports = build.prepare_guest(current_context(), instance, StepLog(), peers)
    if vm_state == VmState.STOPPED:
        return PowerState.SHUTDOWN
    check_under_way(current_context(), peers, instance.uuid, instance.attempt)
    return build.spawn(instance, guest, peers)


def _arguments(instance: Instance) -> Json:
    found: Json = (instance.operation or {})["arguments"]
    return found
