"""Building one instance: steps 12 to 18 of its boot, and what undoes them.

On any error the host, its ports and its attachments are as before; how the build then ends is the
table OUTCOMES. A build that is no longer this attempt's is undone in the same way and not reported.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devstack_lite import failpoints, semantics
from devstack_lite.clients.image import ImageClient
from devstack_lite.clients.network import NetworkClient
from devstack_lite.clients.volume import VolumeClient
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import (
    Conflict,
    DevstackError,
    Forbidden,
    Invalid,
    NotFound,
    Unauthorized,
    Unavailable,
)
from devstack_lite.gathering import Gatherer
from devstack_lite.names import volume_id_of
from devstack_lite.numa.guest import GuestTopology, read_guest
from devstack_lite.objects.compute import BuildResult, Instance, NetworkRequest
from devstack_lite.pci.alias import EXTRA_SPEC
from devstack_lite.states import (
    REBUILD_STATES,
    RESIZE_STATES,
    PowerState,
    TaskState,
    Verdict,
    VmState,
)
from devstack_lite.steps import StepLog, point_of
from services.compute.config_drive import DriveMaker, path_of
from services.compute.driver import HypervisorError, LibvirtDriver
from services.compute.guest import GuestConfig, GuestHostdev, GuestInterface, GuestVolume
from services.compute.in_hand import InHand
from services.compute.rpcapi import ComputeAPI
from services.conductor.rpcapi.builds import BuildsAPI
from services.conductor.rpcapi.moves import MovesAPI

LOG = logging.getLogger(__name__)

OUTCOMES: dict[type[Exception], bool] = {
    # May another host do better? The first class that fits decides; anything else: yes.
    NotFound: False,
    Invalid: False,
    Forbidden: False,
    Unauthorized: False,
    Conflict: False,
    HypervisorError: True,
    Unavailable: True,
}

FINISH_ATTEMPTS = 20
FINISH_PAUSE_S = 1.0
SETTLE_LOOKS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """Whom a build talks to."""

    driver: LibvirtDriver
    image: ImageClient
    network: NetworkClient
    volume: VolumeClient
    finish: Gatherer[BuildResult, str]
    builds: BuildsAPI
    in_hand: InHand
    compute: ComputeAPI
    moves: MovesAPI
    drives: DriveMaker


def build_instance(context: RequestContext, instance: Instance, log: StepLog, peers: Peers) -> None:
    """Build an instance to ACTIVE, or undo everything and say why it failed."""
    context.make_current()
    try:
        if is_resized(instance):
            stop_where_it_was(context, instance, peers)
        guest, ports = prepare_guest(context, instance, log, peers)
        failpoints.hit(f"{point_of(18)}.before")
        log.open(18)
        power_state = spawn(instance, guest, peers)
        if shall_be_stopped(instance):
            peers.driver.power_off(str(instance.node), instance.uuid)
            power_state = PowerState.SHUTDOWN
        result = BuildResult(
            instance_uuid=instance.uuid,
            attempt=instance.attempt,
            node=str(instance.node),
            network_info=tuple(ports),
            power_state=int(power_state),
            steps=log.to_message(),
        )
        verdict = report_built(result, peers)
        if verdict is Verdict.MINE:
            LOG.info("step 18: domain created on %s, ACTIVE", instance.node)
            failpoints.hit(f"{point_of(18)}.after")
        else:
            LOG.info("built in vain: %s", verdict)
            undo(context, instance, peers, settled(verdict, result, context, peers))
    except Exception as error:
        if isinstance(error, DevstackError):
            LOG.warning("build failed on %s: %s", instance.node, error)
        else:
            LOG.exception("build failed on %s", instance.node)
        log.close(outcome=f"error: {type(error).__name__}", detail=str(error))
        give_up(context, instance, failure_of(instance, error, log), peers)


def give_up(
    context: RequestContext, instance: Instance, failure: BuildResult, peers: Peers
) -> None:
    """Undo a failed build as far as it is still this attempt's, then say that it failed.

    Ports and attachments stay: the next attempt uses them, and if there is none, whoever ends the
    instance takes them away with it.
    """
    judged = peers.builds.judge_builds(context, results=[failure])
    verdict = Verdict(judged[instance.uuid])
    undo(context, instance, peers, Verdict.ELSEWHERE if verdict is Verdict.MINE else verdict)
    if verdict is Verdict.MINE:
        peers.builds.fail_builds(context, results=[failure], failed_host=instance.host)


def failure_of(instance: Instance, error: Exception, log: StepLog) -> BuildResult:
    """Return how a build that raised error ends."""
    can_retry = next((answer for cls, answer in OUTCOMES.items() if isinstance(error, cls)), True)
    return BuildResult(
        instance_uuid=instance.uuid,
        attempt=instance.attempt,
        node=str(instance.node),
        error=f"Build of instance {instance.uuid} failed: {error}",
        error_details=f"{type(error).__name__} on {instance.node}",
        can_retry=can_retry,
        steps=log.to_message(),
    )


def prepare_guest(
    context: RequestContext, instance: Instance, log: StepLog, peers: Peers
) -> tuple[GuestConfig, list[dict[str, Any]]]:
    """Fetch what the guest is made of: steps 12 to 17. Returns it and its ports."""
    _show(instance, TaskState.NETWORKING, peers)
    fetch_image(context, instance, log, peers)
    ports = allocate_network(context, instance, log, peers)
    _show(instance, TaskState.BLOCK_DEVICE_MAPPING, peers)
    volumes = attach_volumes(context, instance, log, peers)
    _show(instance, TaskState.SPAWNING, peers)
    flavor = instance.flavor
    guest = GuestConfig(
        uuid=instance.uuid,
        name=f"instance-{instance.uuid[:8]}",
        node=str(instance.node),
        vcpus=flavor.vcpus,
        memory_mb=flavor.memory_mb,
        root_gb=flavor.root_gb,
        image_id=instance.image_ref,
        image_path=f"/var/lib/nova/instances/{instance.uuid}/disk" if instance.image_ref else None,
        interfaces=tuple(
            GuestInterface(
                port_id=port["port_id"],
                mac=port["mac"],
                network_name=port["network_name"],
                ips=tuple(ip["address"] for ip in port["ips"]),
            )
            for port in ports
        ),
        volumes=volumes,
        hostdevs=hostdevs_of(context, instance, peers),
        display_name=instance.name,
        flavor_name=flavor.name,
        host=str(instance.host),
        project_id=instance.project_id,
        user_id=instance.user_id,
        metadata=dict(instance.metadata),
        config_drive=peers.drives.make(context, instance, ports),
        config_drive_path=path_of(instance.uuid),
        cells=cells_of(instance),
    )
    return guest, ports


def cells_of(instance: Instance) -> GuestTopology | None:
    """Return what an instance has of its node's NUMA cells, or of the node that it goes to."""
    kept = (instance.operation or {}).get("arguments", {})
    text = instance.numa_topology or kept.get("numa_topology")
    return None if text is None else read_guest(text)


