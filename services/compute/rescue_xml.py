"""A domain's XML with a rescue disk, and without it again. Pure functions.

All disks stay where they are, as in Nova's stable device rescue: the guest boots from one more.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from services.compute.domain_xml import LITE_NS, next_device

_DEVICES = frozenset({"disk", "cdrom"})
_PREFIXES = {"virtio": "vd", "scsi": "sd", "usb": "sd", "sata": "sd", "ide": "hd"}
"""By bus what the names of its disks begin with."""
_MARK = f"{{{LITE_NS}}}rescue"


def rescue_image_of(xml: str) -> str | None:
    """Return the image that the guest is rescued with; None for one that is not."""
    mark = _parse(xml).find(f"metadata/{_MARK}")
    return None if mark is None else mark.get("image", "")


def with_rescue_disk(
    xml: str, *, path: str, image_id: str, device: str = "disk", bus: str = "virtio"
) -> str:
    """Return the document of a guest that boots from the disk at path, made from an image.

    One that does already is returned with that image instead. device, bus: what the image says of
    itself; Nova's default for what is neither known.
    """
    device = device if device in _DEVICES else "disk"
    bus = bus if bus in _PREFIXES else "virtio"
    root = _parse(without_rescue_disk(xml))
    devices = _child(root, "devices")
    taken = {target.get("dev", "") for target in devices.iterfind("disk/target")}
    disk = ET.Element("disk", type="file", device=device)
    ET.SubElement(disk, "driver", name="qemu", type="qcow2", cache="none")
    ET.SubElement(disk, "source", file=path)
    ET.SubElement(disk, "target", dev=next_device(taken, _PREFIXES[bus]), bus=bus)
    ET.SubElement(disk, "boot", order="1")
    devices.append(disk)
    # libvirt takes either an order of devices or kinds of them.
    system = _child(root, "os")
    for boot in system.findall("boot"):
        system.remove(boot)
    ET.SubElement(_child(root, "metadata"), _MARK, image=image_id)
    return ET.tostring(root, encoding="unicode")


def without_rescue_disk(xml: str) -> str:
    """Return the document of a guest that boots from its own disk; such a one as it is."""
    root = _parse(xml)
    metadata = _child(root, "metadata")
    marks = metadata.findall(_MARK)
    if not marks:
        return xml
    for mark in marks:
        metadata.remove(mark)
    devices = _child(root, "devices")
    for disk in devices.findall("disk"):
        if disk.find("boot") is not None:
            devices.remove(disk)
    ET.SubElement(_child(root, "os"), "boot", dev="hd")
    return ET.tostring(root, encoding="unicode")


def _parse(xml: str) -> ET.Element:
    return ET.fromstring(xml)  # noqa: S314 - from the hypervisor, not from a user


def _child(root: ET.Element, tag: str) -> ET.Element:
    found = root.find(tag)
    return ET.SubElement(root, tag) if found is None else found
