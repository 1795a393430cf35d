"""What the compute services tell each other: instances, nodes, claims, orders and results."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from enum import StrEnum

from devstack_lite.objects.pci import PciDevice, PciRequest
from devstack_lite.objects.registry import Json, message
from devstack_lite.objects.resources import Resources, is_volume_backed, resources_of
from devstack_lite.states import PowerState, TaskState, VmState


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """A size of server. memory in MiB, disks in GiB, swap in MiB."""

    id: str
    name: str
    vcpus: int
    memory_mb: int
    root_gb: int
    ephemeral_gb: int = 0
    swap_mb: int = 0
    rxtx_factor: float = 1.0
    is_public: bool = True
    is_disabled: bool = False
    description: str | None = None
    extra_specs: Json = field(default_factory=dict)
    created_at: datetime.datetime | None = None

    @property
    def disk_gb(self) -> int:
        """All its disks together."""
        return self.root_gb + self.ephemeral_gb + (self.swap_mb + 1023) // 1024


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Keypair:
    """A user's public key."""

    user_id: str
    name: str
    public_key: str
    fingerprint: str
    type: str = "ssh"
    created_at: datetime.datetime | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRequest:
    """One interface that a boot asks for: a network, or a port that is there."""

    network_id: str | None = None
    port_id: str | None = None
    fixed_ip: str | None = None
    tag: str | None = None
    security_groups: tuple[str, ...] = ()
    """Ids; none is the project's default group."""


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class BootRequest:
    """A validated POST /servers: what all instances of the request share."""

    name: str
    flavor: Flavor
    image_ref: str
    image_properties: Json = field(default_factory=dict)
    instance_uuids: tuple[str, ...] = ()
    """Made at the edge: one per instance, so that a call delivered twice creates once."""
    min_count: int = 0
    """Fewer, down to so many, will do when the quota has no room for all; 0 is all."""
    networks: tuple[NetworkRequest, ...] = ()
    availability_zone: str | None = None
    forced_host: str = ""
    """Where an administrator wants it, whatever the filters say; forced_node likewise."""
    forced_node: str = ""
    requested_host: str = ""
    """Where an administrator wants it, as far as the filters let it; requested_node likewise."""
    requested_node: str = ""
    key_name: str | None = None
    key_data: str | None = None
    metadata: Json = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    hostname: str = ""
    """What the guest calls itself; made of the name when it is empty."""
    user_data: str | None = None
    config_drive: bool = False
    injected_files: tuple[Json, ...] = ()
    """{"path", "contents"}, the contents in base 64."""
    auto_disk_config: bool = False
    description: str | None = None
    reservation_id: str = ""
    scheduler_hints: Json = field(default_factory=dict)
    access_ip_v4: str | None = None
    access_ip_v6: str | None = None
    volumes: tuple[Json, ...] = ()
    """Fields of objects.volume.BlockDevice; the one that is booted from is the first."""

    @property
    def is_volume_backed(self) -> bool:
        """Whether what it boots from is a volume."""
        return is_volume_backed(self.image_ref, self.volumes)

    @property
    def resources(self) -> Resources:
        """What each of its instances takes of a node."""
        return resources_of(self.flavor, is_volume_backed=self.is_volume_backed)


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """An instance as the database has it."""

    uuid: str
    name: str
    project_id: str
    user_id: str
    flavor: Flavor
    image_ref: str
    vm_state: VmState
    task_state: TaskState | None = None
    power_state: PowerState = PowerState.NOSTATE
    host: str | None = None
    node: str | None = None
    attempt: int = 0
    owner: str | None = None
    """The worker that has its operation in hand; None while the message that asks is on its way."""
    operation: Json | None = None
    """What is under way, complete enough to be asked for again: name, arguments, context."""
    progress_at: datetime.datetime | None = None
    """When the operation was last heard of; without progress it is handed out again."""
    availability_zone: str | None = None
    requested_zone: str | None = None
    hostname: str = ""
    launch_index: int = 0
    reservation_id: str = ""
    key_name: str | None = None
    description: str | None = None
    metadata: Json = field(default_factory=dict)
    user_data: str | None = None
    config_drive: bool = False
    auto_disk_config: bool | None = None
    """Whether the guest shall fit its partition to the disk: OS-DCF:diskConfig AUTO."""
    access_ip_v4: str | None = None
    access_ip_v6: str | None = None
    network_info: tuple[Json, ...] = ()
    boot_request: Json = field(default_factory=dict)
    request_id: str = ""
    is_locked: bool = False
    locked_by: str | None = None
    """`owner` or `admin`: who may unlock it."""
    locked_reason: str | None = None
    system_metadata: Json | None = None
    """What the services keep of it between two operations; no user sees it."""
    progress: int = 0
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None
    launched_at: datetime.datetime | None = None
    terminated_at: datetime.datetime | None = None
    deleted_at: datetime.datetime | None = None
    numa_topology: str | None = None
    """What it has of the NUMA cells of the node that it is built on; told to that host alone."""

    @property
    def operation_host(self) -> str | None:
        """Who does what is under way, once it is placed: its host, or the one it came from."""
        found: str | None = (self.operation or {}).get("arguments", {}).get("on_host", self.host)
        return found


