"""virConnect: a connection to one simulated node, with libvirt-python's method names."""

# ruff: noqa: N801, N802, N803 - libvirt's names

from __future__ import annotations

import threading
import uuid as uuidlib
from pathlib import Path
from typing import Any

from fake_hypervisor import constants as c
from fake_hypervisor.capacity import Capacity, CapacityMap, capabilities_xml, load_capacities
from fake_hypervisor.domain import virDomain
from fake_hypervisor.errors import error, no_domain, unsupported_flags
from fake_hypervisor.events import Callback, EventLoop
from fake_hypervisor.hypervisor import Hypervisor
from fake_hypervisor.migration import Place
from fake_hypervisor.node_devices import devices_of, virNodeDevice
from fake_hypervisor.profile import ProfileError
from fake_hypervisor.stages import StageEngine
from fake_hypervisor.store import DomainRow, Store
from fake_hypervisor.uri import NodeAddress, parse_uri

LIB_VERSION = 9_000_000
"""The libvirt whose behaviour is imitated: 9.0.0."""

_GIB = 2**30
_POOL_RUNNING = 2  # VIR_STORAGE_POOL_RUNNING
POOL_NAME = "default"


class Host:
    """What the connections of a process to one store share: the file's handle and the profile."""

    __slots__ = ("capacities", "hypervisor")

    def __init__(self, address: NodeAddress, store: Store) -> None:
        try:
            stages = StageEngine.load(address.profile, address.seed)
        except ProfileError as exc:
            raise error(c.VIR_ERR_CONF_SYNTAX, str(exc)) from exc
        self.hypervisor = Hypervisor(store, stages)
        self.capacities: CapacityMap = load_capacities(address.store_dir)


class Hosts:
    """The hosts this process has opened; 2,500 nodes of a store are one entry and one file.

    Entries stay until the process ends: a handle is small, and the next open finds it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stores: dict[Path, Store] = {}
        self._hosts: dict[tuple[Path, str, int | None], Host] = {}

    def find(self, address: NodeAddress) -> Host:
        """Return the host of this store, profile and seed, opened when it is new."""
        key = (address.store_dir, address.profile, address.seed)
        host = self._hosts.get(key)
        if host is None:
            with self._lock:
                store = self._stores.setdefault(address.store_dir, Store(address.store_dir))
                host = self._hosts.setdefault(key, Host(address, store))
        return host

    def reset_after_fork(self) -> None:
        """Replace the lock: a thread of the parent may have held it."""
        self._lock = threading.Lock()


class virStoragePool:
    """The node's local disk, the only pool there is."""

    __slots__ = ("_disk_gb",)

    def __init__(self, disk_gb: int) -> None:
        self._disk_gb = disk_gb

    def name(self) -> str:
        """Return the pool's name."""
        return POOL_NAME

    def isActive(self) -> int:
        """Return 1: the disk is always there."""
        return 1

    def info(self) -> list[int]:
        """Return [state, capacity, allocated, available] in bytes; disks are thin."""
        return [_POOL_RUNNING, self._disk_gb * _GIB, 0, self._disk_gb * _GIB]


