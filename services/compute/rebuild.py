"""Building an instance anew where it is: another disk from an image, the same ports and volumes."""

from __future__ import annotations

import logging

from devstack_lite.context import current_context
from devstack_lite.exceptions import Unavailable
from devstack_lite.objects.compute import BuildResult, Instance
from devstack_lite.states import PowerState, Verdict
from devstack_lite.steps import StepLog
from services.compute import build
from services.compute.build import Peers

LOG = logging.getLogger(__name__)


def rebuild(instance: Instance, peers: Peers) -> PowerState:
    """Replace the domain by a new one; return its power, off again if the instance was stopped.

    The old domain goes when all that the new one needs is there. Raises what keeps it from being
    built; Unavailable, and nothing was touched, when another attempt has the instance by now.
    """
    context = current_context()
    guest, _ports = build.prepare_guest(context, instance, StepLog(), peers)
    node = str(instance.node)
    ours = BuildResult(instance_uuid=instance.uuid, attempt=instance.attempt, node=node)
    verdict = peers.builds.judge_builds(context, results=[ours])[instance.uuid]
    if Verdict(verdict) is not Verdict.MINE:
        raise Unavailable(f"another attempt has the instance: {verdict}")
    peers.driver.destroy(node, instance.uuid)
    power_state = build.spawn(instance, guest, peers)
    if build.was_stopped(instance):
        peers.driver.power_off(node, instance.uuid)
        power_state = PowerState.SHUTDOWN
    LOG.info("built anew from image %s", instance.image_ref)
    return power_state
