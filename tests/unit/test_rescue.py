"""Guests that run from a rescue image: in the hypervisor, asked for twice, and failing."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import Instance
from devstack_lite.states import PowerState, VmState
from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri
from services.compute import guest_states, rescue, rescue_xml
from services.compute.build import Peers
from services.compute.driver import HypervisorError, LibvirtDriver
from tests.unit.conftest import TINY
from tests.unit.test_compute_driver import NODE, make_guest

IMAGE = "22222222-0000-0000-0000-000000000000"


class _Images:
    """The image service: every image is there, in one status."""

    status = "active"
    properties: ClassVar[dict[str, str]] = {}

    def get_image(self, _context: Any, image_id: str) -> tuple[dict[str, Any], None]:
        return {"id": image_id, "status": self.status, **self.properties}, None


@pytest.fixture
def peers(tmp_path: Path) -> Any:
    driver = LibvirtDriver(libvirt, lambda node: make_uri(tmp_path, node), nodes=(NODE,))
    return SimpleNamespace(driver=driver, image=_Images())


@pytest.fixture
def instance(peers: Any) -> Instance:
    """Return an instance whose guest runs."""
    guest = peers.driver.spawn(make_guest())
    return Instance(
        uuid=guest.uuid, name="vm", project_id="p", user_id="u", flavor=TINY, image_ref="an-image",
        vm_state=VmState.ACTIVE, node=NODE, host="host1",
    )  # fmt: skip


def definition(peers: Any, instance: Instance) -> str:
    with peers.driver.guest("look at", NODE, instance.uuid) as (_, domain):
        return str(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))


def running(peers: Any, instance: Instance) -> str:
    with peers.driver.guest("look at", NODE, instance.uuid) as (_, domain):
        assert domain.isActive()
        return str(domain.XMLDesc(0))


def go(peers: Any, instance: Instance, image_id: str = IMAGE) -> None:
    rescue.rescue(instance, image_id, cast(Peers, peers), shutdown_s=0)


def shape(xml: str) -> list[tuple[str, dict[str, str], str]]:
    return [(one.tag, one.attrib, (one.text or "").strip()) for one in ET.fromstring(xml).iter()]


def test_there_and_back(peers: Any, instance: Instance) -> None:
    """It boots from one disk more, all others where they were; both may be repeated."""
    before = definition(peers, instance)
    for _ in range(2):
        go(peers, instance)
    found = ET.fromstring(running(peers, instance))
    disks = [
        (disk.find("source"), disk.find("target"), disk.find("boot"))
        for disk in found.iterfind("devices/disk")
    ]
    assert [target.get("dev") for _, target, _ in disks if target is not None] == [
        "vda", "vdb", "vdc",
    ]  # fmt: skip
    source, _, boot = disks[-1]
    assert source is not None
    assert str(source.get("file")).endswith(f"{instance.uuid}/disk.rescue")
    assert boot is not None
    assert found.find("os/boot") is None
    assert rescue_xml.rescue_image_of(running(peers, instance)) == IMAGE
    for _ in range(2):
        rescue.unrescue(peers.driver, NODE, instance.uuid)
    assert sorted(map(str, shape(definition(peers, instance)))) == sorted(map(str, shape(before)))
    assert rescue_xml.rescue_image_of(running(peers, instance)) is None


def test_from_another_image(peers: Any, instance: Instance) -> None:
    """The document says which; it never has two rescue disks."""
    go(peers, instance)
    other = IMAGE.replace("2", "3")
    go(peers, instance, other)
    assert rescue_xml.rescue_image_of(running(peers, instance)) == other
    assert running(peers, instance).count("disk.rescue") == 1


def test_saved_memory_is_not_what_it_runs_from(peers: Any, instance: Instance) -> None:
    guest_states.suspend(peers.driver, NODE, instance.uuid)
    go(peers, instance)
    with peers.driver.guest("look at", NODE, instance.uuid) as (_, domain):
        assert domain.state() == [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED]


def test_an_image_without_data_touches_nothing(peers: Any, instance: Instance) -> None:
    before = definition(peers, instance)
    peers.image.status = "queued"
    with pytest.raises(Invalid):
        go(peers, instance)
    assert definition(peers, instance) == before
    assert peers.driver.get_info(NODE, instance.uuid).power_state is PowerState.RUNNING


def test_one_that_does_not_start_is_as_before(
    peers: Any, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is off, and its next start is from its own disk."""
    before = definition(peers, instance)

    def refuse(_node: str, _uuid: str) -> None:
        raise HypervisorError("no")

    with monkeypatch.context() as patch:
        patch.setattr(peers.driver, "power_on", refuse)
        with pytest.raises(HypervisorError):
            go(peers, instance)
    assert sorted(map(str, shape(definition(peers, instance)))) == sorted(map(str, shape(before)))
    assert peers.driver.get_info(NODE, instance.uuid).power_state is PowerState.SHUTDOWN


@pytest.mark.parametrize("dies_at", ["power_off", "defineXML", "power_on"])
def test_one_that_was_cut_off_is_carried_on(
    peers: Any, instance: Instance, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    """Wherever the worker died, the next attempt gets there, and back."""
    owner = libvirt.virConnect if dies_at == "defineXML" else LibvirtDriver
    own: Callable[..., Any] = getattr(owner, dies_at)

    def die(*arguments: Any) -> None:
        own(*arguments)
        raise SystemExit

    for act in (
        lambda: go(peers, instance),
        lambda: rescue.unrescue(peers.driver, NODE, instance.uuid),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, dies_at, die)
            with pytest.raises(SystemExit):
                act()
        act()
    assert rescue_xml.rescue_image_of(running(peers, instance)) is None
    assert "disk.rescue" not in definition(peers, instance)


def test_the_disk_is_what_its_image_says(peers: Any, instance: Instance) -> None:
    """A CD-ROM on IDE, say; what is neither known is as if nothing was said."""
    for said, shown in (
        ({"hw_rescue_device": "cdrom", "hw_rescue_bus": "ide"}, ("cdrom", "hda", "ide")),
        ({"hw_rescue_bus": "scsi"}, ("disk", "sda", "scsi")),
        ({"hw_rescue_bus": "lpt", "hw_rescue_device": "tape"}, ("disk", "vdc", "virtio")),
    ):
        peers.image.properties = said
        go(peers, instance)
        disk = ET.fromstring(running(peers, instance)).findall("devices/disk")[-1]
        target = disk.find("target")
        assert target is not None
        assert (disk.get("device"), target.get("dev"), target.get("bus")) == shown
        rescue.unrescue(peers.driver, NODE, instance.uuid)
