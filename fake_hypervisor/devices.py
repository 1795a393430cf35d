"""Adds a device to a domain's document or takes one out, by libvirt's rules of what is the same."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from fake_hypervisor import constants as c
from fake_hypervisor.definition import parse_element, to_text
from fake_hypervisor.errors import error

_KINDS = (
    "disk",
    "interface",
    "hostdev",
    "controller",
    "input",
    "rng",
    "serial",
    "console",
    "memballoon",
)


def parse_device(xml: str) -> ET.Element:
    """Return the device; raises libvirtError for what is not one."""
    return parse_element(xml, *_KINDS)


def add_device(document: str, device: ET.Element) -> str:
    """Return the document with the device; VIR_ERR_OPERATION_INVALID when its place is taken."""
    root = parse_element(document, "domain")
    if device.tag == "disk" and _find(root, device) is not None:
        raise error(c.VIR_ERR_OPERATION_INVALID, f"target {_place(device)} already exists")
    devices = root.find("devices")
    if devices is None:
        devices = ET.SubElement(root, "devices")
    devices.append(device)
    return to_text(root)


def remove_device(document: str, device: ET.Element) -> str:
    """Return the document without the device; VIR_ERR_DEVICE_MISSING when it is not there."""
    root = parse_element(document, "domain")
    devices, found = _require(root, device)
    devices.remove(found)
    return to_text(root)


def replace_device(document: str, device: ET.Element) -> str:
    """Return the document with device in the place of its like; VIR_ERR_DEVICE_MISSING."""
    root = parse_element(document, "domain")
    devices, found = _require(root, device)
    devices[list(devices).index(found)] = device
    return to_text(root)


def find_disk(document: str, path: str) -> ET.Element:
    """Return the disk of this target or source; VIR_ERR_INVALID_ARG when there is none."""
    return disk_in(parse_element(document, "domain"), path)


def disk_in(root: ET.Element, path: str) -> ET.Element:
    """Return it likewise of a domain's root."""
    for disk in root.iterfind("devices/disk"):
        source = disk.find("source")
        names = set() if source is None else set(source.attrib.values())
        if path and path in names | {_place(disk)}:
            return disk
    raise error(c.VIR_ERR_INVALID_ARG, f"invalid path {path} not assigned to domain")


def find_interface(document: str, device: str) -> ET.Element:
    """Return the interface of this target or MAC; VIR_ERR_INVALID_ARG when there is none."""
    for interface in _devices(document, "interface"):
        target = interface.find("target")
        if device in {_place(interface), "" if target is None else target.get("dev", "")}:
            return interface
    raise error(c.VIR_ERR_INVALID_ARG, f"'{device}' is not a known interface")


def _devices(document: str, tag: str) -> Iterator[ET.Element]:
    yield from parse_element(document, "domain").iterfind(f"devices/{tag}")


def _find(root: ET.Element, device: ET.Element) -> ET.Element | None:
    place = _place(device)
    for candidate in root.iterfind(f"devices/{device.tag}"):
        if _place(candidate) == place:
            return candidate
    return None


def _require(root: ET.Element, device: ET.Element) -> tuple[ET.Element, ET.Element]:
    """Return <devices>, and in it what is the same as device."""
    found = _find(root, device)
    devices = root.find("devices")
    if found is None or devices is None:
        raise error(c.VIR_ERR_DEVICE_MISSING, f"no {device.tag} '{_place(device)}' in the domain")
    return devices, found


def _place(device: ET.Element) -> str:
    """What tells a device from its neighbours: a disk's target, an interface's MAC address."""
    path, attribute = {"disk": ("target", "dev"), "interface": ("mac", "address")}.get(
        device.tag, ("", "")
    )
    if not path:
        return ET.canonicalize(to_text(device), strip_text=True)
    element = device.find(path)
    return "" if element is None else element.get(attribute, "").lower()
