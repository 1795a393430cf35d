"""What stands behind the volumes: one simulated backend, its type, its zone and its quotas."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from devstack_lite.exceptions import NotFound
from devstack_lite.objects.volume import VolumeQuota

AVAILABILITY_ZONE = "nova"


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeType:
    """A kind of volume."""

    id: str
    name: str
    description: str
    extra_specs: dict[str, str] = field(default_factory=dict)


DEFAULT_TYPE = VolumeType(
    id="5d8ae1f6-4a3b-4f0e-9c5e-6f6c7b1f2a10",
    name="lvmdriver-1",
    description="The simulated backend; the name is the one DevStack gives its own.",
    extra_specs={"volume_backend_name": "lvmdriver-1"},
)
TYPES = (DEFAULT_TYPE,)

QUOTA = VolumeQuota(volumes=1000, gigabytes=100_000)
"""Of each project. Generous: nothing is stored."""


def find_type(name_or_id: str) -> VolumeType:
    """Return the type of that name or id. Raises NotFound."""
    for known in TYPES:
        if name_or_id in {known.id, known.name}:
            return known
    raise NotFound(f"Volume type {name_or_id} could not be found.", kind="volume_type")


def connection_data(volume_id: str, *, mode: str) -> dict[str, Any]:
    """Return how a hypervisor reaches a volume: a device of the volume's name."""
    return {
        "device_path": f"/dev/disk/by-id/volume-{volume_id}",
        "volume_id": volume_id,
        "access_mode": mode,
        "encrypted": False,
        "discard": False,
        "qos_specs": None,
    }


DRIVER_VOLUME_TYPE = "local"
