"""A guest's figures in the form that is the same for every driver: microversion 2.48."""

from __future__ import annotations

import re

from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json

_STATES = {0: "pending", 1: "running", 3: "paused", 4: "shutdown", 6: "crashed", 7: "suspended"}


def standard(instance: Instance, figures: Json, uptime_s: int) -> Json:
    """Return them; figures: by libvirt's names, times in ns, memory in KiB."""
    disks = _devices(figures, "read_req")
    interfaces = _devices(figures, "rx_packets")
    cpus = sorted(key for key in figures if re.fullmatch(r"cpu[0-9]+_time", key))
    maximum_mb = int(figures.get("memory", 0)) // 1024
    unused_mb = int(figures.get("memory-unused", 0)) // 1024
    ports = [port["mac"] for port in instance.network_info]
    return {
        "state": _STATES.get(int(instance.power_state), "pending"),
        "driver": "libvirt",
        "hypervisor": "qemu",
        "hypervisor_os": "linux",
        "uptime": uptime_s,
        "config_drive": instance.config_drive,
        "num_cpus": len(cpus),
        "num_nics": len(interfaces),
        "num_disks": len(disks),
        "cpu_details": [
            {"id": number, "time": figures[key], "utilisation": None}
            for number, key in enumerate(cpus)
        ],
        "nic_details": [
            {
                "mac_address": mac,
                **{
                    f"{way}_{what}": figures.get(f"{device}_{short}{part}", 0)
                    for way, short in (("rx", "rx"), ("tx", "tx"))
                    for what, part in (
                        ("octets", ""), ("packets", "_packets"), ("errors", "_errors"),
                        ("drop", "_drop"),
                    )
                },
                "rx_rate": None,
                "tx_rate": None,
            }
            for device, mac in zip(interfaces, ports, strict=False)
        ],
        "disk_details": [
            {
                "read_bytes": figures.get(f"{device}_read", 0),
                "read_requests": figures.get(f"{device}_read_req", 0),
                "write_bytes": figures.get(f"{device}_write", 0),
                "write_requests": figures.get(f"{device}_write_req", 0),
                "errors_count": figures.get(f"{device}_errors", 0),
            }
            for device in disks
        ],
        "memory_details": {"maximum": maximum_mb, "used": maximum_mb - unused_mb},
    }  # fmt: skip


def _devices(figures: Json, part: str) -> list[str]:
    return sorted(key.removesuffix(f"_{part}") for key in figures if key.endswith(f"_{part}"))
