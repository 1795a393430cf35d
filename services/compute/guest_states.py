"""Having a guest paused, suspended or going on: what the driver is asked beyond its power.

Each asks for a state and may be repeated: a guest that is in it already is a success. All raise
NotFound when the domain is not there, and HypervisorError.
"""

from __future__ import annotations

from typing import Any

from services.compute.driver import HypervisorError, LibvirtDriver


def pause(driver: LibvirtDriver, node: str, uuid: str) -> None:
    """Have the guest's processors stand still, its memory where it is."""
    with driver.guest("pause", node, uuid) as (libvirt, domain):
        if _state(domain) != libvirt.VIR_DOMAIN_PAUSED:
            domain.suspend()


def unpause(driver: LibvirtDriver, node: str, uuid: str) -> None:
    """Have a paused guest go on."""
    with driver.guest("unpause", node, uuid) as (libvirt, domain):
        if _state(domain) == libvirt.VIR_DOMAIN_PAUSED:
            domain.resume()
        elif not domain.isActive():
            raise HypervisorError(f"unpause {uuid}: it does not run")


def suspend(driver: LibvirtDriver, node: str, uuid: str) -> None:
    """Have the guest off, its memory saved for the next start."""
    with driver.guest("suspend", node, uuid) as (_libvirt, domain):
        if domain.isActive():
            domain.managedSave(0)
        elif not domain.hasManagedSaveImage(0):
            raise HypervisorError(f"suspend {uuid}: it does not run, and has no memory to save")


def resume(driver: LibvirtDriver, node: str, uuid: str) -> None:
    """Have a suspended guest run from its saved memory, or afresh where there is none."""
    with driver.guest("resume", node, uuid) as (_libvirt, domain):
        if not domain.isActive():
            domain.createWithFlags(0)


def forget_memory(driver: LibvirtDriver, node: str, uuid: str) -> None:
    """Have the next start be a boot, whatever memory was saved."""
    with driver.guest("forget the memory of", node, uuid) as (_libvirt, domain):
        if domain.hasManagedSaveImage(0):
            domain.managedSaveRemove(0)


def interrupt(driver: LibvirtDriver, node: str, uuid: str) -> None:
    """Send the guest a non-maskable interrupt, for which it may write a crash dump."""
    with driver.guest("interrupt", node, uuid) as (_libvirt, domain):
        domain.injectNMI(0)


def _state(domain: Any) -> int:
    return int(domain.info()[0])
