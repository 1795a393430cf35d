"""Drives a hypervisor through libvirt's API, the real one or `fake_hypervisor.libvirt`.

Owns the connections, one per node, opened when first used. Called by the compute manager's work
functions. It must not know the database, RPC or which hypervisor answers. Every method may be
called twice, and by two workers at once: domains are keyed by the instance's uuid.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from devstack_lite.exceptions import DevstackError, NotFound
from devstack_lite.states import PowerState
from services.compute.config_drive import ConfigDrives
from services.compute.domain_xml import GuestPlatform, build_domain_xml, choose_platform
from services.compute.guest import GuestConfig, GuestInfo, NodeResources

# How often a guest that was asked to shut down is looked at.
POLL_S = 0.05

# Nova waits 120 s (its option libvirt.wait_soft_reboot_seconds); a simulated guest needs a few.
SOFT_TIMEOUT_S = 30.0

_GIB = 2**30


class HypervisorError(DevstackError):
    """The hypervisor refused or failed; `definite` is False when the node may have changed."""

    def __init__(self, message: str, *, code: int | None = None, definite: bool = True) -> None:
        super().__init__(message, kind="instance")
        self.code = code
        """A VIR_ERR_ number; None for a stage outside the hypervisor."""
        self.definite = definite


class ImageCache(Protocol):
    """The images that are on the host already."""

    def has(self, image_id: str) -> bool: ...  # noqa: D102
    def keep(self, image_id: str) -> None: ...  # noqa: D102


class StageOutcome(Protocol):
    """How a stage went."""

    @property
    def failed(self) -> bool: ...  # noqa: D102
    @property
    def message(self) -> str: ...  # noqa: D102


class Stages(Protocol):
    """Plays the work around the hypervisor, which a simulation only waits for."""

    def run(  # noqa: D102
        self, stage: str, selectors: Mapping[str, str | Mapping[str, str]]
    ) -> StageOutcome: ...


class LibvirtDriver:
    """The compute host's nodes, through one libvirt module."""

    def __init__(
        self,
        libvirt_module: Any,
        uri_for_node: Callable[[str], str],
        *,
        nodes: Sequence[str] = (),
        drives: ConfigDrives | None = None,
        image_cache: ImageCache | None = None,
        stages: Stages | None = None,
        uri_elsewhere: Callable[[str, str], str] | None = None,
        spawn_stages: Sequence[str] = ("image.fetch", "network.plug", "volume.attach"),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Drive nodes; spawn_stages are played by spawn (pass () to play them in the build)."""
        self._libvirt = libvirt_module
        self._uri_for_node = uri_for_node
        self._nodes = tuple(nodes)
        self.drives = drives
        self.image_cache = image_cache
        self._uri_elsewhere = uri_elsewhere
        self._stages = stages
        self._spawn_stages = tuple(spawn_stages)
        self._clock = clock
        self._sleep = sleep
        self._pid = os.getpid()
        self._connections: dict[str, Any] = {}
        self._platforms: dict[str, GuestPlatform] = {}
        self._inherited: list[dict[str, Any]] = []

    def get_available_nodes(self) -> tuple[str, ...]:
        """Return the names of the host's nodes."""
        return self._nodes

    def get_node_resources(self, node: str) -> NodeResources:
        """Return what node offers and what its running domains take."""
        with self._translated("read the resources of", node):
            connection = self._connect(node)
            arch, memory_mb, vcpus, mhz = connection.getInfo()[:4]
            guests = connection.listAllDomains(self._libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
            figures = [info for info in map(self._figures, guests) if info is not None]
            pools = [pool.info() for pool in connection.listAllStoragePools(0)]
            return NodeResources(
                hypervisor_hostname=node,
                hypervisor_type=connection.getType(),
                hypervisor_version=connection.getVersion(),
                arch=arch,
                cpu_info=json.dumps({"arch": arch, "mhz": mhz, "topology": {"cores": vcpus}}),
                vcpus=vcpus,
                memory_mb=memory_mb,
                disk_gb=sum(pool[1] for pool in pools) // _GIB,
                vcpus_used=sum(info[3] for info in figures),
                memory_mb_used=sum(info[1] for info in figures) // 1024,
                disk_gb_used=sum(pool[2] for pool in pools) // _GIB,
                running_vms=len(figures),
                capabilities=connection.getCapabilities(),
            )

    def list_pci_devices(self, node: str) -> list[str]:
        """Return the <device> document of each of the node's PCI functions."""
        with self._translated("list the devices of", node):
            flag = self._libvirt.VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV
            return [one.XMLDesc(0) for one in self._connect(node).listAllDevices(flag)]

    def play_stage(self, stage: str, selectors: Mapping[str, str | Mapping[str, str]]) -> None:
        """Play one stage around the hypervisor; HypervisorError when it fails."""
        if self._stages is not None:
            outcome = self._stages.run(stage, selectors)
            if outcome.failed:
                raise HypervisorError(f"{stage}: {outcome.message}")

    def spawn(self, guest: GuestConfig) -> GuestInfo:
        """Have the guest run on its node, and return its figures.

        Idempotent by uuid: a domain that runs is accepted as it is, one that is shut off is
        started. Raises HypervisorError; the node is then as before the call (`definite`), unless
        even the cleaning up failed.
        """
        with self._translated("spawn", guest.node, guest.uuid):
            connection = self._connect(guest.node)
            domain = self._find(connection, guest.uuid)
            if domain is None:
                self._play_spawn_stages(guest)
                domain = self._define_and_start(connection, guest)
            else:
                self._start(domain)
            return self._info(domain)

    def destroy(self, node: str, uuid: str) -> None:
        """Have no such domain on node, and no drive of it; one that is absent is a success."""
        with self._translated("destroy", node, uuid):
            connection = self._connect(node)
            # Once, unless another worker starts the guest in between and it goes on without a
            # definition: then the second round ends it.
            for _ in range(3):
                domain = self._find(connection, uuid)
                if domain is None:
                    self._remove_drive(node, uuid)
                    return
                self.remove(domain)
            if self._find(connection, uuid) is not None:
                raise HypervisorError(f"destroy {uuid}: somebody keeps starting it on {node}")

    def remove(self, domain: Any) -> None:
        """Have a virDomain off and without a definition."""
        self._stop(domain)
        self._undefine(domain)

    def power_on(self, node: str, uuid: str) -> None:
        """Have the guest run; one that runs already is a success."""
        with self._translated("power on", node, uuid):
            self._start(self._require(node, uuid))

    def power_off(self, node: str, uuid: str, timeout_s: float = 0.0) -> None:
        """Have the guest off, asking it for timeout_s seconds first; off already is a success."""
        with self._translated("power off", node, uuid):
            domain = self._require(node, uuid)
            if timeout_s > 0:
                self._shut_down(domain, timeout_s)
            self._stop(domain)

    def reboot(
        self, node: str, uuid: str, kind: str = "SOFT", timeout_s: float = SOFT_TIMEOUT_S
    ) -> None:
        """Restart the guest: SOFT asks it for timeout_s seconds first, HARD does not ask.

        A guest that is off is started.
        """
        if kind not in {"SOFT", "HARD"}:
            raise ValueError(f"reboot is SOFT or HARD, got {kind!r}")
        self.power_off(node, uuid, timeout_s if kind == "SOFT" else 0.0)
        self.power_on(node, uuid)

    @contextlib.contextmanager
    def guest(self, action: str, node: str, uuid: str) -> Iterator[tuple[Any, Any]]:
        """Give the libvirt module and the guest's virDomain; libvirt's errors leave it as ours.

        action: the verb of an error's text. Raises NotFound, HypervisorError.
        """
        with self._translated(action, node, uuid):
            yield self._libvirt, self._require(node, uuid)

    @contextlib.contextmanager
    def elsewhere(self, host: str, node: str, uuid: str) -> Iterator[tuple[Any, str, Any]]:
        """Give the libvirt module, another host's node's URI and the guest there, None if none."""
        if self._uri_elsewhere is None:
            raise HypervisorError("no guest goes from this hypervisor to another")
        uri = self._uri_elsewhere(host, node)
        with self._translated("look on", node, uuid):
            connection = self._libvirt.open(uri)
            try:
                yield self._libvirt, uri, self._find(connection, uuid)
            finally:
                connection.close()

    def get_info(self, node: str, uuid: str) -> GuestInfo:
        """Return the domain's figures; NotFound when it is not on node."""
        with self._translated("read", node, uuid):
            return self._info(self._require(node, uuid))

    @property
    def libvirt(self) -> Any:
        """The libvirt module, for its constants and its error."""
        return self._libvirt

    @contextlib.contextmanager
    def domain(self, action: str, node: str, uuid: str) -> Iterator[Any]:
        """Give the domain to a block that does action; its errors are HypervisorError, NotFound."""
        with self._translated(action, node, uuid):
            yield self._require(node, uuid)

    def list_domains(self, node: str) -> list[GuestInfo]:
        """Return the figures of every domain on node, running or not."""
        with self._translated("list the domains of", node):
            guests = self._connect(node).listAllDomains(0)
            figures = [(domain, self._figures(domain)) for domain in guests]
            return [self._to_info(domain, info) for domain, info in figures if info is not None]

    def close(self) -> None:
        """Close every connection; the next call opens what it needs."""
        connections, self._connections = self._connections, {}
        for connection in connections.values():
            with contextlib.suppress(self._libvirt.libvirtError):
                connection.close()

    # -- connections

    def _connect(self, node: str) -> Any:
        if self._pid != os.getpid():
            # A child must not speak on its parent's connections, and closing them would, too.
            self._inherited.append(self._connections)
            self._connections = {}
            self._pid = os.getpid()
        connection = self._connections.get(node)
        if connection is None or not self._is_alive(connection):
            connection = self._libvirt.open(self._uri_for_node(node))
            self._connections[node] = connection
        return connection

    def _is_alive(self, connection: Any) -> bool:
        try:
            return bool(connection.isAlive())
        except self._libvirt.libvirtError:
            return False

    def _platform(self, node: str, connection: Any) -> GuestPlatform:
        platform = self._platforms.get(node)
        if platform is None:
            platform = choose_platform(connection.getType(), connection.getCapabilities())
            self._platforms[node] = platform
        return platform

    # -- domains

    def _find(self, connection: Any, uuid: str) -> Any | None:
        try:
            return connection.lookupByUUIDString(uuid)
        except self._libvirt.libvirtError as exc:
            if exc.get_error_code() == self._libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise

    def _require(self, node: str, uuid: str) -> Any:
        domain = self._find(self._connect(node), uuid)
        if domain is None:
            raise NotFound(f"instance {uuid} has no domain on node {node}", kind="instance")
        return domain

    def _define_and_start(self, connection: Any, guest: GuestConfig) -> Any:
        xml = build_domain_xml(guest, self._platform(guest.node, connection))
        # From here on the node changes; whatever goes wrong is taken back.
        try:
            if guest.config_drive is not None and self.drives is not None:
                self.drives.put(guest.node, guest.uuid, guest.config_drive)
            domain = connection.defineXML(xml)
            self._start(domain)
        except BaseException as exc:
            is_clean = self._take_back(connection, guest)
            if isinstance(exc, self._libvirt.libvirtError):
                message = f"spawn {guest.uuid}: {exc}{'' if is_clean else '; its domain is left'}"
                code = exc.get_error_code()
                raise HypervisorError(message, code=code, definite=is_clean) from exc
            raise
        return domain

    def _take_back(self, connection: Any, guest: GuestConfig) -> bool:
        """Remove what spawn has defined, unless another worker has got it running."""
        try:
            domain = self._find(connection, guest.uuid)
            if domain is not None and not self._is_active(domain):
                self._undefine(domain)
            is_gone = domain is None or self._find(connection, guest.uuid) is None
        except self._libvirt.libvirtError:
            return False
        if is_gone:
            self._remove_drive(guest.node, guest.uuid)
        return is_gone

    def _remove_drive(self, node: str, uuid: str) -> None:
        if self.drives is not None:
            self.drives.remove(node, uuid)

    def _is_active(self, domain: Any) -> bool:
        try:
            return bool(domain.isActive())
        except self._libvirt.libvirtError as exc:
            if exc.get_error_code() == self._libvirt.VIR_ERR_NO_DOMAIN:
                return False
            raise

    def _start(self, domain: Any) -> None:
        """Have the guest run; another worker that was quicker is a success."""
        if domain.isActive():
            return
        try:
            domain.createWithFlags(0)
        except self._libvirt.libvirtError:
            if not self._is_active(domain):
                raise

    def _stop(self, domain: Any) -> None:
        """Have the guest off; one that went by itself is a success."""
        if not self._is_active(domain):
            return
        try:
            domain.destroy()
        except self._libvirt.libvirtError:
            if self._is_active(domain):
                raise

    def _undefine(self, domain: Any) -> None:
        """Have no definition; a domain that is gone or has none is a success."""
        flags = (
            self._libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
            | self._libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
        )
        try:
            domain.undefineFlags(flags)
        except self._libvirt.libvirtError as exc:
            if exc.get_error_code() == self._libvirt.VIR_ERR_NO_DOMAIN:
                return
            if self._figures(domain) is not None and domain.isPersistent():
                raise

    def _shut_down(self, domain: Any, timeout_s: float) -> None:
        """Ask the guest to go, and wait until it has gone or timeout_s is over."""
        deadline = self._clock() + timeout_s
        try:
            domain.shutdown()
        except self._libvirt.libvirtError:
            if self._is_active(domain):
                raise
        while self._is_active(domain) and self._clock() < deadline:
            self._sleep(POLL_S)

    def _play_spawn_stages(self, guest: GuestConfig) -> None:
        for stage in self._spawn_stages:
            parts: Sequence[object] = {
                "image.fetch": (guest.image_id,) if guest.image_id else (),
                "network.plug": guest.interfaces,
                "volume.attach": guest.volumes,
            }.get(stage, (None,))
            for _ in parts:
                self.play_stage(stage, guest.selectors)

    # -- figures

    def _figures(self, domain: Any) -> list[int] | None:
        """Return virDomain.info(), None for a domain that went away meanwhile."""
        try:
            info: list[int] = domain.info()
        except self._libvirt.libvirtError as exc:
            if exc.get_error_code() == self._libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise
        return info

    def _info(self, domain: Any) -> GuestInfo:
        return self._to_info(domain, domain.info())

    def _to_info(self, domain: Any, info: Sequence[int]) -> GuestInfo:
        state, max_memory_kib, memory_kib, vcpus, cpu_time_ns = info
        return GuestInfo(
            uuid=domain.UUIDString(),
            name=domain.name(),
            power_state=self._power_state(state),
            max_memory_kib=max_memory_kib,
            memory_kib=memory_kib,
            vcpus=vcpus,
            cpu_time_ns=cpu_time_ns,
        )

    def _power_state(self, state: int) -> PowerState:
        lib = self._libvirt
        return {
            lib.VIR_DOMAIN_RUNNING: PowerState.RUNNING,
            # Blocked means waiting for something while running, and Nova folds it so too.
            lib.VIR_DOMAIN_BLOCKED: PowerState.RUNNING,
            lib.VIR_DOMAIN_PAUSED: PowerState.PAUSED,
            lib.VIR_DOMAIN_SHUTDOWN: PowerState.SHUTDOWN,
            lib.VIR_DOMAIN_SHUTOFF: PowerState.SHUTDOWN,
            lib.VIR_DOMAIN_CRASHED: PowerState.CRASHED,
            lib.VIR_DOMAIN_PMSUSPENDED: PowerState.SUSPENDED,
        }.get(state, PowerState.NOSTATE)

    @contextlib.contextmanager
    def _translated(self, action: str, node: str, uuid: str = "") -> Iterator[None]:
        """Turn libvirt's errors into ours; a lost answer leaves open what has happened."""
        try:
            yield
        except self._libvirt.libvirtError as exc:
            code = exc.get_error_code()
            lost = {
                self._libvirt.VIR_ERR_RPC,
                self._libvirt.VIR_ERR_SYSTEM_ERROR,
                self._libvirt.VIR_ERR_OPERATION_TIMEOUT,
            }
            message = f"{action} {uuid or node}: {exc}"
            raise HypervisorError(message, code=code, definite=code not in lost) from exc
