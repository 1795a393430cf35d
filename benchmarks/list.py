"""Measures the list of servers in full: GET /servers/detail with a limit, one after the other.

The servers are booted in batches first, which is not measured. One connection asks.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from benchmarks import measuring, own_cloud
from benchmarks.client import BenchmarkError, ComputeClient, client_of
from benchmarks.measuring import say
from devstack_lite import cloud_files
from devstack_lite.cloud import Cloud

SUMMARY = "Measure the list of many servers in full: its milliseconds, and its CPU time by daemon."
WARM_UP = 3


def measure(cloud: Cloud, client: ComputeClient, servers: int, times: int) -> dict[str, Any]:
    """Return the figures of so many lists of so many servers. Raises BenchmarkError."""
    path = f"/servers/detail?limit={servers}"
    taken_ms: list[float] = []
    for _ in range(WARM_UP):
        client.request("GET", path)
    with measuring.clock(cloud) as took:
        for _ in range(times):
            began = time.perf_counter()
            answer = client.request("GET", path)
            taken_ms.append((time.perf_counter() - began) * 1000)
    shown = len(answer.json()["servers"]) if answer.status == 200 else 0
    if shown != servers:
        raise BenchmarkError(f"{servers} were to be shown, and {answer.status} came with {shown}.")
    return {
        "servers": servers,
        "bytes": len(answer.data),
        "ms": measuring.spread(taken_ms),
        "cpu_ms_per_list": took.cpu_ms_per(times),
    }


def main() -> None:
    parser = own_cloud.parser_of("list", SUMMARY)
    parser.add_argument("--servers", type=int, default=1000, help="to be listed [1000]")
    parser.add_argument("--times", type=int, default=50, help="lists [50]")
    wanted = parser.parse_args()
    record: dict[str, Any] = {"machine": measuring.machine()}
    try:
        with (
            own_cloud.cloud_of(wanted) as cloud,
            client_of(cloud_files.credentials(cloud), f"bench{os.getpid()}") as client,
        ):
            say(f"booting {wanted.servers} servers")
            client.fill(wanted.servers)
            record |= measure(cloud, client, wanted.servers, wanted.times)
    except BenchmarkError as error:
        sys.exit(str(error))
    ms = record["ms"]
    print(
        measuring.table(
            ["servers", "lists", "median ms", "p95 ms", "least", "most", "bytes"],
            [[wanted.servers, wanted.times, ms["median"], ms["p95"], ms["least"], ms["most"],
              record["bytes"]]],
        )
    )  # fmt: skip
    print(f"\n{measuring.cpu_table({'list': record['cpu_ms_per_list']})}")
    measuring.finish(record, wanted.json)


if __name__ == "__main__":
    main()
