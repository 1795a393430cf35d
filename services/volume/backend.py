"""What stands behind the volumes: one simulated backend, its zone and its quotas."""

from __future__ import annotations

from typing import Any

from devstack_lite.db import volume_quotas

AVAILABILITY_ZONE = "nova"
BACKEND = "lvmdriver-1"
"""The name that DevStack gives its own."""

QUOTA = volume_quotas.DEFAULTS


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
