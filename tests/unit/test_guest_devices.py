"""Disks and interfaces of a domain that exists, on the fake hypervisor."""

from __future__ import annotations

import uuid
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from devstack_lite.exceptions import NotFound
from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri
from services.compute import guest_devices
from services.compute.driver import LibvirtDriver
from services.compute.guest import GuestInterface, GuestVolume
from tests.unit.test_compute_driver import NODE, make_guest

VOLUME = GuestVolume(volume_id="vol-9", source_path="/dev/loop9", device="/dev/vdf")
PORT = GuestInterface(port_id=str(uuid.uuid4()), mac="fa:16:3e:00:00:99")


@pytest.fixture
def driver(tmp_path: Path) -> LibvirtDriver:
    return LibvirtDriver(libvirt, lambda node: make_uri(tmp_path, node), nodes=(NODE,))


@pytest.fixture(params=["running", "off"])
def guest(request: pytest.FixtureRequest, driver: LibvirtDriver) -> str:
    """A guest with one of everything, that runs or is off."""
    made = make_guest()
    driver.spawn(made)
    if request.param == "off":
        driver.power_off(NODE, made.uuid)
    return made.uuid


def places(driver: LibvirtDriver, guest: str, path: str, attribute: str) -> list[list[str]]:
    """Return what an attribute says in each of the domain's documents."""
    with driver.domain("look at", NODE, guest) as domain:
        texts = [domain.XMLDesc(flags) for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE)]
    return [
        [one.get(attribute, "") for one in ET.fromstring(text).iterfind(path)] for text in texts
    ]


def disks(driver: LibvirtDriver, guest: str) -> list[list[str]]:
    return places(driver, guest, "devices/disk/target", "dev")


def test_a_volume_comes_and_goes(driver: LibvirtDriver, guest: str) -> None:
    """In the running guest and in its definition; what is done already is a success."""
    for _ in range(2):
        assert guest_devices.attach_volume(driver, NODE, guest, VOLUME) == "/dev/vdf"
        assert disks(driver, guest) == [["vda", "vdb", "vdf"]] * 2
    for _ in range(2):
        guest_devices.detach_volume(driver, NODE, guest, VOLUME.volume_id)
        assert disks(driver, guest) == [["vda", "vdb"]] * 2


def test_a_name_that_is_taken_is_not_insisted_on(driver: LibvirtDriver, guest: str) -> None:
    """The first free name is taken then."""
    wanted = GuestVolume(volume_id="vol-8", source_path="/dev/loop8", device="/dev/vdb")
    assert guest_devices.attach_volume(driver, NODE, guest, wanted) == "/dev/vdc"


def test_an_interface_comes_and_goes(driver: LibvirtDriver, guest: str) -> None:
    """By its device on the host, likewise."""
    path, mac = "devices/interface/mac", "address"
    for _ in range(2):
        guest_devices.attach_interface(driver, NODE, guest, PORT)
        assert places(driver, guest, path, mac) == [["fa:16:3e:0:0:1", PORT.mac]] * 2
    for _ in range(2):
        guest_devices.detach_interface(driver, NODE, guest, PORT.port_id)
        assert places(driver, guest, path, mac) == [["fa:16:3e:0:0:1"]] * 2


def test_half_an_attach_is_completed(driver: LibvirtDriver) -> None:
    """Who died between the running guest and its definition left one: the other follows."""
    made = make_guest()
    driver.spawn(made)
    guest_devices.attach_volume(driver, NODE, made.uuid, VOLUME)
    with driver.domain("halve", NODE, made.uuid) as domain:
        text = domain.XMLDesc(0)
        [disk] = [
            one for one in ET.fromstring(text).iterfind("devices/disk")
            if one.findtext("serial") == VOLUME.volume_id
        ]  # fmt: skip
        domain.detachDeviceFlags(ET.tostring(disk, encoding="unicode"),
                                 libvirt.VIR_DOMAIN_AFFECT_CONFIG)  # fmt: skip
    assert disks(driver, made.uuid) == [["vda", "vdb", "vdf"], ["vda", "vdb"]]
    assert guest_devices.attach_volume(driver, NODE, made.uuid, VOLUME) == "/dev/vdf"
    assert disks(driver, made.uuid) == [["vda", "vdb", "vdf"]] * 2


def test_no_domain_no_device(driver: LibvirtDriver) -> None:
    """NotFound says so, for the caller to judge."""
    with pytest.raises(NotFound):
        guest_devices.attach_volume(driver, NODE, str(uuid.uuid4()), VOLUME)
    with pytest.raises(NotFound):
        guest_devices.detach_volume(driver, NODE, str(uuid.uuid4()), VOLUME.volume_id)
