"""What a guest says of itself, and its password: through libvirt's API, nothing is kept."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from devstack_lite.exceptions import Conflict, InstanceInvalidState, Invalid
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import PowerState
from services.compute.driver import LibvirtDriver

ADMIN_USER = "root"

_INTERFACE = (
    "rx",
    "rx_packets",
    "rx_errors",
    "rx_drop",
    "tx",
    "tx_packets",
    "tx_errors",
    "tx_drop",
)
_DISK = ("read_req", "read", "write_req", "write", "errors")


def get_diagnostics(driver: LibvirtDriver, instance: Instance) -> Json:
    """Return a guest's figures as Nova's libvirt driver names them: times in ns, memory in KiB.

    Raises NotFound, InstanceInvalidState when it does not run.
    """
    node, uuid = str(instance.node), instance.uuid
    _require_running(driver, instance, "get_diagnostics")
    with driver.domain("read", node, uuid) as domain:
        figures: Json = {}
        for number, cpu in enumerate(domain.getCPUStats(False, 0)):
            figures[f"cpu{number}_time"] = cpu["cpu_time"]
        document = ET.fromstring(domain.XMLDesc(0))  # noqa: S314 - the hypervisor's own
        for device in _names(document, "disk"):
            figures |= _named(device, _DISK, domain.blockStats(device))
        figures["memory"] = domain.info()[1]
        for name, amount in domain.memoryStats().items():
            figures[f"memory-{name}"] = amount
        for device in _names(document, "interface"):
            figures |= _named(device, _INTERFACE, domain.interfaceStats(device))
        return figures


def get_console_port(driver: LibvirtDriver, instance: Instance, display: str) -> int:
    """Return the port of a running guest's display (vnc, spice) on its host.

    Raises NotFound, Conflict when it does not run, Invalid when it has no such display.
    """
    node, uuid = str(instance.node), instance.uuid
    with driver.domain("find the display of", node, uuid) as domain:
        document = ET.fromstring(domain.XMLDesc(0))  # noqa: S314 - the hypervisor's own
        if not domain.isActive():
            raise Conflict(f"Instance {uuid} is not ready", kind="instance")
    found = document.find(f"devices/graphics[@type='{display}']")
    if found is None:
        raise Invalid(f"Unavailable console type {display}.")
    return int(found.get("port", "-1"))


def set_admin_password(driver: LibvirtDriver, instance: Instance, password: str) -> None:
    """Have a running guest's agent set its administrator's password.

    Raises NotFound, InstanceInvalidState when it does not run.
    """
    _require_running(driver, instance, "changePassword")
    with driver.domain("set a password in", str(instance.node), instance.uuid) as domain:
        domain.setUserPassword(ADMIN_USER, password, 0)


def _require_running(driver: LibvirtDriver, instance: Instance, action: str) -> None:
    power_state = driver.get_info(str(instance.node), instance.uuid).power_state
    if power_state is not PowerState.RUNNING:
        raise InstanceInvalidState.of(
            instance.uuid, action=action, attribute="power state", state=str(int(power_state))
        )


def _names(document: ET.Element, tag: str) -> list[str]:
    return [one.get("dev", "") for one in document.iterfind(f"devices/{tag}/target")]


def _named(device: str, names: tuple[str, ...], amounts: Any) -> Json:
    return {f"{device}_{name}": amount for name, amount in zip(names, amounts, strict=False)}
