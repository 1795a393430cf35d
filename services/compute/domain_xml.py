"""A guest's domain XML, as libvirt reads it and as Nova's tools know it.

Owns how a guest is written down. Pure functions: nothing is looked up and nothing is kept.
Sources: https://libvirt.org/formatdomain.html, and Nova's instance metadata
(doc/source/admin/libvirt-misc.rst).
"""

from __future__ import annotations

import functools
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass

from services.compute.guest import GuestConfig, GuestHostdev, GuestInterface, GuestVolume
from services.compute.numa_xml import add_cells

NOVA_NS = "http://openstack.org/xmlns/libvirt/nova/1.1"
LITE_NS = "urn:devstack-lite:domain:1"
"""What Nova's metadata has no place for: the compute host and the server's own metadata."""

DISPLAYS = ("vnc", "spice")
"""Where a console shows a guest's screen, each on a port that the hypervisor chooses."""

PACKAGE_VERSION = "devstack-lite"

ET.register_namespace("nova", NOVA_NS)
ET.register_namespace("lite", LITE_NS)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestPlatform:
    """What the connection offers: the domain's type (kvm, qemu, test) and the architecture."""

    domain_type: str
    arch: str


# The nodes of a host are alike, and a document that lists each CPU takes a while to read.
@functools.lru_cache(maxsize=64)
def choose_platform(connection_type: str, capabilities_xml: str) -> GuestPlatform:
    """Return the best that the connection can do: its hypervisor's own type, else kvm, else qemu.

    connection_type is what virConnect.getType returns.
    """
    root = ET.fromstring(capabilities_xml)  # noqa: S314 - from the hypervisor, not from a user
    host_arch = root.findtext("host/cpu/arch", default="x86_64")
    offered: dict[str, set[str]] = {}
    for guest in root.iterfind("guest"):
        if guest.findtext("os_type") == "hvm":
            for arch in guest.iterfind("arch"):
                types = {domain.get("type", "") for domain in arch.iterfind("domain")}
                offered[arch.get("name", "")] = types
    types = offered.get(host_arch, set())
    for wanted in (connection_type.lower(), "kvm", "qemu"):
        # QEMU's own type is the slow one: kvm is taken where the host has it.
        if wanted in types and not (wanted == "qemu" and "kvm" in types):
            return GuestPlatform(domain_type=wanted, arch=host_arch)
    return GuestPlatform(domain_type=connection_type.lower(), arch=host_arch)


def build_domain_xml(guest: GuestConfig, platform: GuestPlatform) -> str:
    """Return the domain's document; the same guest and platform give the same text."""
    root = ET.Element("domain", type=platform.domain_type)
    _text(root, "name", guest.name)
    _text(root, "uuid", guest.uuid)
    metadata = ET.SubElement(root, "metadata")
    _add_nova_metadata(metadata, guest)
    _add_lite_metadata(metadata, guest)
    _text(root, "memory", str(guest.memory_mb * 1024), unit="KiB")
    _text(root, "vcpu", str(guest.vcpus))
    if guest.cells is not None:
        add_cells(root, guest.cells)
    system = ET.SubElement(root, "os")
    _text(system, "type", "hvm", arch=platform.arch)
    ET.SubElement(system, "boot", dev="hd")
    features = ET.SubElement(root, "features")
    ET.SubElement(features, "acpi")
    ET.SubElement(features, "apic")
    ET.SubElement(root, "clock", offset="utc")
    # A guest that dies stays down, so that the control plane sees it and decides.
    for event, action in (("poweroff", "destroy"), ("reboot", "restart"), ("crash", "destroy")):
        _text(root, f"on_{event}", action)
    _add_devices(ET.SubElement(root, "devices"), guest)
    return ET.tostring(root, encoding="unicode")


def build_disk(volume: GuestVolume, device: str) -> ET.Element:
    """Return a volume's <disk>; its serial is the volume's id, by which it is found again."""
    disk = _disk("block", {"dev": volume.source_path}, device, "raw")
    _text(disk, "serial", volume.volume_id)
    return disk


def build_interface(interface: GuestInterface) -> ET.Element:
    """Return a port's <interface>."""
    element = ET.Element("interface", type="bridge")
    ET.SubElement(element, "mac", address=interface.mac)
    ET.SubElement(element, "source", bridge=interface.bridge)
    ET.SubElement(element, "target", dev=interface.tap)
    ET.SubElement(element, "model", type="virtio")
    return element


def build_hostdev(hostdev: GuestHostdev) -> ET.Element:
    """Return a PCI device's <hostdev>."""
    managed = "yes" if hostdev.is_managed else "no"
    element = ET.Element("hostdev", mode="subsystem", type="pci", managed=managed)
    place, _, function = hostdev.address.partition(".")
    domain, bus, slot = place.split(":")
    ET.SubElement(
        ET.SubElement(element, "source"), "address",
        domain=f"0x{domain}", bus=f"0x{bus}", slot=f"0x{slot}", function=f"0x{function}",
    )  # fmt: skip
    return element


