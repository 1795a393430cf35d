"""A node's PCI devices, as libvirt describes them, and those of them that guests may have."""

from __future__ import annotations

import functools
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace

from devstack_lite.objects.pci import PciDevice, PciDeviceType
from services.compute.device_spec import DeviceSpec, tags_of
from services.compute.driver import LibvirtDriver


def assignable_devices(
    driver: LibvirtDriver, node: str, specs: Sequence[DeviceSpec]
) -> tuple[PciDevice, ...]:
    """Return the devices of node that one of specs matches, each with that one's tags."""
    if not specs:
        return ()
    found = []
    for document in driver.list_pci_devices(node):
        device = parse_device(document)
        tags = tags_of(specs, device)
        if tags is not None:
            found.append(replace(device, tags=dict(tags)))
    return tuple(sorted(found, key=lambda one: one.address))


# Thousands of nodes have the same documents, and each is read once a minute.
@functools.lru_cache(maxsize=4096)
def parse_device(document: str) -> PciDevice:
    """Return what a <device> with the capability `pci` describes; it has no tags."""
    root = ET.fromstring(document)  # noqa: S314 - from the hypervisor, not from a user
    pci = root.find("capability[@type='pci']")
    if pci is None:
        raise ValueError(f"no PCI device: {document}")
    domain, bus, slot, function = (
        int(pci.findtext(name, "0")) for name in ("domain", "bus", "slot", "function")
    )
    dev_type, parent = PciDeviceType.STANDARD, None
    if pci.find("capability[@type='virt_functions']") is not None:
        dev_type = PciDeviceType.SRIOV_PF
    elif (own := pci.find("capability[@type='phys_function']/address")) is not None:
        dev_type = PciDeviceType.SRIOV_VF
        parent = address_of(*(int(own.get(name, "0"), 16) for name in _PARTS))
    numa = pci.find("numa")
    return PciDevice(
        address=address_of(domain, bus, slot, function),
        vendor_id=_id(pci, "vendor"),
        product_id=_id(pci, "product"),
        dev_type=dev_type,
        numa_node=None if numa is None else int(numa.get("node", "0")),
        parent_addr=parent,
    )


_PARTS = ("domain", "bus", "slot", "function")


def address_of(domain: int, bus: int, slot: int, function: int) -> str:
    """Return the address in the form in which Linux writes it, 0000:3b:00.0."""
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def _id(pci: ET.Element, name: str) -> str:
    element = pci.find(name)
    return "" if element is None else element.get("id", "").removeprefix("0x")
