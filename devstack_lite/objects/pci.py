"""PCI devices as the services tell each other of them: devices, pools of them, and requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from devstack_lite.objects.registry import Json, message


class PciDeviceType(StrEnum):
    """What a PCI function is. Nova's words."""

    STANDARD = "type-PCI"
    SRIOV_PF = "type-PF"
    SRIOV_VF = "type-VF"
    VDPA = "vdpa"


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class PciDevice:
    """A device of a node that guests may have."""

    address: str
    vendor_id: str
    product_id: str
    dev_type: str = PciDeviceType.STANDARD
    numa_node: int | None = None
    parent_addr: str | None = None
    """Of a virtual function: the physical function that it is of."""
    tags: Json = field(default_factory=dict)
    """What the operator's device_spec says of it besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PciPool:
    """How many devices of a node are alike, and free. Nova's PciDevicePool."""

    vendor_id: str
    product_id: str
    dev_type: str
    numa_node: int | None
    tags: tuple[tuple[str, str], ...]
    count: int

    @property
    def properties(self) -> dict[str, Any]:
        """All that a request may ask for, by name."""
        return {
            "vendor_id": self.vendor_id,
            "product_id": self.product_id,
            "dev_type": self.dev_type,
            "numa_node": self.numa_node,
            **dict(self.tags),
        }

    def to_json(self) -> Json:
        """Return it in the form in which Nova keeps it."""
        return {
            "vendor_id": self.vendor_id,
            "product_id": self.product_id,
            "dev_type": self.dev_type,
            "numa_node": self.numa_node,
            "tags": dict(self.tags),
            "count": self.count,
        }

    @classmethod
    def from_json(cls, kept: Json) -> PciPool:
        """Return what to_json gave."""
        return cls(**{**kept, "tags": tuple(kept["tags"].items())})


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class PciRequest:
    """So many devices, each of which fits one of spec. Nova's InstancePCIRequest."""

    alias_name: str
    count: int
    spec: tuple[Json, ...]
    numa_policy: str = "legacy"

    @property
    def is_live_migratable(self) -> bool:
        """Whether it asks for devices that a running guest can take along."""
        return all(spec.get("live_migratable") == "true" for spec in self.spec)