IS_RECLAIM = "is_reclaim"
"""The argument of a delete that no user asked for: nobody's token is there to ask network and
volume with, so what the instance holds of them is taken from it with its row."""
LIVE_WISH = "wish"
"""The argument of a live migration by which a user has wished it to end: one of these."""
ABORT, FORCE_COMPLETE = "abort", "force_complete"


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why an instance is in ERROR."""

    instance_uuid: str
    code: int
    message: str
    details: str = ""
    created_at: datetime.datetime | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceAction:
    """Something a user asked of an instance, and what became of it."""

    id: int
    instance_uuid: str
    action: str
    request_id: str
    user_id: str
    project_id: str
    started_at: datetime.datetime
    finished_at: datetime.datetime | None = None
    message: str | None = None
    updated_at: datetime.datetime | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class ActionEvent:
    """One part of an action: which code ran, on which host, and how it ended."""

    event: str
    started_at: datetime.datetime
    finished_at: datetime.datetime | None = None
    result: str | None = None
    host: str | None = None
    details: str | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeNode:
    """A hypervisor node: what it has, and what the claims on it add up to."""

    id: str
    host: str
    hypervisor_hostname: str
    vcpus: int
    memory_mb: int
    disk_gb: int
    reserved_vcpus: int = 0
    reserved_memory_mb: int = 0
    reserved_disk_gb: int = 0
    cpu_allocation_ratio: float = 1.0
    ram_allocation_ratio: float = 1.0
    disk_allocation_ratio: float = 1.0
    vcpus_used: int = 0
    memory_mb_used: int = 0
    disk_gb_used: int = 0
    instances: int = 0
    io_ops: int = 0
    hypervisor_type: str = "QEMU"
    hypervisor_version: int = 0
    architecture: str = "x86_64"
    availability_zone: str = "nova"
    failed_builds: int = 0
    """In a row, until one is built here."""
    host_ip: str = "127.0.0.1"
    traits: tuple[str, ...] = ()
    metrics: Json = field(default_factory=dict)
    """Numbers by name, for the scheduler's metrics weigher."""
    pci_devices: tuple[PciDevice, ...] = ()
    """What its host reports of it; readers get pci_stats."""
    pci_stats: tuple[Json, ...] = ()
    """Its PCI devices that are free: objects.pci.PciPool as JSON."""
    inventories: Json = field(default_factory=dict)
    """By resource class what an operator says that it has: the fields of a placement inventory."""
    resources_used: Json = field(default_factory=dict)
    """By class what the claims on it take of that."""
    version: int = 0
    """Grows with each change of any node; a reader asks for what is newer than it has."""
    numa_topology: str | None = None
    """Its NUMA cells, as devstack_lite.numa.host writes them; None: it has none."""
    numa_used: str | None = None
    """What the claims take of them, as devstack_lite.numa.use writes it; None: nothing."""


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRecord:
    """A daemon on a host, and its last sign of life."""

    id: str
    binary: str
    host: str
    topic: str
    availability_zone: str = "internal"
    is_disabled: bool = False
    disabled_reason: str | None = None
    is_forced_down: bool = False
    created_at: datetime.datetime | None = None
    last_seen_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None

    def is_up(self, now: datetime.datetime, down_time_s: float) -> bool:
        """Whether it gave a sign of life within down_time_s seconds."""
        if self.is_forced_down or self.last_seen_at is None:
            return False
        return (now - self.last_seen_at).total_seconds() <= down_time_s


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """A group of hosts with metadata, which filters read; availability_zone makes it a zone."""

    id: int = 0
    uuid: str
    name: str
    metadata: Json = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None

    @property
    def availability_zone(self) -> str | None:
        """The zone that its hosts are in; None when it is not about zones."""
        return self.metadata.get("availability_zone")


