"""libvirt-python's API over simulated domains: `from fake_hypervisor import libvirt`.

    conn = libvirt.open("fake:///var/lib/cloud/host-1?node=node-0001&profile=realistic")
    conn.defineXML(xml).create()

The names, the numbers and the errors are libvirt's; where its drivers differ among themselves
this one does what the QEMU driver does. What is not here is not simulated.
"""

# ruff: noqa: N802, PLC0414 - libvirt's names, and those that are passed on

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from fake_hypervisor.connection import LIB_VERSION, Hosts
from fake_hypervisor.connection import virConnect as virConnect
from fake_hypervisor.connection import virStoragePool as virStoragePool
from fake_hypervisor.constants import *  # noqa: F403 - libvirt keeps its numbers at the top level
from fake_hypervisor.domain import virDomain as virDomain
from fake_hypervisor.errors import libvirtError as libvirtError
from fake_hypervisor.events import EventLoop
from fake_hypervisor.node_devices import virNodeDevice as virNodeDevice
from fake_hypervisor.snapshots import virDomainSnapshot as virDomainSnapshot

_HOSTS = Hosts()
_EVENTS = EventLoop()


def open(name: str | None = None) -> virConnect:  # noqa: A001 - libvirt's name
    """Connect to the node that the URI names; nothing of it need exist yet.

    Raises libvirtError: VIR_ERR_NO_CONNECT, VIR_ERR_INVALID_ARG, VIR_ERR_CONF_SYNTAX.
    """
    return virConnect(name or "", _HOSTS, _EVENTS, read_only=False)


def openReadOnly(name: str | None = None) -> virConnect:
    """Connect without the right to change anything (VIR_ERR_OPERATION_DENIED)."""
    return virConnect(name or "", _HOSTS, _EVENTS, read_only=True)


def openAuth(uri: str | None, auth: Any, flags: int = 0) -> virConnect:
    """Connect; there is nobody to ask for a password. flags: 1 is read-only."""
    return virConnect(uri or "", _HOSTS, _EVENTS, read_only=bool(flags & 1))


def getVersion(name: str | None = None) -> int:
    """Return the version of the libvirt that is imitated."""
    return LIB_VERSION


def registerErrorHandler(f: Callable[..., None] | None, ctx: Any) -> int:
    """Return 0: errors are only raised here, never printed."""
    return 0


def virEventRegisterDefaultImpl() -> int:
    """Return 0: the loop is always there."""
    return 0


def virEventRunDefaultImpl() -> int:
    """Deliver the events there are, or wait 50 ms for some; call it in a loop."""
    _EVENTS.run_once()
    return 0


def _reset_after_fork() -> None:
    _HOSTS.reset_after_fork()
    _EVENTS.reset_after_fork()


os.register_at_fork(after_in_child=_reset_after_fork)