def fetch_image(
    context: RequestContext, instance: Instance, log: StepLog, peers: Peers
) -> dict[str, Any]:
    """Ask image for the image, with the user's token: step 12, and image's own step 13."""
    if not instance.image_ref:
        with log.step(12) as detail:
            detail.append("boots from a volume: nothing to fetch")
        return {}
    if keeps_disk(instance):
        with log.step(12) as detail:
            detail.append("its disk comes along: nothing to fetch")
        return {}
    with log.step(12) as detail:
        image_id = image_of(instance)
        image, validated = peers.image.get_image(context, image_id)
        if validated is not None:
            log.add(validated)
        if image.get("status") != "active":
            raise Invalid(f"Image {image_id} is not active.")
        detail.append(f"image {image.get('name')}, {image.get('size')} bytes")
        cache = peers.driver.image_cache
        if cache is not None and cache.has(image_id):
            detail.append("kept by the host")
        else:
            peers.driver.play_stage("image.fetch", selectors_of(instance))
    LOG.info("step 12: image %s", image.get("name"))
    return image


def image_of(instance: Instance) -> str:
    """Return the image that the guest's disk is made from: what it was shelved in, if it was."""
    kept = (instance.operation or {}).get("arguments", {})
    return kept.get("shelved_image_id") or instance.image_ref


