"""Images made of guests: what a host reads of a disk, and its way to the image service.

May be repeated, and done by two workers at once: the image's id stands in the operation, an image
that is active has its data, and the image service lets one upload at a time. What ends without data
has its image taken away by the conductor.
"""

from __future__ import annotations

import logging
import xml.etree.ElementTree as ET
from typing import Any

from devstack_lite import failpoints
from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext, current_context
from devstack_lite.exceptions import DevstackError, NotFound
from devstack_lite.objects.compute import Instance
from devstack_lite.states import TaskState
from services.compute import build
from services.compute.build import Peers
from services.compute.driver import LibvirtDriver

LOG = logging.getLogger(__name__)

CONTENT_BYTES = 64 * 1024
"""Of a snapshot: enough for a client to see a download in pieces, little on disk."""

UPLOAD = "op.createImage.upload"
"""The point around the upload, of backups as well."""


def create_image(instance: Instance, peers: Peers) -> None:
    """Have the operation's image active, with the content of the guest's disk.

    Raises NotFound when the guest or the image is gone, HypervisorError, Forbidden, Invalid,
    Unauthorized; Unavailable leaves it to the next attempt.
    """
    context = current_context()
    image_id = str(_arguments(instance)["image_id"])
    if _status(context, instance, peers) == "active":
        return  # An attempt whose end nobody heard of has brought it.
    _show(instance, TaskState.IMAGE_SNAPSHOT, peers)
    # Who boots from a volume has no disk here: its image leads to snapshots of its volumes.
    content = read_disk(peers.driver, instance) if instance.image_ref else b""
    _show(instance, TaskState.IMAGE_PENDING_UPLOAD, peers)
    peers.driver.play_stage("image.upload", build.selectors_of(instance))
    _show(instance, TaskState.IMAGE_UPLOADING, peers)
    with failpoints.around(UPLOAD):
        peers.image.upload(context, image_id, content)
    LOG.info("image %s: %d bytes uploaded", image_id, len(content))


def read_disk(driver: LibvirtDriver, instance: Instance) -> bytes:
    """Return what stands for the content of the guest's root disk.

    A simulated guest writes nothing, so there is nothing to copy: the content is a few lines of
    text that name the instance, its disk as the hypervisor has it, and the time, padded with zeros
    to CONTENT_BYTES. It is a raw disk image in so far as any bytes are; no guest boots from it.
    Raises NotFound, HypervisorError.
    """
    with driver.guest("snapshot", str(instance.node), instance.uuid) as (_libvirt, domain):
        source = _root_disk(domain.XMLDesc(0))
        state = int(domain.info()[0])
    lines = [
        "devstack-lite snapshot of a simulated disk",
        f"instance: {instance.uuid}",
        f"name: {instance.name}",
        f"node: {instance.node}",
        f"disk: {source}",
        f"domain_state: {state}",
        f"base_image_ref: {instance.image_ref}",
        f"taken_at: {utcnow().isoformat()}",
    ]
    text = "".join(f"{line}\n" for line in lines).encode()
    return text.ljust(CONTENT_BYTES, b"\0")


def rotate_backups(instance: Instance, peers: Peers) -> None:
    """Remove the oldest backups of the operation's type, but for as many as it keeps.

    What cannot be removed is left to the next backup. Raises Unauthorized, Unavailable.
    """
    kept = _arguments(instance)
    context = current_context()
    found = peers.image.list_images(
        context, instance_uuid=instance.uuid, image_type="backup",
        backup_type=str(kept["backup_type"]), status="active",
    )  # fmt: skip
    for image in found[int(kept["rotation"]) :]:
        _drop(context, str(image["id"]), peers)
        LOG.info("backup %s is one too many: removed", image["id"])


def _status(context: RequestContext, instance: Instance, peers: Peers) -> str:
    """Return the image's status; one that nobody has recorded is recorded now.

    So it is when the worker died that had noted the operation. A user who removes the image before
    it is active finds it made once more only if that worker died, too.
    """
    kept = _arguments(instance)
    try:
        image, _ = peers.image.get_image(context, str(kept["image_id"]))
    except NotFound:
        peers.image.create_image(context, kept["image"])
        return "queued"
    return str(image["status"])


def _drop(context: RequestContext, image_id: str, peers: Peers) -> None:
    """Remove an image; what fails is left to the next backup."""
    try:
        peers.image.delete_image(context, image_id)
    except DevstackError as error:
        LOG.warning("image %s could not be removed: %s", image_id, error)


def _arguments(instance: Instance) -> dict[str, Any]:
    found: dict[str, Any] = (instance.operation or {}).get("arguments", {})
    return found


def _show(instance: Instance, task_state: TaskState, peers: Peers) -> None:
    """Have the task_state seen; what is shelved keeps its own."""
    if instance.task_state is TaskState.SHELVING:
        return
    peers.in_hand.show(instance.uuid, instance.attempt, task_state)


def _root_disk(xml: str) -> str:
    root = ET.fromstring(xml)  # noqa: S314 - from the hypervisor, not from a user
    source = root.find("devices/disk/source")
    return "none" if source is None else next(iter(source.attrib.values()), "none")
