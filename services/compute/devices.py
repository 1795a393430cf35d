"""What a host does when a volume or a port goes to an instance that exists, or leaves it.

Each may be done twice, and by two workers at once: the hypervisor, network and volume are asked for
a state. What is not finished is asked for again; an attach that fails for good is undone here in
the hypervisor, and by the conductor in the books.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from devstack_lite import failpoints
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import DevstackError, NotFound, Unauthorized
from devstack_lite.objects.compute import Instance, NetworkRequest
from devstack_lite.objects.device import ChangeKind, DeviceChange
from devstack_lite.objects.registry import Json
from services.compute import guest_devices
from services.compute.build import Peers, selectors_of
from services.compute.guest import GuestInterface, GuestVolume
from services.conductor.rpcapi.devices import DevicesAPI

LOG = logging.getLogger(__name__)

Work = Callable[[RequestContext, Instance, DeviceChange, Peers], Json]


def run(
    context: RequestContext,
    instance: Instance,
    change: DeviceChange,
    *,
    peers: Peers,
    conductor: DevicesAPI,
) -> None:
    """Carry a change out and end it. Raises what leaves open whether it was carried out."""
    with failpoints.around(f"op.{change.kind}"):
        kind = ChangeKind(change.kind)
        result: Json = {}
        error = None
        try:
            result = DO[kind](context, instance, change, peers)
        except DevstackError as problem:
            if not problem.definite:
                raise
            LOG.warning("%s failed: %s", kind, problem)
            error = f"{kind} failed: {problem}"
            if kind in UNDO:
                UNDO[kind](instance, change, peers)
        is_done = conductor.finish_change(
            context, change_id=change.id, attempt=change.attempt, result=result, error=error
        )
        LOG.info("%s of %s: %s", kind, change.device_id, "done" if is_done else "not ours to end")


def _attach_volume(
    context: RequestContext, instance: Instance, change: DeviceChange, peers: Peers
) -> Json:
    attachment_id = change.arguments["attachment_id"]
    peers.driver.play_stage("volume.attach", selectors_of(instance))
    device = str(change.arguments["device"])
    connector = {"host": instance.host, "mountpoint": device}
    peers.volume.update_attachment(context, attachment_id, connector=connector)
    volume = GuestVolume(
        volume_id=change.device_id,
        source_path=f"/dev/disk/by-id/volume-{change.device_id}",
        device=device,
    )
    device = guest_devices.attach_volume(peers.driver, str(instance.node), instance.uuid, volume)
    peers.volume.complete_attachment(context, attachment_id)
    return {"device": device}


def _take_volume_out(instance: Instance, change: DeviceChange, peers: Peers) -> None:
    try:
        guest_devices.detach_volume(
            peers.driver, str(instance.node), instance.uuid, change.device_id
        )
    except NotFound:
        LOG.info("there is no domain to take it from")


def _detach_volume(
    context: RequestContext, instance: Instance, change: DeviceChange, peers: Peers
) -> Json:
    _take_volume_out(instance, change, peers)
    try:
        peers.volume.delete_attachment(context, change.arguments["attachment_id"])
    except Unauthorized as error:
        # The guest has let go, and the token is too old by now: the conductor frees the volume.
        LOG.warning("%s", error)
    return {}


def _attach_interface(
    context: RequestContext, instance: Instance, change: DeviceChange, peers: Peers
) -> Json:
    asked = change.arguments
    peers.driver.play_stage("network.plug", selectors_of(instance))
    port = peers.network.plug(
        context,
        instance.uuid,
        str(instance.host),
        port_id=change.device_id,
        made_on=NetworkRequest(network_id=asked["network_id"], fixed_ip=asked["fixed_ip"])
        if asked["is_ours"]
        else None,
        project_id=instance.project_id,
    )
    interface = GuestInterface(
        port_id=port["port_id"],
        mac=port["mac"],
        network_name=port["network_name"],
        ips=tuple(ip["address"] for ip in port["ips"]),
    )
    guest_devices.attach_interface(peers.driver, str(instance.node), instance.uuid, interface)
    return {"port": port}


def _take_interface_out(instance: Instance, change: DeviceChange, peers: Peers) -> None:
    try:
        guest_devices.detach_interface(
            peers.driver, str(instance.node), instance.uuid, change.device_id
        )
    except NotFound:
        LOG.info("there is no domain to take it from")


def _detach_interface(
    context: RequestContext, instance: Instance, change: DeviceChange, peers: Peers
) -> Json:
    _take_interface_out(instance, change, peers)
    try:
        peers.network.deallocate(context, instance.uuid, [change.arguments["port"]])
    except Unauthorized as error:
        # As for a volume: the conductor takes the port away.
        LOG.warning("%s", error)
    return {}


DO: dict[ChangeKind, Work] = {
    ChangeKind.ATTACH_VOLUME: _attach_volume,
    ChangeKind.DETACH_VOLUME: _detach_volume,
    ChangeKind.ATTACH_INTERFACE: _attach_interface,
    ChangeKind.DETACH_INTERFACE: _detach_interface,
}
UNDO: dict[ChangeKind, Callable[[Instance, DeviceChange, Peers], Any]] = {
    ChangeKind.ATTACH_VOLUME: _take_volume_out,
    ChangeKind.ATTACH_INTERFACE: _take_interface_out,
}
