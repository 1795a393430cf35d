"""Believable figures of a simulated guest: functions of its uuid and its uptime alone.

Nothing is counted and nothing is stored, so a thousand guests cost nothing, every process sees the
same figures, and counters only grow while a guest runs.
"""

from __future__ import annotations

import zlib

_NS = 1_000_000_000
_PAGE_BYTES = 4096


def _share(uuid: str, salt: str, low: float, high: float) -> float:
    """Return a number in low..high that belongs to this guest for good."""
    return low + (high - low) * (zlib.crc32(f"{uuid}/{salt}".encode()) / 0xFFFFFFFF)


def cpu_time_ns(uuid: str, vcpus: int, uptime_s: float) -> int:
    """Return the processor time used: a burst of 5 s for booting, then 2 to 20 % of each vCPU."""
    booting_s = min(uptime_s, 5.0)
    idle_s = max(0.0, uptime_s - 5.0) * _share(uuid, "cpu", 0.02, 0.20)
    return int((booting_s + idle_s) * vcpus * _NS)


def memory_stats(uuid: str, memory_kib: int, uptime_s: float) -> dict[str, int]:
    """Return memory figures in KiB, by the names of virDomainMemoryStats."""
    used = int(memory_kib * _share(uuid, "memory", 0.15, 0.60))
    return {
        "actual": memory_kib,
        "swap_in": 0,
        "swap_out": 0,
        "major_fault": int(uptime_s * _share(uuid, "major", 0.01, 0.1)),
        "minor_fault": int(uptime_s * _share(uuid, "minor", 50, 500)),
        "unused": memory_kib - used,
        "available": memory_kib,
        "usable": memory_kib - used,
        "rss": used + 32 * 1024,
    }


def interface_stats(uuid: str, mac: str, uptime_s: float) -> tuple[int, ...]:
    """Return bytes, packets, errors and drops: received, then sent, as interfaceStats does."""
    received = int(uptime_s * _share(uuid, f"{mac}/rx", 200, 20_000))
    sent = int(uptime_s * _share(uuid, f"{mac}/tx", 100, 10_000))
    return (received, received // 800, 0, 0, sent, sent // 600, 0, 0)


def block_stats(uuid: str, target: str, uptime_s: float) -> tuple[int, int, int, int, int]:
    """Return read requests and bytes, write requests and bytes, errors, as blockStats does."""
    read = int(uptime_s * _share(uuid, f"{target}/rd", 1, 50)) + 2_000
    written = int(uptime_s * _share(uuid, f"{target}/wr", 1, 20))
    return (read, read * 4 * _PAGE_BYTES, written, written * 2 * _PAGE_BYTES, 0)


def allocated_bytes(uuid: str, target: str, capacity_bytes: int) -> int:
    """Return how much of a thin disk is really there: 5 to 40 %."""
    return int(capacity_bytes * _share(uuid, f"{target}/alloc", 0.05, 0.40))
