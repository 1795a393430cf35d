"""What a cloud's processes hold in memory, daemon by daemon.

PSS divides what processes share among those that share it, so that the sum over all of them is what
the machine really gives. `python -m benchmarks.memory --name NAME` measures a cloud that is up, as
it is. With --after-boots servers are booted and deleted and what remains of them is measured
(`benchmarks.drift`), in a cloud of the benchmark's own where no name is given.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict, dataclass
from typing import Any

import psutil

from benchmarks import client, drift, measuring, own_cloud
from devstack_lite import cloud as clouds
from devstack_lite import cloud_files, reaper, roster
from devstack_lite.cloud import Cloud, CloudError

SUMMARY = "Measure what the processes of a cloud hold, also after many boots and deletes."
MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One daemon with its launcher and workers, the supervisor, or the broker. Sizes in MiB."""

    name: str
    processes: int
    pss_mib: float
    rss_mib: float
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
    rows = [_row(part) for part in parts]
    own = [part for part in parts if part.name != "broker"]
    together = _row(
        Part(
            name="without the broker",
            processes=sum(part.processes for part in own),
            pss_mib=total_mib(parts),
            rss_mib=sum(part.rss_mib for part in own),
            private_mib=sum(part.private_mib for part in own),
        )
    )
    head = f"{'':<20} {'processes':>9} {'PSS MiB':>9} {'RSS':>9} {'private':>9}"
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
        rss_mib=round(sum(info.rss for info in infos) / MIB, 1),
        private_mib=round(sum(info.uss for info in infos) / MIB, 1),
    )


def _row(part: Part) -> str:
    sizes = f"{part.pss_mib:>9.1f} {part.rss_mib:>9.1f} {part.private_mib:>9.1f}"
    return f"{part.name:<20} {part.processes:>9} {sizes}"


def sizes(cloud: Cloud) -> dict[str, float]:
    """Return what grows, in MiB: memory by daemon, database (SQLite only) and logs."""
    mib: dict[str, float] = {}
    for part in measure(cloud):
        mib[f"{part.name} PSS"] = part.pss_mib
        mib[f"{part.name} RSS"] = part.rss_mib
    database = drift.database_mib(cloud)
    if database is not None:
        mib["database"] = database
    mib["logs"] = drift.folder_mib(cloud.log_dir)
    return mib


def measure_drift(wanted: argparse.Namespace) -> dict[str, Any]:
    """Boot and delete in the cloud that is wanted, print what remains, and return it as JSON.

    Raises BenchmarkError when a boot fails.
    """
    with (
        own_cloud.cloud_of(wanted) as cloud,
        client.client_of(cloud_files.credentials(cloud), f"bench{os.getpid()}") as compute,
    ):
        samples = drift.measure(lambda: sizes(cloud), compute, wanted.after_boots)
        parts = measure(cloud)
    found = drift.slopes(samples)
    print(f"{table(parts)}\n\n{drift.table(found, wanted.per_hour)}")
    return as_json(parts) | drift.as_json(samples, found) | {"per_hour": wanted.per_hour}


def main() -> None:
    parser = own_cloud.parser_of("memory", SUMMARY)
    parser.add_argument(
        "--after-boots", type=int, default=0, metavar="N",
        help="boot and delete so many first, at least 200, and tell what they left",
    )  # fmt: skip
    parser.add_argument(
        "--per-hour", type=float, default=3600.0, help="boots of the 24 h to come [3600]"
    )
    wanted = parser.parse_args()
    if 0 < wanted.after_boots < 2 * drift.ROUND:
        parser.error(f"a line needs at least {2 * drift.ROUND} boots")
    record: dict[str, Any] = {"machine": measuring.machine()}
    try:
        if wanted.after_boots:
            record |= measure_drift(wanted)
        else:
            parts = measure(clouds.find(wanted.name or clouds.DEFAULT_NAME))
            record |= as_json(parts)
            print(table(parts))
    except (CloudError, client.BenchmarkError) as error:
        sys.exit(str(error))
    measuring.finish(record, wanted.json)


if __name__ == "__main__":
    main()
