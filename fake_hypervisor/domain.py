"""virDomain: a handle on one domain, with libvirt-python's method names."""

# ruff: noqa: N801, N802, N803 - libvirt's names

from __future__ import annotations

import uuid as uuidlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from fake_hypervisor import constants as c
from fake_hypervisor import migration, statistics
from fake_hypervisor.definition import parse_element, with_id
from fake_hypervisor.devices import (
    add_device,
    find_disk,
    find_interface,
    parse_device,
    remove_device,
    replace_device,
)
from fake_hypervisor.disk_chains import commit, pull, snapshot_disks
from fake_hypervisor.errors import error, unsupported_flags
from fake_hypervisor.operations import NOT_RUNNING
from fake_hypervisor.snapshots import check_flags, virDomainSnapshot
from fake_hypervisor.store import DomainRow

if TYPE_CHECKING:
    from fake_hypervisor.connection import virConnect

_GIB = 2**30
_UNDEFINE_FLAGS = (
    c.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | c.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | c.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | c.VIR_DOMAIN_UNDEFINE_NVRAM
    | c.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM
    | c.VIR_DOMAIN_UNDEFINE_TPM
    | c.VIR_DOMAIN_UNDEFINE_KEEP_TPM
)
_CREATE_FLAGS = c.VIR_DOMAIN_START_PAUSED | c.VIR_DOMAIN_START_FORCE_BOOT


