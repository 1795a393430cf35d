"""Disks and interfaces of a domain that exists: added and taken away, through libvirt's API.

Each function asks for a state, in the running guest and in its definition: one that is there
already, or gone already, is a success. A disk is known by its serial, which is the volume's id, an
interface by its device on the host, which is named after the port. Raises NotFound when there is no
domain, else HypervisorError.
"""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

from devstack_lite.names import tap_of
from services.compute.domain_xml import build_disk, build_interface, next_device, short_device
from services.compute.driver import POLL_S, HypervisorError, LibvirtDriver
from services.compute.guest import GuestInterface, GuestVolume

GONE_TIMEOUT_S = 20.0
"""What a guest may take to let go of a device; Nova's device_detach_timeout."""

TRIES = 5
"""Another worker may take the name that was free, or stop the guest, in between."""

IsIt = Callable[[ET.Element], bool]


def attach_volume(driver: LibvirtDriver, node: str, uuid: str, volume: GuestVolume) -> str:
    """Have the volume in the guest; return its name there, `/dev/vdb`: volume.device if free."""

    def build(documents: list[ET.Element]) -> ET.Element:
        taken = {
            target.get("dev", "")
            for document in documents
            for target in document.iterfind("devices/disk/target")
        }
        wanted = short_device(volume.device)
        return build_disk(volume, wanted if wanted and wanted not in taken else next_device(taken))

    disk = _attach(driver, node, uuid, "disk", _has_serial(volume.volume_id), build)
    target = disk.find("target")
    return f"/dev/{'' if target is None else target.get('dev', '')}"


def detach_volume(driver: LibvirtDriver, node: str, uuid: str, volume_id: str) -> None:
    """Have the volume out of the guest; a guest that is gone is a success."""
    _detach(driver, node, uuid, "disk", _has_serial(volume_id))


def attach_interface(
    driver: LibvirtDriver, node: str, uuid: str, interface: GuestInterface
) -> None:
    """Have the interface in the guest."""
    _attach(driver, node, uuid, "interface", _is_tap(interface.tap),
            lambda _documents: build_interface(interface))  # fmt: skip


def detach_interface(driver: LibvirtDriver, node: str, uuid: str, port_id: str) -> None:
    """Have the port's interface out of the guest."""
    _detach(driver, node, uuid, "interface", _is_tap(tap_of(port_id)))


def _attach(
    driver: LibvirtDriver,
    node: str,
    uuid: str,
    tag: str,
    is_it: IsIt,
    build: Callable[[list[ET.Element]], ET.Element],
) -> ET.Element:
    lib = driver.libvirt
    with driver.domain(f"attach the {tag} to", node, uuid) as domain:
        for left in reversed(range(TRIES)):
            documents = _documents(lib, domain)
            found = {flag: _find(one, tag, is_it) for flag, one in documents.items()}
            there = next((one for one in found.values() if one is not None), None)
            missing = [flag for flag, one in found.items() if one is None]
            if there is not None and not missing:
                return there
            device = there if there is not None else build(list(documents.values()))
            try:
                domain.attachDeviceFlags(ET.tostring(device, encoding="unicode"), sum(missing))
            except lib.libvirtError as error:
                if not left or error.get_error_code() != lib.VIR_ERR_OPERATION_INVALID:
                    raise
    raise HypervisorError(f"attach the {tag} to {uuid}: it does not stay", definite=False)


def _detach(driver: LibvirtDriver, node: str, uuid: str, tag: str, is_it: IsIt) -> None:
    lib = driver.libvirt
    deadline = time.monotonic() + GONE_TIMEOUT_S
    with driver.domain(f"detach the {tag} from", node, uuid) as domain:
        asked: set[int] = set()
        while True:
            found = {
                flag: _find(one, tag, is_it) for flag, one in _documents(lib, domain).items()
            }  # fmt: skip
            left = {flag: one for flag, one in found.items() if one is not None}
            if not left:
                return
            if time.monotonic() > deadline:
                raise HypervisorError(f"detach the {tag} from {uuid}: the guest keeps it")
            for flag, device in left.items():
                if flag not in asked:
                    asked.add(flag)
                    _ask_to_let_go(lib, domain, device, flag)
                else:
                    # A running guest lets go when it likes.
                    time.sleep(POLL_S)


def _ask_to_let_go(lib: Any, domain: Any, device: ET.Element, flag: int) -> None:
    try:
        domain.detachDeviceFlags(ET.tostring(device, encoding="unicode"), flag)
    except lib.libvirtError as error:
        if error.get_error_code() != lib.VIR_ERR_DEVICE_MISSING:
            raise


def _documents(lib: Any, domain: Any) -> dict[int, ET.Element]:
    """Return the domain's documents by the flag that changes each; a guest that is off has one."""
    read = {lib.VIR_DOMAIN_AFFECT_CONFIG: lib.VIR_DOMAIN_XML_INACTIVE}
    if domain.isActive():
        read[lib.VIR_DOMAIN_AFFECT_LIVE] = 0
    return {flag: ET.fromstring(domain.XMLDesc(one)) for flag, one in read.items()}  # noqa: S314


def _find(document: ET.Element, tag: str, is_it: IsIt) -> ET.Element | None:
    return next((one for one in document.iterfind(f"devices/{tag}") if is_it(one)), None)


def _has_serial(volume_id: str) -> IsIt:
    return lambda disk: disk.findtext("serial") == volume_id


def _is_tap(tap: str) -> IsIt:
    def is_it(interface: ET.Element) -> bool:
        target = interface.find("target")
        return target is not None and target.get("dev") == tap

    return is_it
