"""Measures the boot: seconds from POST to ACTIVE, boots per second, and what each boot costs.

One client boots one server after the other, then 10 and 50 clients do, each with a connection of
its own; then one request asks for many. The client is `benchmarks.client`: it has one watcher for
all clients, which asks every 20 ms at most which servers are in BUILD. The CPU time of the cloud
holds what the watcher costs it.

The counts are of a part of their own, for counting costs time: a failpoint that does nothing but
leave word is armed at every RPC method and every HTTP request. Servers are booted one at a time
then, and nobody asks the API of them: their state is read from the database. Commits are those of
SQLite (the counter of transactions in the head of its WAL index). What the idle cloud does in as
many seconds is counted afterwards, and taken off.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import counting, measuring, own_cloud
from benchmarks.client import BenchmarkError, ComputeClient, Watcher, client_of, in_threads
from benchmarks.counting import Totals
from benchmarks.measuring import Took, say
from devstack_lite import cloud_files
from devstack_lite.cloud import Cloud

SUMMARY = "Measure boots: their seconds, how many a second, and what one costs each daemon."
CLIENTS = "1,10,50"
WARM_UP_CLIENTS = 10


@dataclass(slots=True, kw_only=True)
class Run:
    """One phase, once."""

    boots: int
    seconds: list[float]
    """From POST to ACTIVE, of each boot; of a batch, of the last of its servers."""
    took: Took
    polls: int
    totals: Totals

    @property
    def per_s(self) -> float:
        """Boots per second of wall time."""
        return self.boots / self.took.wall_s


def boot_with(client: ComputeClient, cloud: Cloud | None, clients: int, boots: int) -> Run:
    """Have so many clients boot so many servers in all, each waiting for its own; delete them.

    Raises BenchmarkError when one is not ACTIVE.
    """

    def boot(number: int) -> float:
        began = time.perf_counter()
        return watcher.wait_for(client.boot(f"c{clients}-{number}")) - began

    with (
        counting.totals(cloud) as totals,
        Watcher(client) as watcher,
        measuring.clock(cloud) as took,
    ):
        seconds = in_threads(clients, list(range(boots)), boot)
    client.check(boots)
    client.delete_all()
    return Run(boots=boots, seconds=seconds, took=took, polls=watcher.polls, totals=totals)


def boot_batch(client: ComputeClient, cloud: Cloud | None, count: int) -> Run:
    """Boot count servers with one request; delete them. Raises BenchmarkError as boot_with."""
    with counting.totals(cloud) as totals, measuring.clock(cloud) as took:
        began = time.perf_counter()
        client.boot("batch", count)
        polls = 0
        while client.building():
            polls += 1
            time.sleep(0.1)
        seconds = time.perf_counter() - began
    client.check(count)
    client.delete_all()
    return Run(boots=count, seconds=[seconds], took=took, polls=polls, totals=totals)


def measure(
    targets: Mapping[str, tuple[ComputeClient, Cloud | None]], wanted: argparse.Namespace
) -> dict[str, list[Run]]:
    """Warm up, then run each phase wanted.runs times; return the runs by phase.

    targets: by a prefix of the phases' names. They take turns, so that a change of the machine's
    load meets all of them.
    """
    for client, _ in targets.values():
        say("warming up")
        boot_with(client, None, WARM_UP_CLIENTS, wanted.warm_up)
    runs: dict[str, list[Run]] = {}
    for number in range(wanted.runs):
        for prefix, (client, cloud) in targets.items():
            for clients in wanted.clients:
                phase = f"{prefix}{clients} client{'s' if clients > 1 else ''}"
                say(f"run {number + 1} of {wanted.runs}: {phase}")
                runs.setdefault(phase, []).append(boot_with(client, cloud, clients, wanted.boots))
            if wanted.batch:
                phase = f"{prefix}min_count={wanted.batch}"
                say(f"run {number + 1} of {wanted.runs}: {phase}")
                runs.setdefault(phase, []).append(boot_batch(client, cloud, wanted.batch))
    return runs


def summary(runs: list[Run]) -> dict[str, Any]:
    """Return a phase's figures: its boots together, and medians over its runs."""
    return {
        "runs": len(runs),
        "boots": sum(run.boots for run in runs),
        "seconds": measuring.spread([one for run in runs for one in run.seconds]),
        "boots_per_s": measuring.spread([run.per_s for run in runs]),
        "cpu_ms_per_boot": measuring.medians([run.took.cpu_ms_per(run.boots) for run in runs]),
        "totals_per_boot": measuring.medians([run.totals.per(run.boots) for run in runs]),
        "polls_per_boot": sum(run.polls for run in runs) / sum(run.boots for run in runs),
    }


def print_phases(phases: dict[str, dict[str, Any]]) -> None:
    """Print seconds and rates, a line per phase, and CPU time by daemon."""
    head = ["", "boots", "p50 ms", "p95 ms", "p99 ms", "boots/s", "least", "most"]
    rows = []
    for name, one in phases.items():
        seconds, rate = one["seconds"], one["boots_per_s"]
        rows.append([
            name, one["boots"], *(seconds[key] * 1000 for key in ("median", "p95", "p99")),
            rate["median"], rate["least"], rate["most"],
        ])  # fmt: skip
    print(measuring.table(head, rows))
    cpu = {name: one["cpu_ms_per_boot"] for name, one in phases.items()}
    known = {name: one for name, one in cpu.items() if set(one) != {measuring.CLIENT}}
    if known:
        print(f"\n{measuring.cpu_table(known)}")
    counted = {name: one["totals_per_boot"] for name, one in phases.items()}
    names = list(dict.fromkeys(key for one in counted.values() for key in one))
    if names:
        lines = [[name, *(one.get(name) for one in counted.values())] for name in names]
        print(f"\n{measuring.table(['per boot', *counted], lines)}")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what says how much is booted."""
    parser.add_argument("--boots", type=int, default=100, help="in each phase of a run [100]")
    parser.add_argument(
        "--clients", type=_numbers, default=_numbers(CLIENTS), metavar="N,…",
        help=f"how many boot at a time, phase by phase [{CLIENTS}]",
    )  # fmt: skip
    parser.add_argument("--batch", type=int, default=200, help="in one request; 0: none [200]")
    parser.add_argument("--runs", type=int, default=3, help="of each phase [3]")
    parser.add_argument("--warm-up", type=int, default=20, help="boots before [20]")


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def main() -> None:
    parser = own_cloud.parser_of("boot", SUMMARY)
    add_options(parser)
    parser.add_argument("--counted", type=int, default=20, help="boots to count; 0: none [20]")
    wanted = parser.parse_args()
    record: dict[str, Any] = {"machine": measuring.machine()}
    try:
        with (
            own_cloud.cloud_of(wanted) as cloud,
            client_of(cloud_files.credentials(cloud), f"bench{os.getpid()}") as client,
        ):
            runs = measure({"": (client, cloud)}, wanted)
            record["phases"] = {name: summary(of_phase) for name, of_phase in runs.items()}
            print_phases(record["phases"])
            if wanted.counted:
                record["counts"] = counting.count_boots(cloud, client, wanted.counted)
                print(f"\n{counting.table(record['counts'])}")
    except BenchmarkError as error:
        sys.exit(str(error))
    measuring.finish(record, wanted.json)


if __name__ == "__main__":
    main()
