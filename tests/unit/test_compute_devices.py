"""What a host does with a change of devices: done, undone when it fails, left when unknown."""

from __future__ import annotations

from typing import Any

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound, Unauthorized, Unavailable
from devstack_lite.objects.compute import Flavor, Instance
from devstack_lite.objects.device import ChangeKind, DeviceChange
from devstack_lite.states import VmState
from services.compute import devices
from services.compute.driver import HypervisorError, LibvirtDriver
from tests.unit.test_compute_driver import NODE, MakeDriver, make_driver, make_guest
from tests.unit.test_guest_devices import disks

__all__ = ["make_driver"]

CONTEXT = RequestContext(user_id="u", project_id="p")


class Neighbour:
    """Stands for volume, network and the conductor: notes what it is asked, fails when told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.errors: dict[str, Exception] = {}
        self.ends: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        def ask(*_arguments: object, **named: object) -> bool:
            self.asked.append(name)
            if name == "finish_change":
                self.ends.append(named)
            if name in self.errors:
                raise self.errors[name]
            return True

        return ask


class Host:
    """A guest on the fake hypervisor, and a neighbour."""

    def __init__(self, driver: LibvirtDriver) -> None:
        self.driver = driver
        self.neighbour = Neighbour()
        self.volume = self.network = self.neighbour
        guest = make_guest()
        driver.spawn(guest)
        self.instance = Instance(
            uuid=guest.uuid, name="vm", project_id="p", user_id="u", image_ref="i", host="host-1",
            node=NODE, vm_state=VmState.ACTIVE,
            flavor=Flavor(id="1", name="m1.tiny", vcpus=1, memory_mb=512, root_gb=1),
        )  # fmt: skip

    def run(self, kind: ChangeKind) -> dict[str, Any]:
        """Carry out a change of vol-9; return what the conductor was told."""
        change = DeviceChange(
            id="change", instance_uuid=self.instance.uuid, kind=kind, device_id="vol-9",
            arguments={"attachment_id": "at", "device": "/dev/vdc"},
        )  # fmt: skip
        peers: Any = self
        conductor: Any = self.neighbour
        devices.run(CONTEXT, self.instance, change, peers=peers, conductor=conductor)
        return self.neighbour.ends.pop()

    def has_it(self) -> bool:
        """Say whether the guest has the volume, running and as it is defined."""
        running, defined = disks(self.driver, self.instance.uuid)
        assert running == defined
        return "vdc" in running


ATTACH, DETACH = ChangeKind.ATTACH_VOLUME, ChangeKind.DETACH_VOLUME
BROKEN = "device.attach: {failure: {message: no slot}}"
LOST = "device.attach: {failure: {code: VIR_ERR_OPERATION_TIMEOUT, message: no answer}}"


def test_volume_is_told_around_the_guest(make_driver: MakeDriver) -> None:
    """Before it is reached and when it is there; the conductor hears where."""
    host = Host(make_driver())
    for _ in range(2):
        told = host.run(ATTACH)
        assert (told["result"], told["error"]) == ({"device": "/dev/vdc"}, None)
        assert host.has_it()
    assert host.neighbour.asked[:3] == [
        "update_attachment", "complete_attachment", "finish_change"
    ]  # fmt: skip
    for _ in range(2):
        assert host.run(DETACH)["error"] is None
        assert not host.has_it()


def test_what_the_hypervisor_refuses_is_an_error(make_driver: MakeDriver) -> None:
    """The conductor hears why; volume is not told that it is there."""
    host = Host(make_driver(f"stages:\n  {BROKEN}\n"))
    told = host.run(ATTACH)
    assert "no slot" in told["error"]
    assert "complete_attachment" not in host.neighbour.asked
    assert not host.has_it()


def test_what_volume_refuses_is_taken_out_again(make_driver: MakeDriver) -> None:
    """An attachment that somebody removed meanwhile: the guest lets go of the disk."""
    host = Host(make_driver())
    host.neighbour.errors["complete_attachment"] = NotFound("no such attachment")
    assert "no such attachment" in host.run(ATTACH)["error"]
    assert not host.has_it()


@pytest.mark.parametrize("where", ["volume", "hypervisor"])
def test_what_is_unknown_is_left_to_the_next_attempt(make_driver: MakeDriver, where: str) -> None:
    """Nothing is ended, nothing is undone."""
    host = Host(make_driver(f"stages:\n  {LOST}\n" if where == "hypervisor" else "stages: {}"))
    if where == "volume":
        host.neighbour.errors["complete_attachment"] = Unavailable("no answer")
    with pytest.raises((Unavailable, HypervisorError)):
        host.run(ATTACH)
    assert host.neighbour.ends == []


def test_a_token_that_is_too_old_keeps_no_volume(make_driver: MakeDriver) -> None:
    """The guest has let go: the conductor, which needs no token, frees the volume."""
    host = Host(make_driver())
    host.run(ATTACH)
    host.neighbour.errors["delete_attachment"] = Unauthorized("too old")
    assert host.run(DETACH)["error"] is None
    assert not host.has_it()


def test_a_guest_that_is_gone_holds_nothing(make_driver: MakeDriver) -> None:
    """To take from it is done; to give to it fails."""
    host = Host(make_driver())
    host.driver.destroy(NODE, host.instance.uuid)
    assert host.run(DETACH)["error"] is None
    assert "has no domain" in host.run(ATTACH)["error"]