def allocate_network(
    context: RequestContext, instance: Instance, log: StepLog, peers: Peers
) -> list[dict[str, Any]]:
    """Ask network for ports and addresses: step 14, and network's own step 15."""
    requests = [NetworkRequest(**request) for request in instance.boot_request.get("networks", ())]
    with log.step(14) as detail:
        ports, validated = peers.network.allocate(
            context, instance.uuid, str(instance.host), requests, project_id=instance.project_id
        )
        if validated is not None:
            log.add(validated)
        for port in ports:
            peers.driver.play_stage("network.plug", selectors_of(instance))
            detail += [ip["address"] for ip in port["ips"]]
    LOG.info("step 14: %d ports %s", len(ports), ", ".join(detail))
    return ports


def attach_volumes(
    context: RequestContext, instance: Instance, log: StepLog, peers: Peers
) -> tuple[GuestVolume, ...]:
    """Ask volume for the attachments and complete them: step 16, and volume's own step 17."""
    volumes: list[GuestVolume] = []
    with log.step(16) as detail:
        attachments, validated = peers.volume.list_attachments(context, instance.uuid)
        if validated is not None:
            log.add(validated)
        boot_volume = boot_volume_of(instance)
        for attachment in sorted(attachments, key=lambda one: one["volume_id"] != boot_volume):
            peers.driver.play_stage("volume.attach", selectors_of(instance))
            device = _device(len(volumes), is_booted=boot_volume is not None)
            connector = {"host": instance.host, "mountpoint": f"/dev/{device}"}
            peers.volume.update_attachment(context, attachment["id"], connector=connector)
            peers.volume.complete_attachment(context, attachment["id"])
            volumes.append(
                GuestVolume(
                    volume_id=attachment["volume_id"],
                    source_path=f"/dev/disk/by-id/volume-{attachment['volume_id']}",
                    is_boot=attachment["volume_id"] == boot_volume,
                )
            )
        detail.append(f"{len(volumes)} attachments")
    LOG.info("step 16: %d attachments", len(volumes))
    return tuple(volumes)


def hostdevs_of(
    context: RequestContext, instance: Instance, peers: Peers
) -> tuple[GuestHostdev, ...]:
    """Return the PCI devices that its claim holds; asked for where its flavor wants any."""
    if EXTRA_SPEC not in instance.flavor.extra_specs:
        return ()
    held = peers.builds.get_pci_devices(context, uuid=instance.uuid, node=str(instance.node))
    return tuple(
        GuestHostdev(address=one.address, is_managed=one.tags.get("managed", "true") == "true")
        for one in held
    )


def spawn(instance: Instance, guest: GuestConfig, peers: Peers) -> PowerState:
    """Have the hypervisor create the domain: step 18, which ends when the instance is ACTIVE."""
    return peers.driver.spawn(guest).power_state


def report_built(result: BuildResult, peers: Peers) -> Verdict:
    """Have the instance made ACTIVE; any verdict but MINE says what to undo.

    Whether a call without an answer was carried out is unknown, and asking again is safe: so it is
    asked again, for FINISH_ATTEMPTS times.
    """
    for _ in range(FINISH_ATTEMPTS - 1 if semantics.is_durable() else 0):
        try:
            return Verdict(peers.finish.submit(result))
        except Exception as error:  # noqa: BLE001 - whatever it was, it may have been carried out
            LOG.warning("the conductor does not answer, asking again: %s", error)
            time.sleep(FINISH_PAUSE_S)
    return Verdict(peers.finish.submit(result))


def settled(
    verdict: Verdict, result: BuildResult, context: RequestContext, peers: Peers
) -> Verdict:
    """Return the verdict on what was built in vain once it is known where the next attempt is.

    Until then it may be on this very node, and the domain be its own. LEAVE when it is.
    """
    for _ in range(SETTLE_LOOKS):
        if verdict is not Verdict.LEAVE:
            break
        time.sleep(FINISH_PAUSE_S)
        verdict = Verdict(
            peers.builds.judge_builds(context, results=[result])[result.instance_uuid]
        )
    return verdict


def undo(context: RequestContext, instance: Instance, peers: Peers, verdict: Verdict) -> None:
    """Remove what the verdict allows: everything (GONE), the domain here (ELSEWHERE), or nothing.

    Ports and attachments are the instance's, not the attempt's: another attempt uses the same.
    Each part is tried, whatever becomes of the others; what fails is left to the sweeps.
    """
    parts: list[tuple[str, Callable[[], Any]]] = []
    if verdict in {Verdict.GONE, Verdict.ELSEWHERE}:
        parts.append(("domain", lambda: peers.driver.destroy(str(instance.node), instance.uuid)))
    if verdict is Verdict.GONE:
        parts += [
            ("ports", lambda: peers.network.deallocate(
                context, instance.uuid, list(instance.network_info))),
            ("attachments", lambda: detach_volumes(context, instance, peers)),
        ]  # fmt: skip
    for name, part in parts:
        try:
            part()
        except DevstackError as error:
            LOG.warning("the %s could not be removed: %s", name, error)