class virDomain:
    """A domain of a node. Every method raises libvirtError; one that raises has changed nothing."""

    __slots__ = ("_connection", "_name", "_uuid")

    def __init__(self, connection: virConnect, uuid: str, name: str) -> None:
        self._connection = connection
        self._uuid = uuid
        self._name = name

    # -- who it is

    def connect(self) -> virConnect:
        """Return the connection the handle came from."""
        return self._connection

    def name(self) -> str:
        """Return the name; works for a domain that is gone."""
        return self._name

    def UUIDString(self) -> str:
        """Return the uuid in lower case with hyphens; works for a domain that is gone."""
        return self._uuid

    def UUID(self) -> bytes:
        """Return the uuid's 16 bytes."""
        return uuidlib.UUID(self._uuid).bytes

    def ID(self) -> int:
        """Return the number of the running guest, -1 when nothing runs."""
        row = self._connection.open_hypervisor().find(self._connection.node, self._uuid)
        return -1 if row is None else row.domain_id

    # -- what it is

    def state(self, flags: int = 0) -> list[int]:
        """Return [VIR_DOMAIN_ state, reason]."""
        row = self._row()
        return [row.state, row.reason]

    def info(self) -> list[int]:
        """Return [state, maximum KiB, KiB, vCPUs, processor time in ns]."""
        row = self._row()
        memory_kib = row.memory_kib if row.is_active else 0
        busy_ns = statistics.cpu_time_ns(row.uuid, row.vcpus, self._uptime_s(row))
        return [row.state, row.memory_kib, memory_kib or row.memory_kib, row.vcpus, busy_ns]

    def isActive(self) -> int:
        """Return 1 while a guest runs, paused or not."""
        return int(self._row().is_active)

    def isPersistent(self) -> int:
        """Return 1 when the domain has a definition."""
        return int(self._row().is_persistent)

    def maxMemory(self) -> int:
        """Return the memory in KiB."""
        return self._row().memory_kib

    def vcpusFlags(self, flags: int = 0) -> int:
        """Return the number of vCPUs."""
        return self._row().vcpus

    def OSType(self) -> str:
        """Return hvm, the only kind there is."""
        self._row()
        return "hvm"

    def XMLDesc(self, flags: int = 0) -> str:
        """Return the document of the running guest, or of the definition."""
        row = self._row()
        if row.is_active and not flags & c.VIR_DOMAIN_XML_INACTIVE:
            return with_id(row.current_xml, row.domain_id)
        return row.definition or row.current_xml

    def autostart(self) -> int:
        """Return what setAutostart has set."""
        return self._row().autostart

    def setAutostart(self, autostart: int) -> int:
        """Remember whether the guest should start with the host; nothing starts here."""
        if not self._row().is_persistent:
            raise error(c.VIR_ERR_OPERATION_INVALID, "cannot set autostart for transient domain")
        self._connection.writable_hypervisor().change(
            self._connection.node,
            self._uuid,
            self._name,
            lambda row: replace(row, autostart=int(bool(autostart))),
        )
        return 0

    # -- what happens to it

    def create(self) -> int:
        """Start the guest, from its saved image where there is one."""
        return self.createWithFlags(0)

    def createWithFlags(self, flags: int = 0) -> int:
        """Start the guest: VIR_DOMAIN_START_PAUSED, VIR_DOMAIN_START_FORCE_BOOT."""
        if flags & ~_CREATE_FLAGS:
            raise unsupported_flags(flags & ~_CREATE_FLAGS, "virDomainCreateWithFlags")
        operation = "create"
        if flags & c.VIR_DOMAIN_START_PAUSED:
            operation = "create_paused"
        elif flags & c.VIR_DOMAIN_START_FORCE_BOOT:
            operation = "create_afresh"
        return self._perform(operation)

    def destroy(self) -> int:
        """Cut the guest off; a transient domain is gone afterwards."""
        return self._perform("destroy")

    def destroyFlags(self, flags: int = 0) -> int:
        """Cut the guest off; graceful makes no difference here."""
        return self._perform("destroy")

    def shutdown(self) -> int:
        """Ask the guest to shut down and return at once; it may take its time, or ignore it."""
        return self._perform("shutdown")

    def shutdownFlags(self, flags: int = 0) -> int:
        """Ask the guest to shut down, by whatever means."""
        return self._perform("shutdown")

    def reboot(self, flags: int = 0) -> int:
        """Ask the guest to restart itself and return at once."""
        return self._perform("reboot")

    def reset(self, flags: int = 0) -> int:
        """Press the reset button."""
        return self._perform("reset")

    def injectNMI(self, flags: int = 0) -> int:
        """Send the guest a non-maskable interrupt."""
        return self._perform("inject_nmi")

    def suspend(self) -> int:
        """Stop the guest's processors; already paused is a success."""
        return self._perform("suspend")

    def resume(self) -> int:
        """Let a paused guest go on."""
        return self._perform("resume")

    def setUserPassword(self, user: str, password: str, flags: int = 0) -> int:
        """Have the guest's agent set a password, which is not kept; refused when it is off."""
        self._running()
        return 0

    def managedSave(self, flags: int = 0) -> int:
        """Save the guest's memory and stop it; the next create goes on from there."""
        return self._perform("managed_save")

    def hasManagedSaveImage(self, flags: int = 0) -> int:
        """Return 1 when the guest's memory is saved."""
        return self._row().has_saved_image

    def managedSaveRemove(self, flags: int = 0) -> int:
        """Throw the saved memory away; none is fine."""
        self._connection.writable_hypervisor().change(
            self._connection.node,
            self._uuid,
            self._name,
            lambda row: replace(row, has_saved_image=0),
        )
        return 0

    def migrateToURI3(self, dconnuri: str, params: dict[str, object], flags: int = 0) -> int:
        """Have the guest run on the node at dconnuri; returns when it does.

        params: the documents that it has there, VIR_MIGRATE_PARAM_DEST_XML and _PERSIST_XML; others
        are ignored.
        """
        source = migration.Place(
            hypervisor=self._connection.writable_hypervisor(), node=self._connection.node
        )
        target = self._connection.place_at(dconnuri)
        documents = migration.Documents.of(params)
        migration.migrate(source, target, self._uuid, self._name, flags, documents)
        return 0

    def migrateStartPostCopy(self, flags: int = 0) -> int:
        """Have a migration under way end at once, what is left of the memory following."""
        return self._wish(migration.POSTCOPY)

    def abortJob(self) -> int:
        """Have a migration under way end, the guest going on where it is."""
        return self._wish(migration.ABORT)

    def _wish(self, wish: str) -> int:
        store = self._connection.writable_hypervisor().store
        if not store.wish_of_job(self._connection.node, self._uuid, wish):
            raise error(c.VIR_ERR_OPERATION_INVALID, "no job is active on the domain")
        return 0

    def jobStats(self, flags: int = 0) -> dict[str, int]:
        """Return the memory's total, processed and remaining bytes of a migration under way."""
        store = self._connection.open_hypervisor().store
        return migration.job_stats(store.find_job(self._connection.node, self._uuid))

    def undefine(self) -> int:
        """Remove the definition; refused while there is a saved image."""
        return self.undefineFlags(0)

    def undefineFlags(self, flags: int = 0) -> int:
        """Remove the definition, with VIR_DOMAIN_UNDEFINE_MANAGED_SAVE the saved image too."""
        if flags & ~_UNDEFINE_FLAGS:
            raise unsupported_flags(flags & ~_UNDEFINE_FLAGS, "virDomainUndefineFlags")
        self._connection.writable_hypervisor().undefine(
            self._connection.node,
            self._uuid,
            self._name,
            with_saved_image=bool(flags & c.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE),
        )
        return 0

    # -- its devices

    def attachDevice(self, xml: str) -> int:
        """Add a device to the running guest."""
        return self.attachDeviceFlags(xml, c.VIR_DOMAIN_AFFECT_LIVE)

    def attachDeviceFlags(self, xml: str, flags: int = 0) -> int:
        """Add a device: VIR_DOMAIN_AFFECT_LIVE, VIR_DOMAIN_AFFECT_CONFIG, both or neither."""
        device = parse_device(xml)
        return self._edit("device.attach", flags, lambda document: add_device(document, device))

    def detachDevice(self, xml: str) -> int:
        """Take a device from the running guest."""
        return self.detachDeviceFlags(xml, c.VIR_DOMAIN_AFFECT_LIVE)

    def detachDeviceFlags(self, xml: str, flags: int = 0) -> int:
        """Take a device away: a disk by its target, an interface by its MAC address."""
        device = parse_device(xml)
        return self._edit("device.detach", flags, lambda document: remove_device(document, device))

    def updateDeviceFlags(self, xml: str, flags: int = 0) -> int:
        """Have a device of a guest that is off be as xml says; of one that runs it is refused."""
        device = parse_device(xml)
        if self._row().is_active or flags & c.VIR_DOMAIN_AFFECT_LIVE:
            raise error(c.VIR_ERR_OPERATION_UNSUPPORTED, "the device of a running guest stays")
        return self._edit("device.attach", flags, lambda document: replace_device(document, device))

    # -- its disks' files

    def snapshotCreateXML(self, xmlDesc: str, flags: int = 0) -> virDomainSnapshot:
        """Have disks go on in files that are there, running or not; the only kind there is.

        flags: VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY, _NO_METADATA and _REUSE_EXT, all three.
        """
        check_flags(flags)
        self._edit_all("disk.snapshot", lambda document: snapshot_disks(document, xmlDesc))
        return virDomainSnapshot(self, xmlDesc)

    def blockRebase(self, disk: str, base: str | None, bandwidth: int = 0, flags: int = 0) -> int:
        """Have what is above base, or all, in the disk's own file; done when this returns."""
        if flags & ~c.VIR_DOMAIN_BLOCK_REBASE_RELATIVE:
            raise unsupported_flags(flags, "virDomainBlockRebase")
        self._running()
        return self._edit_all("disk.merge", lambda document: pull(document, disk, base))

    def blockCommit(
        self, disk: str, base: str, top: str, bandwidth: int = 0, flags: int = 0
    ) -> int:
        """Have what is in top in base, both below the disk's own; done when this returns."""
        if flags & ~c.VIR_DOMAIN_BLOCK_COMMIT_RELATIVE:
            raise unsupported_flags(flags, "virDomainBlockCommit")
        self._running()
        return self._edit_all("disk.merge", lambda document: commit(document, disk, base, top))

    # -- figures

    def blockInfo(self, path: str, flags: int = 0) -> list[int]:
        """Return [capacity, allocated, physical] in bytes of a disk's target or source."""
        row = self._row()
        disk = find_disk(row.current_xml, path)
        target = disk.find("target")
        device = "" if target is None else target.get("dev", "")
        capacity = self._root_gb(row) * _GIB if device in {"vda", "sda", "hda"} else _GIB
        allocated = statistics.allocated_bytes(row.uuid, device, capacity)
        return [capacity, allocated, allocated]

    def blockStats(self, path: str) -> tuple[int, int, int, int, int]:
        """Return read requests, bytes, write requests, bytes, and errors."""
        row = self._running()
        find_disk(row.current_xml, path)
        return statistics.block_stats(row.uuid, path, self._uptime_s(row))

    def blockJobInfo(self, path: str, flags: int = 0) -> dict[str, int]:
        """Return {}: no block job is ever under way."""
        find_disk(self._running().current_xml, path)
        return {}

    def interfaceStats(self, device: str) -> tuple[int, ...]:
        """Return bytes, packets, errors, drops: received, then sent."""
        row = self._running()
        find_interface(row.current_xml, device)
        return statistics.interface_stats(row.uuid, device, self._uptime_s(row))

    def memoryStats(self) -> dict[str, int]:
        """Return memory figures in KiB."""
        row = self._running()
        return statistics.memory_stats(row.uuid, row.memory_kib, self._uptime_s(row))

    def getCPUStats(self, total: bool, flags: int = 0) -> list[dict[str, int]]:
        """Return processor times in ns: one sum, or one entry per vCPU."""
        row = self._running()
        busy_ns = statistics.cpu_time_ns(row.uuid, row.vcpus, self._uptime_s(row))
        if total:
            return [
                {
                    "cpu_time": busy_ns,
                    "user_time": busy_ns * 3 // 4,
                    "system_time": busy_ns - busy_ns * 3 // 4,
                }
            ]
        return [{"cpu_time": busy_ns // row.vcpus} for _ in range(row.vcpus)]

    def _row(self) -> DomainRow:
        hypervisor = self._connection.open_hypervisor()
        return hypervisor.require(self._connection.node, self._uuid, self._name)

    def _running(self) -> DomainRow:
        row = self._row()
        if not row.is_active:
            raise error(c.VIR_ERR_OPERATION_INVALID, NOT_RUNNING)
        return row

    def _perform(self, operation: str) -> int:
        hypervisor = self._connection.writable_hypervisor()
        hypervisor.perform(self._connection.node, self._uuid, self._name, operation)
        return 0

    def _edit(self, stage: str, flags: int, edit: Callable[[str], str]) -> int:
        hypervisor = self._connection.writable_hypervisor()
        hypervisor.edit(stage, self._connection.node, self._uuid, self._name, flags, edit)
        return 0

    def _edit_all(self, stage: str, edit: Callable[[str], str]) -> int:
        """Edit the running guest and the definition, whichever there are."""
        row = self._row()
        live = c.VIR_DOMAIN_AFFECT_LIVE if row.is_active else 0
        return self._edit(
            stage, live | (c.VIR_DOMAIN_AFFECT_CONFIG if row.is_persistent else 0), edit
        )

    def _uptime_s(self, row: DomainRow) -> float:
        if not row.is_active:
            return 0.0
        return max(0.0, self._connection.open_hypervisor().clock() - row.started_at)

    def _root_gb(self, row: DomainRow) -> int:
        for element in parse_element(row.current_xml, "domain").iterfind("metadata//*"):
            text = element.text or ""
            if element.tag.rpartition("}")[2] == "disk" and text.isdecimal():
                return int(text)
        return 1
