"""What a cloud's processes hold in memory: PSS, daemon by daemon.

PSS divides what processes share among those that share it, so that the sum over all of them is what
the machine really gives. `python -m benchmarks.memory --name NAME` measures a cloud that is up.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass

import psutil

from devstack_lite import cloud as clouds
from devstack_lite import reaper, roster
from devstack_lite.cloud import Cloud, CloudError

SUMMARY = "Measure what the processes of a cloud that is up hold in memory."
MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One daemon with its launcher and workers, the supervisor, or the broker. Sizes in MiB."""

    name: str
    processes: int
    pss_mib: float
    private_mib: float
    """What would be free again if this process alone ended."""


def measure(cloud: Cloud) -> list[Part]:
    """Return the supervisor, each daemon, and last the broker where the cloud runs one itself.

    Raises CloudError when the cloud is not up.
    """
    found = roster.read(cloud.state_dir)
    if found is None or not found.is_alive():
        raise CloudError(f"{cloud.name} is not up.")
    parts = [_part("supervisor", [found.pid])]
    for name, entry in found.daemons.items():
        parts.append(_part(name, [one.pid for one in reaper.session_members(entry.ref)]))
    if found.broker:
        members = {one.pid for ref in found.broker for one in reaper.session_members(ref)}
        parts.append(_part("broker", sorted(members)))
    return parts


def total_mib(parts: list[Part]) -> float:
    """Return the sum without the broker."""
    return sum(part.pss_mib for part in parts if part.name != "broker")


def table(parts: list[Part]) -> str:
    """Return the parts as lines of text, the sum without the broker before it."""
    rows = [_row(part.name, part.processes, part.pss_mib, part.private_mib) for part in parts]
    own = [part for part in parts if part.name != "broker"]
    together = _row(
        "without the broker",
        sum(part.processes for part in own),
        total_mib(parts),
        sum(part.private_mib for part in own),
    )
    head = f"{'':<20} {'processes':>9} {'PSS MiB':>9} {'private':>9}"
    return "\n".join([head, *rows[: len(own)], together, *rows[len(own) :]])


def as_json(parts: list[Part]) -> dict[str, object]:
    """Return the parts and their sum as JSON types."""
    return {
        "parts": [asdict(part) for part in parts],
        "pss_mib_without_broker": round(total_mib(parts), 1),
    }


def _part(name: str, pids: list[int]) -> Part:
    infos = [psutil.Process(pid).memory_full_info() for pid in pids]
    return Part(
        name=name,
        processes=len(pids),
        pss_mib=round(sum(info.pss for info in infos) / MIB, 1),
        private_mib=round(sum(info.uss for info in infos) / MIB, 1),
    )


def _row(name: str, processes: int, pss_mib: float, private_mib: float) -> str:
    return f"{name:<20} {processes:>9} {pss_mib:>9.1f} {private_mib:>9.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.memory", description=SUMMARY)
    parser.add_argument("--name", default=clouds.DEFAULT_NAME, help="the cloud's name")
    try:
        print(table(measure(clouds.find(parser.parse_args().name))))
    except CloudError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
