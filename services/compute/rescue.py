"""Having a guest run from a rescue image, and from its own disk again.

Each asks for a state and may be repeated. Raises NotFound when the domain is not there, and
HypervisorError; a guest that could not be rescued is off, with the definition that it had.
"""

from __future__ import annotations

import logging
from typing import Any

from devstack_lite.context import current_context
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import Instance
from services.compute import guest_states
from services.compute.build import Peers, selectors_of
from services.compute.driver import HypervisorError, LibvirtDriver
from services.compute.rescue_xml import rescue_image_of, with_rescue_disk, without_rescue_disk

LOG = logging.getLogger(__name__)


def rescue(instance: Instance, image_id: str, peers: Peers, *, shutdown_s: float) -> None:
    """Have the guest run from a disk made of an image; it is asked for shutdown_s to go first.

    Raises Invalid when the image is not active.
    """
    node, uuid = str(instance.node), instance.uuid
    if _runs_from(peers.driver, node, uuid, image_id):
        return
    image, _ = peers.image.get_image(current_context(), image_id)
    if image.get("status") != "active":
        raise Invalid(f"Image {image_id} is not active.")
    peers.driver.play_stage("image.fetch", {**selectors_of(instance), "image": image_id})
    peers.driver.power_off(node, uuid, shutdown_s)
    guest_states.forget_memory(peers.driver, node, uuid)
    path = f"/var/lib/nova/instances/{uuid}/disk.rescue"
    with peers.driver.guest("rescue", node, uuid) as (libvirt, domain):
        xml = _definition(libvirt, domain)
        domain.connect().defineXML(with_rescue_disk(
            xml, path=path, image_id=image_id,
            device=str(image.get("hw_rescue_device", "disk")),
            bus=str(image.get("hw_rescue_bus", "virtio")),
        ))  # fmt: skip
    try:
        peers.driver.power_on(node, uuid)
    except HypervisorError:
        leave(peers.driver, node, uuid)
        raise
    LOG.info("runs from image %s", image_id)


def unrescue(driver: LibvirtDriver, node: str, uuid: str) -> None:
    """Have the guest run from its own disk again."""
    with driver.guest("unrescue", node, uuid) as (libvirt, domain):
        is_rescued = rescue_image_of(_definition(libvirt, domain)) is not None
        is_running_it = domain.isActive() and rescue_image_of(domain.XMLDesc(0)) is not None
    if is_rescued or is_running_it:
        driver.power_off(node, uuid)
        leave(driver, node, uuid)
    driver.power_on(node, uuid)


def leave(driver: LibvirtDriver, node: str, uuid: str) -> None:
    """Have the guest's next start be from its own disk."""
    with driver.guest("unrescue", node, uuid) as (libvirt, domain):
        xml = _definition(libvirt, domain)
        if rescue_image_of(xml) is not None:
            domain.connect().defineXML(without_rescue_disk(xml))


def _runs_from(driver: LibvirtDriver, node: str, uuid: str, image_id: str) -> bool:
    with driver.guest("rescue", node, uuid) as (_libvirt, domain):
        return bool(domain.isActive()) and rescue_image_of(domain.XMLDesc(0)) == image_id


def _definition(libvirt: Any, domain: Any) -> str:
    return str(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
