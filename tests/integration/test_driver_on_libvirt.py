"""The compute driver on libvirt itself: its built-in test driver, which needs no daemon."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from devstack_lite.exceptions import NotFound
from devstack_lite.states import PowerState
from fake_hypervisor import constants
from services.compute.driver import HypervisorError, LibvirtDriver
from services.compute.guest import GuestConfig, GuestInterface, GuestVolume

libvirt = pytest.importorskip("libvirt", reason="libvirt-python is not installed")

URI = "test:///default"
NODE = "test-node"


@pytest.fixture
def driver() -> Iterator[LibvirtDriver]:
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    # libvirt drops the test driver's domains with the last connection: this one keeps them.
    keeper = libvirt.open(URI)
    driver = LibvirtDriver(libvirt, lambda _node: URI, nodes=(NODE,))
    yield driver
    driver.close()
    keeper.close()


def make_guest(**changes: Any) -> GuestConfig:
    uid = str(uuid.uuid4())
    values: dict[str, Any] = {
        "uuid": uid,
        "name": f"instance-{uid[:8]}",
        "node": NODE,
        "vcpus": 2,
        "memory_mb": 64,
        "root_gb": 1,
        "image_id": str(uuid.uuid4()),
        "image_path": "/var/lib/images/disk",
        "interfaces": (
            GuestInterface(port_id=str(uuid.uuid4()), mac="fa:16:3e:00:00:01", ips=("10.0.0.4",)),
        ),
        "volumes": (GuestVolume(volume_id=str(uuid.uuid4()), source_path="/dev/loop7"),),
        "flavor_name": "m1.tiny",
        "metadata": {"team": "a & b"},
    }
    return GuestConfig(**values | changes)


def test_life_of_a_guest(driver: LibvirtDriver) -> None:
    """A guest is spawned, stopped, started, rebooted both ways and destroyed on libvirt."""
    guest = make_guest()
    before = driver.get_node_resources(NODE)
    info = driver.spawn(guest)
    assert (info.power_state, info.vcpus) == (PowerState.RUNNING, 2)
    assert driver.spawn(guest).power_state == PowerState.RUNNING
    during = driver.get_node_resources(NODE)
    assert during.running_vms == before.running_vms + 1
    assert during.memory_mb_used == before.memory_mb_used + 64
    driver.power_off(NODE, guest.uuid)
    assert driver.get_info(NODE, guest.uuid).power_state == PowerState.SHUTDOWN
    driver.power_on(NODE, guest.uuid)
    driver.reboot(NODE, guest.uuid, "SOFT")
    driver.reboot(NODE, guest.uuid, "HARD")
    assert driver.get_info(NODE, guest.uuid).power_state == PowerState.RUNNING
    assert guest.uuid in [domain.uuid for domain in driver.list_domains(NODE)]
    driver.destroy(NODE, guest.uuid)
    driver.destroy(NODE, guest.uuid)
    assert guest.uuid not in [domain.uuid for domain in driver.list_domains(NODE)]
    with pytest.raises(NotFound):
        driver.get_info(NODE, guest.uuid)


def test_refused_spawn_leaves_the_node_alone(driver: LibvirtDriver) -> None:
    """A name that is taken is refused, definitely, and the first guest goes on."""
    first = make_guest()
    driver.spawn(first)
    with pytest.raises(HypervisorError) as caught:
        driver.spawn(make_guest(name=first.name))
    assert (caught.value.code, caught.value.definite) == (libvirt.VIR_ERR_OPERATION_FAILED, True)
    assert driver.get_info(NODE, first.uuid).power_state == PowerState.RUNNING


def test_constants_are_libvirts() -> None:
    """Every number of the fake hypervisor is libvirt's own."""
    ours = {name: value for name, value in vars(constants).items() if name.startswith("VIR_")}
    assert {name: getattr(libvirt, name, value) for name, value in ours.items()} == ours
