"""What a guest is made of, and what the hypervisor says about guests and nodes: data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from devstack_lite.names import tap_of
from devstack_lite.numa.guest import GuestTopology
from devstack_lite.states import PowerState


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestInterface:
    """A port as the guest sees it."""

    port_id: str
    mac: str
    network_name: str = ""
    bridge: str = "br-int"
    ips: tuple[str, ...] = ()

    @property
    def tap(self) -> str:
        """The host's end."""
        return tap_of(self.port_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestVolume:
    """A volume as the guest sees it; an empty device takes the next free name."""

    volume_id: str
    source_path: str
    device: str = ""
    is_boot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestHostdev:
    """A PCI device of the node that the guest has to itself; 0000:3b:00.0."""

    address: str
    is_managed: bool = True
    """Whether libvirt takes it from the host's own driver, and gives it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestConfig:
    """Everything a guest is made of. memory_mb in MiB, root_gb in GiB.

    image_path is the root disk's file, None for a guest that boots from a volume or from nothing.
    """

    uuid: str
    name: str
    node: str
    vcpus: int
    memory_mb: int
    root_gb: int = 0
    image_id: str = ""
    image_path: str | None = None
    interfaces: tuple[GuestInterface, ...] = ()
    volumes: tuple[GuestVolume, ...] = ()
    hostdevs: tuple[GuestHostdev, ...] = ()
    display_name: str = ""
    flavor_name: str = ""
    host: str = ""
    project_id: str = ""
    user_id: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    config_drive: bytes | None = field(default=None, repr=False)
    """The CD that it has in its drive."""
    config_drive_path: str = ""
    cells: GuestTopology | None = None
    """What it has of the node's NUMA cells; None leaves that to the node."""

    @property
    def selectors(self) -> dict[str, str | Mapping[str, str]]:
        """What the stages around the hypervisor are chosen by, as fake_hypervisor names it."""
        return {
            "flavor": self.flavor_name,
            "image": self.image_id,
            "host": self.host,
            "node": self.node,
            "project": self.project_id,
            "user": self.user_id,
            "metadata": self.metadata,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeResources:
    """What a node offers and what its domains take; memory in MiB, disk in GiB."""

    hypervisor_hostname: str
    hypervisor_type: str
    hypervisor_version: int
    arch: str
    cpu_info: str
    """JSON, in the form of Nova's compute_nodes.cpu_info."""
    vcpus: int
    memory_mb: int
    disk_gb: int
    vcpus_used: int
    memory_mb_used: int
    disk_gb_used: int
    running_vms: int
    capabilities: str = ""
    """The hypervisor's <capabilities>."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestInfo:
    """A domain's figures; memory in KiB, cpu_time in ns since the guest started."""

    uuid: str
    name: str
    power_state: PowerState
    max_memory_kib: int
    memory_kib: int
    vcpus: int
    cpu_time_ns: int
