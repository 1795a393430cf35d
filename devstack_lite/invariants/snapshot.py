"""What a cloud has at one moment, as plain facts: nothing here asks or decides anything."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from devstack_lite.objects.resources import Resources
from devstack_lite.states import HAS_GUEST, PowerState, TaskState, VmState


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFact:
    """An instance that is not deleted. ports: id and addresses, as the servers API shows them."""

    uuid: str
    project_id: str
    vm_state: VmState
    vcpus: int
    memory_mb: int
    takes: Resources
    """What its claim is of."""
    task_state: TaskState | None = None
    power_state: PowerState = PowerState.NOSTATE
    host: str | None = None
    node: str | None = None
    owner: str | None = None
    has_operation: bool = False
    since: datetime.datetime | None = None
    """When what is under way was asked for."""
    ports: tuple[tuple[str, tuple[str, ...]], ...] = ()
    wanted: tuple[int, int] | None = None
    """vcpus and MiB that it shall have once what is under way has ended."""

    @property
    def counted(self) -> dict[str, int]:
        """What the quota counts of it."""
        cores, ram = self.wanted or (self.vcpus, self.memory_mb)
        return {"cores": cores, "ram": ram}

    @property
    def is_built(self) -> bool:
        """It has a guest, and nothing is under way."""
        return self.task_state is None and self.vm_state in HAS_GUEST


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFact:
    """What an instance takes of a node."""

    instance_uuid: str
    host: str
    node: str
    vcpus: int
    memory_mb: int
    disk_gb: int
    resources: dict[str, int] = field(default_factory=dict)
    """By resource class what it takes besides."""
    is_building: bool = False
    pci_devices: int = 0
    numa_topology: str | None = None

    @property
    def size(self) -> Resources:
        """All that it takes."""
        return Resources(
            vcpus=self.vcpus, memory_mb=self.memory_mb, disk_gb=self.disk_gb, others=self.resources
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PciDeviceFact:
    """A PCI device that an instance has."""

    node: str
    address: str
    instance_uuid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFact:
    """A hypervisor node: by resource what may be given away, and what was."""

    node: str
    limits: dict[str, float]
    used: dict[str, int]
    """vcpus, memory_mb, disk_gb and custom classes as in limits; besides instances and io_ops."""
    numa_used: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainFact:
    """A domain in a hypervisor's store."""

    uuid: str
    host: str
    node: str
    power_state: PowerState = PowerState.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class PortFact:
    """A network port."""

    id: str
    device_id: str = ""
    device_owner: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressFact:
    """An allocated address."""

    network_id: str
    address: str
    port_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatingIpFact:
    """A floating IP: its own port and address, and those that it stands for."""

    id: str
    own_port_id: str
    own_address: str
    port_id: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeFact:
    """A volume."""

    id: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentFact:
    """A volume's attachment to an instance."""

    id: str
    volume_id: str
    instance_uuid: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFact:
    """An image; stored_size in bytes, None without a file."""

    id: str
    status: str
    size: int | None
    stored_size: int | None
    is_abandoned: bool = False
    """A snapshot of an instance that no operation brings data to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFact:
    """A request that was accepted for an instance."""

    instance_uuid: str
    action: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFact:
    """A volume or a port that goes to an instance or leaves it."""

    instance_uuid: str
    device_id: str
    kind: str
    owner: str | None
    since: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that the rules look at."""

    taken_at: datetime.datetime
    instances: tuple[InstanceFact, ...] = ()
    deleted: frozenset[str] = frozenset()
    """The uuids of the instances that were there."""
    claims: tuple[ClaimFact, ...] = ()
    pci_devices: tuple[PciDeviceFact, ...] = ()
    nodes: tuple[NodeFact, ...] = ()
    domains: tuple[DomainFact, ...] = ()
    hosts_read: frozenset[str] = frozenset()
    """Hosts whose hypervisor could be read."""
    hosts_up: frozenset[str] = frozenset()
    ports: tuple[PortFact, ...] = ()
    addresses: tuple[AddressFact, ...] = ()
    changes: tuple[ChangeFact, ...] = ()
    floating_ips: tuple[FloatingIpFact, ...] = ()
    volumes: tuple[VolumeFact, ...] = ()
    attachments: tuple[AttachmentFact, ...] = ()
    images: tuple[ImageFact, ...] = ()
    actions: tuple[ActionFact, ...] = ()
    quotas: dict[str, dict[str, int]] = field(default_factory=dict)
    """By project what is counted: instances, cores, ram."""
    unread: tuple[str, ...] = ()
    """What could not be read, a sentence each."""
