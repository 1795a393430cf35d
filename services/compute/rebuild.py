"""Building an instance anew where it is: another disk from an image, the same ports and volumes.

What boots from a volume keeps it, and has the image written to it from 2.93 on.
"""

from __future__ import annotations

import logging

from devstack_lite import failpoints
from devstack_lite.context import RequestContext, current_context
from devstack_lite.exceptions import Unavailable
from devstack_lite.objects.compute import BuildResult, Instance
from devstack_lite.objects.registry import Json
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
    node = str(instance.node)
    reimage = (instance.operation or {}).get("arguments", {}).get("reimage")
    if reimage is not None:
        _write_boot_volume(context, instance, reimage, peers)
    guest, _ports = build.prepare_guest(context, instance, StepLog(), peers)
    _remove_guest(context, instance, peers)
    power_state = build.spawn(instance, guest, peers)
    if build.shall_be_stopped(instance):
        peers.driver.power_off(node, instance.uuid)
        power_state = PowerState.SHUTDOWN
    LOG.info("built anew from image %s", (reimage or {}).get("image_id", instance.image_ref))
    return power_state


def _remove_guest(context: RequestContext, instance: Instance, peers: Peers) -> None:
    """Have no guest here. Raises Unavailable when another attempt has the instance by now."""
    node = str(instance.node)
    ours = BuildResult(instance_uuid=instance.uuid, attempt=instance.attempt, node=node)
    verdict = peers.builds.judge_builds(context, results=[ours])[instance.uuid]
    if Verdict(verdict) is not Verdict.MINE:
        raise Unavailable(f"another attempt has the instance: {verdict}")
    peers.driver.destroy(node, instance.uuid)


def _write_boot_volume(
    context: RequestContext, instance: Instance, reimage: Json, peers: Peers
) -> None:
    """Have the volume that an instance boots from hold another image, and no guest that uses it.

    Done twice, the same image is written again. Raises Unavailable likewise; what the volume
    service answers.
    """
    _remove_guest(context, instance, peers)
    failpoints.hit("op.rebuild.volume.before")
    volume_id = reimage["volume_id"]
    if not peers.builds.reserve_boot_volume(
        context, uuid=instance.uuid, attempt=instance.attempt, volume_id=volume_id
    ):
        raise Unavailable("another attempt has the instance")
    peers.driver.play_stage("image.fetch", build.selectors_of(instance))
    peers.volume.reimage(context, volume_id, reimage["image_id"])
    failpoints.hit("op.rebuild.volume.after")
    LOG.info("volume %s holds image %s", volume_id, reimage["image_id"])