class virConnect:
    """A connection to one node of a store; threads and forked children may go on using it."""

    __slots__ = (
        "_capacity", "_events", "_host", "_hosts", "_is_open", "_read_only", "_uri", "node",
    )  # fmt: skip

    def __init__(self, uri: str, hosts: Hosts, events: EventLoop, *, read_only: bool) -> None:
        address = parse_uri(uri)
        self.node = address.node
        self._uri = uri
        self._hosts = hosts
        self._host = hosts.find(address)
        self._events = events
        self._capacity: Capacity = self._host.capacities.of(self.node)
        self._read_only = read_only
        self._is_open = True

    @property
    def hypervisor(self) -> Hypervisor:
        """The store's rules (not part of libvirt's API)."""
        return self._host.hypervisor

    def open_hypervisor(self) -> Hypervisor:
        """Return the store's rules; VIR_ERR_INVALID_CONN after close (not libvirt's API)."""
        if not self._is_open:
            raise error(c.VIR_ERR_INVALID_CONN, "invalid connection pointer", domain=c.VIR_FROM_DOM)
        return self._host.hypervisor

    def writable_hypervisor(self) -> Hypervisor:
        """Return the rules for a change; VIR_ERR_OPERATION_DENIED when opened read-only."""
        hypervisor = self.open_hypervisor()
        if self._read_only:
            raise error(c.VIR_ERR_OPERATION_DENIED, "operation forbidden for read only access")
        return hypervisor

    def place_at(self, uri: str) -> Place:
        """Return where a guest goes that migrates to uri (not libvirt's API)."""
        address = parse_uri(uri)
        return Place(hypervisor=self._hosts.find(address).hypervisor, node=address.node)

    # -- the node

    def close(self) -> int:
        """Close the connection; what it knew of events is forgotten. Returns 0."""
        self.open_hypervisor()
        self._events.remove_connection(self)
        self._is_open = False
        return 0

    def isAlive(self) -> int:
        """Return 1: the store is local."""
        self.open_hypervisor()
        return 1

    def getURI(self) -> str:
        """Return the URI the connection was opened with."""
        return self._uri

    def getHostname(self) -> str:
        """Return the node's name."""
        self.open_hypervisor()
        return self.node

    def getType(self) -> str:
        """Return the hypervisor's type, QEMU unless the store's hosts.yaml says otherwise."""
        return self._capacity.hypervisor_type

    def getVersion(self) -> int:
        """Return the hypervisor's version: major * 1,000,000 + minor * 1,000 + release."""
        return self._capacity.hypervisor_version

    def getLibVersion(self) -> int:
        """Return the version of the libvirt that is imitated, in the same form."""
        return LIB_VERSION

    def getInfo(self) -> list[str | int]:
        """Return [arch, MiB, CPUs, MHz, NUMA nodes, sockets, cores, threads]."""
        self.open_hypervisor()
        size = self._capacity
        return [
            size.arch, size.memory_mb, size.vcpus, size.cpu_mhz, size.numa_cells, 1, size.cores,
            size.threads,
        ]  # fmt: skip

    def getMaxVcpus(self, kind: str | None = None) -> int:
        """Return how many vCPUs a guest may have."""
        return self._capacity.vcpus

    def getCPUMap(self, flags: int = 0) -> tuple[int, list[bool], int]:
        """Return the number of CPUs, which are online, and how many are."""
        return self._capacity.vcpus, [True] * self._capacity.vcpus, self._capacity.vcpus

    def getMemoryStats(self, cellNum: int = -1, flags: int = 0) -> dict[str, int]:
        """Return the node's memory in KiB: what running guests were given is not free."""
        total = self._capacity.memory_mb * 1024
        rows = self.open_hypervisor().list_domains(self.node)
        used = sum(row.memory_kib for row in rows if row.is_active)
        return {"total": total, "free": max(0, total - used), "buffers": 0, "cached": 0}

    def getCapabilities(self) -> str:
        """Return the <capabilities> document."""
        self.open_hypervisor()
        return capabilities_xml(self._capacity)

    def listAllStoragePools(self, flags: int = 0) -> list[virStoragePool]:
        """Return the node's one pool."""
        self.open_hypervisor()
        return [virStoragePool(self._capacity.disk_gb)]

    def storagePoolLookupByName(self, name: str) -> virStoragePool:
        """Return the pool; VIR_ERR_NO_STORAGE_POOL for another name."""
        self.open_hypervisor()
        if name != POOL_NAME:
            text = f"no storage pool with matching name '{name}'"
            raise error(c.VIR_ERR_NO_STORAGE_POOL, text, domain=c.VIR_FROM_STORAGE)
        return virStoragePool(self._capacity.disk_gb)

    # -- its devices

    def listAllDevices(self, flags: int = 0) -> list[virNodeDevice]:
        """Return the node's PCI functions, the only devices there are; flags may ask for others."""
        self.open_hypervisor()
        if flags and not flags & c.VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV:
            return []
        return list(devices_of(self._capacity.pci_devices, self.node))

    def listDevices(self, cap: str | None, flags: int = 0) -> list[str]:
        """Return the names of the devices of a capability, `pci`, or of all."""
        return [one.name() for one in self.listAllDevices() if cap in {None, "pci"}]

    def nodeDeviceLookupByName(self, name: str) -> virNodeDevice:
        """Return the device of this name; VIR_ERR_NO_NODE_DEVICE."""
        for device in self.listAllDevices():
            if device.name() == name:
                return device
        text = f"no node device with matching name '{name}'"
        raise error(c.VIR_ERR_NO_NODE_DEVICE, text, domain=c.VIR_FROM_NODEDEV)

    # -- its domains

    def defineXML(self, xml: str) -> virDomain:
        """Store a persistent domain; the same uuid and name again redefines it."""
        return self._handle(self.writable_hypervisor().define(self.node, xml))

    def defineXMLFlags(self, xml: str, flags: int = 0) -> virDomain:
        """Store a persistent domain; validation makes no difference here."""
        return self.defineXML(xml)

    def createXML(self, xml: str, flags: int = 0) -> virDomain:
        """Start a transient domain, paused with VIR_DOMAIN_START_PAUSED."""
        if flags & ~c.VIR_DOMAIN_START_PAUSED:
            raise unsupported_flags(flags & ~c.VIR_DOMAIN_START_PAUSED, "virDomainCreateXML")
        paused = bool(flags & c.VIR_DOMAIN_START_PAUSED)
        hypervisor = self.writable_hypervisor()
        return self._handle(hypervisor.create_transient(self.node, xml, paused=paused))

    def lookupByUUIDString(self, uuid: str) -> virDomain:
        """Return the domain; VIR_ERR_NO_DOMAIN, or VIR_ERR_INVALID_ARG for what is no uuid."""
        try:
            canonical = str(uuidlib.UUID(uuid))
        except ValueError as exc:
            raise error(c.VIR_ERR_INVALID_ARG, f"invalid UUID {uuid}") from exc
        return self._handle(self.open_hypervisor().require(self.node, canonical))

    def lookupByName(self, name: str) -> virDomain:
        """Return the domain of this name; VIR_ERR_NO_DOMAIN."""
        row = self.open_hypervisor().find_by_name(self.node, name)
        if row is None:
            raise no_domain("", name)
        return self._handle(row)

    def lookupByID(self, domain_id: int) -> virDomain:
        """Return the domain whose guest has this number; VIR_ERR_NO_DOMAIN."""
        for row in self.open_hypervisor().list_domains(self.node):
            if row.domain_id == domain_id and row.is_active:
                return self._handle(row)
        raise error(c.VIR_ERR_NO_DOMAIN, f"no domain with matching id {domain_id}")

    def listAllDomains(self, flags: int = 0) -> list[virDomain]:
        """Return the domains that pass flags (VIR_CONNECT_LIST_DOMAINS_), 0 for all."""
        rows = self.open_hypervisor().list_domains(self.node)
        return [self._handle(row) for row in rows if passes_filter(row, flags)]

    def listDefinedDomains(self) -> list[str]:
        """Return the names of the domains that do not run."""
        rows = self.open_hypervisor().list_domains(self.node)
        return [row.name for row in rows if not row.is_active]

    def listDomainsID(self) -> list[int]:
        """Return the numbers of the running guests."""
        rows = self.open_hypervisor().list_domains(self.node)
        return [row.domain_id for row in rows if row.is_active]

    def numOfDomains(self) -> int:
        """Return how many domains run."""
        return self.open_hypervisor().count_domains(self.node)[0]

    def numOfDefinedDomains(self) -> int:
        """Return how many domains do not run."""
        return self.open_hypervisor().count_domains(self.node)[1]

    # -- events

    def domainEventRegisterAny(
        self,
        dom: virDomain | None,
        eventID: int,
        cb: Callback,
        opaque: Any,
    ) -> int:
        """Register for VIR_DOMAIN_EVENT_ID_LIFECYCLE from now on; returns the registration's id.

        `cb(connection, domain, event, detail, opaque)` runs in virEventRunDefaultImpl's thread.
        """
        self.open_hypervisor()
        if eventID != c.VIR_DOMAIN_EVENT_ID_LIFECYCLE:
            raise error(c.VIR_ERR_NO_SUPPORT, f"event {eventID}")
        return self._events.add(self, None if dom is None else dom.UUIDString(), cb, opaque)

    def domainEventDeregisterAny(self, callbackID: int) -> int:
        """Take a registration back; VIR_ERR_INVALID_ARG when there is none of this id."""
        if not self._events.remove(callbackID):
            text = f"could not find event callback {callbackID} for deletion"
            raise error(c.VIR_ERR_INVALID_ARG, text)
        return 0

    def setKeepAlive(self, interval: int, count: int) -> int:
        """Return 0: nothing needs to be kept alive."""
        return 0

    def _handle(self, row: DomainRow) -> virDomain:
        return virDomain(self, row.uuid, row.name)