def with_hostdevs(document: str, hostdevs: Iterable[GuestHostdev]) -> str:
    """Return a domain's document with these PCI devices instead of those that it has."""
    root = ET.fromstring(document)  # noqa: S314 - from the hypervisor, not from a user
    devices = root.find("devices")
    if devices is None:
        devices = ET.SubElement(root, "devices")
    for old in devices.findall("hostdev[@type='pci']"):
        devices.remove(old)
    devices.extend(build_hostdev(one) for one in hostdevs)
    return ET.tostring(root, encoding="unicode")


def next_device(taken: set[str], prefix: str = "vd") -> str:
    """Return the first free name of vda … vdz; raises ValueError when there is none."""
    for letter in "abcdefghijklmnopqrstuvwxyz":
        if f"{prefix}{letter}" not in taken:
            return f"{prefix}{letter}"
    raise ValueError(f"all 26 disks {prefix}a to {prefix}z are taken")


def short_device(device: str) -> str:
    """Return `vdb` for `/dev/vdb`."""
    return device.removeprefix("/dev/")


def _add_nova_metadata(metadata: ET.Element, guest: GuestConfig) -> None:
    instance = ET.SubElement(metadata, _nova("instance"))
    ET.SubElement(instance, _nova("package"), version=PACKAGE_VERSION)
    _text(instance, _nova("name"), guest.display_name or guest.name)
    flavor = ET.SubElement(instance, _nova("flavor"), name=guest.flavor_name)
    _text(flavor, _nova("memory"), str(guest.memory_mb))
    _text(flavor, _nova("disk"), str(guest.root_gb))
    _text(flavor, _nova("vcpus"), str(guest.vcpus))
    owner = ET.SubElement(instance, _nova("owner"))
    ET.SubElement(owner, _nova("user"), uuid=guest.user_id)
    ET.SubElement(owner, _nova("project"), uuid=guest.project_id)
    if guest.image_id:
        ET.SubElement(instance, _nova("root"), type="image", uuid=guest.image_id)
    ports = ET.SubElement(instance, _nova("ports"))
    for interface in guest.interfaces:
        port = ET.SubElement(ports, _nova("port"), uuid=interface.port_id)
        for ip in interface.ips:
            version = "6" if ":" in ip else "4"
            ET.SubElement(port, _nova("ip"), type="fixed", address=ip, ipVersion=version)


def _add_lite_metadata(metadata: ET.Element, guest: GuestConfig) -> None:
    server = ET.SubElement(metadata, f"{{{LITE_NS}}}server")
    if guest.host:
        ET.SubElement(server, f"{{{LITE_NS}}}host", name=guest.host)
    for key, value in sorted(guest.metadata.items()):
        _text(server, f"{{{LITE_NS}}}entry", value, key=key)


def _add_devices(devices: ET.Element, guest: GuestConfig) -> None:
    taken = {short_device(volume.device) for volume in guest.volumes if volume.device}
    if guest.image_path is not None:
        root_device = next_device(taken)
        taken.add(root_device)
        devices.append(_disk("file", {"file": guest.image_path}, root_device, "qcow2"))
    for volume in sorted(guest.volumes, key=lambda v: not v.is_boot):
        device = short_device(volume.device) or next_device(taken)
        taken.add(device)
        devices.append(build_disk(volume, device))
    if guest.config_drive is not None:
        devices.append(_cdrom(guest.config_drive_path))
    for interface in guest.interfaces:
        devices.append(build_interface(interface))
    for hostdev in guest.hostdevs:
        devices.append(build_hostdev(hostdev))
    ET.SubElement(devices, "serial", type="pty")
    ET.SubElement(devices, "console", type="pty")
    for display in DISPLAYS:
        ET.SubElement(devices, "graphics", type=display, autoport="yes", port="-1")
    ET.SubElement(devices, "memballoon", model="virtio")


def _disk(kind: str, source: dict[str, str], device: str, image_format: str) -> ET.Element:
    disk = ET.Element("disk", type=kind, device="disk")
    ET.SubElement(disk, "driver", name="qemu", type=image_format, cache="none")
    ET.SubElement(disk, "source", source)
    ET.SubElement(disk, "target", dev=device, bus="virtio")
    return disk


def _cdrom(path: str) -> ET.Element:
    cdrom = ET.Element("disk", type="file", device="cdrom")
    ET.SubElement(cdrom, "driver", name="qemu", type="raw", cache="none")
    ET.SubElement(cdrom, "source", file=path)
    ET.SubElement(cdrom, "target", dev="sda", bus="sata")
    ET.SubElement(cdrom, "readonly")
    return cdrom


def _nova(name: str) -> str:
    return f"{{{NOVA_NS}}}{name}"


def _text(parent: ET.Element, tag: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, tag, attributes).text = text
