"""Guests that stand still: in the hypervisor, and asked for twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack_lite.exceptions import NotFound
from devstack_lite.states import PowerState
from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri
from services.compute import guest_states
from services.compute.driver import HypervisorError, LibvirtDriver
from tests.unit.test_compute_driver import NODE, make_guest


@pytest.fixture
def driver(tmp_path: Path) -> LibvirtDriver:
    return LibvirtDriver(libvirt, lambda node: make_uri(tmp_path, node), nodes=(NODE,))


@pytest.fixture
def uuid(driver: LibvirtDriver) -> str:
    """Return a guest that runs."""
    return driver.spawn(make_guest()).uuid


def power(driver: LibvirtDriver, uuid: str) -> PowerState:
    return driver.get_info(NODE, uuid).power_state


def test_pause_and_unpause_may_be_repeated(driver: LibvirtDriver, uuid: str) -> None:
    for _ in range(2):
        guest_states.pause(driver, NODE, uuid)
        assert power(driver, uuid) is PowerState.PAUSED
    for _ in range(2):
        guest_states.unpause(driver, NODE, uuid)
        assert power(driver, uuid) is PowerState.RUNNING


def test_suspend_saves_and_resume_goes_on(driver: LibvirtDriver, uuid: str) -> None:
    """The memory is on disk in between, and used up by the start; both may be repeated."""
    for _ in range(2):
        guest_states.suspend(driver, NODE, uuid)
        assert power(driver, uuid) is PowerState.SHUTDOWN
    with driver.guest("look at", NODE, uuid) as (_, domain):
        assert domain.hasManagedSaveImage(0) == 1
        for _ in range(2):
            guest_states.resume(driver, NODE, uuid)
        assert domain.state() == [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_RESTORED]
        assert domain.hasManagedSaveImage(0) == 0


def test_a_guest_whose_memory_is_forgotten_boots(driver: LibvirtDriver, uuid: str) -> None:
    guest_states.suspend(driver, NODE, uuid)
    for _ in range(2):
        guest_states.forget_memory(driver, NODE, uuid)
    guest_states.resume(driver, NODE, uuid)
    with driver.guest("look at", NODE, uuid) as (_, domain):
        assert domain.state() == [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED]


def test_an_interrupt_changes_nothing(driver: LibvirtDriver, uuid: str) -> None:
    """A simulated guest writes no dump; one that is paused gets it, too."""
    for state in (PowerState.RUNNING, PowerState.PAUSED):
        guest_states.interrupt(driver, NODE, uuid)
        assert power(driver, uuid) is state
        guest_states.pause(driver, NODE, uuid)


def test_what_does_not_run_is_neither_unpaused_nor_suspended(
    driver: LibvirtDriver, uuid: str
) -> None:
    driver.power_off(NODE, uuid)
    for act in (
        guest_states.pause, guest_states.unpause, guest_states.suspend, guest_states.interrupt,
    ):  # fmt: skip
        with pytest.raises(HypervisorError):
            act(driver, NODE, uuid)
        with pytest.raises(NotFound):
            act(driver, NODE, "00000000-0000-0000-0000-000000000000")