class GroupPolicy(StrEnum):
    """How the members of a server group stand to each other."""

    AFFINITY = "affinity"
    ANTI_AFFINITY = "anti-affinity"
    SOFT_AFFINITY = "soft-affinity"
    SOFT_ANTI_AFFINITY = "soft-anti-affinity"


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class ServerGroup:
    """Servers that shall be on one host, or not on one host; members are those that exist."""

    id: str
    name: str
    project_id: str
    user_id: str
    policy: str
    """A GroupPolicy."""
    max_server_per_host: int = 1
    """Of anti-affinity."""
    members: tuple[str, ...] = ()
    created_at: datetime.datetime | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A node, and the host that it is of."""

    host: str
    node: str


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one instance takes of one node, and the attempt that takes it."""

    instance_uuid: str
    host: str
    node: str
    vcpus: int
    memory_mb: int
    disk_gb: int
    resources: Json = field(default_factory=dict)
    """By resource class what it takes besides."""
    attempt: int = 1
    alternates: tuple[Place, ...] = ()
    """To be tried in this order where the node is full by now."""
    pci_requests: tuple[PciRequest, ...] = ()
    numa_topology: str | None = None
    """What it wants of the node's NUMA cells, as devstack_lite.numa.guest writes it."""


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimAnswer:
    """What became of a claim, and where: on an alternate, perhaps."""

    outcome: str
    host: str
    node: str


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOrder:
    """One instance to build: which, where, and the attempt that fences it."""

    instance_uuid: str
    node: str
    attempt: int


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """How one build ended, with the steps that are not written yet."""

    instance_uuid: str
    attempt: int
    node: str = ""
    network_info: tuple[Json, ...] = ()
    power_state: int = 0
    error: str | None = None
    error_details: str = ""
    can_retry: bool = False
    steps: Json = field(default_factory=dict)


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """That a worker still has an operation in hand, and where a build is."""

    instance_uuid: str
    attempt: int
    owner: str
    task_state: TaskState | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRequest:
    """What the api asks of the scheduler: these instances, this flavor."""

    boot: BootRequest
    attempt: int = 1
    ignore_hosts: tuple[str, ...] = ()
    ignore_nodes: tuple[str, ...] = ()
    project_id: str = ""
    only_host: str | None = None
    """Where it must go, as far as the filters let it: the target of a move."""
    steps: Json = field(default_factory=dict)


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDomain:
    """A domain that a hypervisor has; power_state in Nova's numbers."""

    uuid: str
    node: str
    power_state: int


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class HostFindings:
    """What a host must put right, and what it has lost."""

    ownerless: tuple[FoundDomain, ...] = ()
    should_be_off: tuple[FoundDomain, ...] = ()
    missing: tuple[str, ...] = ()
    look_again_s: float | None = None
    """Something differs that may still be changing: compare again after so many seconds."""