_GROUPS: tuple[tuple[tuple[int, Any], ...], ...] = (
    (
        (c.VIR_CONNECT_LIST_DOMAINS_ACTIVE, lambda row: row.is_active),
        (c.VIR_CONNECT_LIST_DOMAINS_INACTIVE, lambda row: not row.is_active),
    ),
    (
        (c.VIR_CONNECT_LIST_DOMAINS_PERSISTENT, lambda row: row.is_persistent),
        (c.VIR_CONNECT_LIST_DOMAINS_TRANSIENT, lambda row: not row.is_persistent),
    ),
    (
        (c.VIR_CONNECT_LIST_DOMAINS_RUNNING, lambda row: row.state == c.VIR_DOMAIN_RUNNING),
        (c.VIR_CONNECT_LIST_DOMAINS_PAUSED, lambda row: row.state == c.VIR_DOMAIN_PAUSED),
        (c.VIR_CONNECT_LIST_DOMAINS_SHUTOFF, lambda row: row.state == c.VIR_DOMAIN_SHUTOFF),
        (
            c.VIR_CONNECT_LIST_DOMAINS_OTHER,
            lambda row: (
                row.state not in {c.VIR_DOMAIN_RUNNING, c.VIR_DOMAIN_PAUSED, c.VIR_DOMAIN_SHUTOFF}
            ),
        ),
    ),
    (
        (c.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE, lambda row: row.has_saved_image),
        (c.VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE, lambda row: not row.has_saved_image),
    ),
    (
        (c.VIR_CONNECT_LIST_DOMAINS_AUTOSTART, lambda row: row.autostart),
        (c.VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART, lambda row: not row.autostart),
    ),
    (
        (c.VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT, lambda _row: False),
        (c.VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT, lambda _row: True),
    ),
)


def passes_filter(row: DomainRow, flags: int) -> bool:
    """Return whether row passes: within a group any flag will do, and every group must hold."""
    for group in _GROUPS:
        wanted = [test for flag, test in group if flags & flag]
        if wanted and not any(test(row) for test in wanted):
            return False
    return True