def detach_volumes(context: RequestContext, instance: Instance, peers: Peers) -> None:
    """Remove the instance's attachments; none is a success."""
    attachments, _ = peers.volume.list_attachments(context, instance.uuid)
    for attachment in attachments:
        peers.volume.delete_attachment(context, attachment["id"])


def boot_volume_of(instance: Instance) -> str | None:
    """Return the volume that an instance boots from; None when it has a local disk."""
    if instance.image_ref:
        return None
    for index, device in enumerate(instance.boot_request.get("volumes", ())):
        if device["boot_index"] == 0:
            return device["volume_id"] or volume_id_of(instance.uuid, index)
    return None


def _device(index: int, *, is_booted: bool) -> str:
    """Return the guest's name of its volume of that index; the root disk, or volume, is vda."""
    return f"vd{chr(ord('a' if is_booted else 'b') + index)}"


_SHOWN_ANEW = {
    TaskState.NETWORKING: TaskState.REBUILD_BLOCK_DEVICE_MAPPING,
    TaskState.BLOCK_DEVICE_MAPPING: TaskState.REBUILD_BLOCK_DEVICE_MAPPING,
    TaskState.SPAWNING: TaskState.REBUILD_SPAWNING,
}
"""What a user sees of an instance that is built anew, where a boot would show the key."""


_SHOWN_MOVING = {
    TaskState.NETWORKING: TaskState.RESIZE_MIGRATED,
    TaskState.BLOCK_DEVICE_MAPPING: TaskState.RESIZE_FINISH,
    TaskState.SPAWNING: TaskState.RESIZE_FINISH,
}
"""Likewise of one that is resized."""


def _show(instance: Instance, task_state: TaskState, peers: Peers) -> None:
    if instance.task_state in _GOES_ON:
        return
    if instance.task_state in REBUILD_STATES:
        task_state = _SHOWN_ANEW[task_state]
    elif instance.task_state in RESIZE_STATES:
        task_state = _SHOWN_MOVING[task_state]
    peers.in_hand.show(instance.uuid, instance.attempt, task_state)


_GOES_ON = frozenset({TaskState.RESIZE_REVERTING, TaskState.MIGRATING})
"""In which a guest that is there only gets its ports and volumes on another host."""


def is_resized(instance: Instance) -> bool:
    """Say whether what is built is a guest that another node has by now."""
    return instance.task_state in RESIZE_STATES


def keeps_disk(instance: Instance) -> bool:
    """Say whether the guest goes on from the disk that it has, rather than from its image."""
    return is_resized(instance) or instance.task_state in _GOES_ON


def stop_where_it_was(context: RequestContext, instance: Instance, peers: Peers) -> None:
    """Have the guest off on the node that it comes from: it shall not run twice.

    Raises Unavailable when the host there does not answer.
    """
    operation = instance.operation or {}
    kept = operation["arguments"]
    with failpoints.around(f"op.{operation['name']}"):
        peers.compute.power_off_guest(
            context, host=kept["host"], node=kept["node"], uuid=instance.uuid,
            attempt=instance.attempt,
        )  # fmt: skip


def shall_be_stopped(instance: Instance) -> bool:
    """Say whether what is built anew shall be off: again, or because who evacuates it wants so.

    One that was in ERROR shall run, as with Nova.
    """
    kept = (instance.operation or {}).get("arguments", {})
    was = kept.get("vm_state")
    return was == VmState.STOPPED or (bool(kept.get("is_stopped")) and was != VmState.ERROR)


def selectors_of(instance: Instance) -> dict[str, Any]:
    """Return what the stages around an instance are chosen by."""
    return {
        "flavor": instance.flavor.name,
        "image": instance.image_ref,
        "host": str(instance.host),
        "node": str(instance.node),
        "project": instance.project_id,
        "user": instance.user_id,
        "metadata": dict(instance.metadata),
    }
