"""Measures GET /servers/{id} of one server: requests per second over kept connections.

By wrk where it is installed, else by threads of this process, which reach less: the table says
which (see `benchmarks.load`). The token is validated with every request, as the pipeline has it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import Any

from benchmarks import load, measuring, own_cloud
from benchmarks.client import BenchmarkError, ComputeClient, client_of
from benchmarks.load import Load
from benchmarks.measuring import Took, say
from devstack_lite import cloud_files
from devstack_lite.cloud import Cloud

SUMMARY = "Measure requests per second for one server, over kept connections."
WARM_UP_S = 1.0


def measure(
    cloud: Cloud, client: ComputeClient, server_id: str, connections: int, seconds: float
) -> tuple[Load, Took]:
    """Ask for one server for so many seconds. Raises BenchmarkError when an answer is not 200."""
    path = f"/servers/{server_id}"
    with measuring.clock(cloud) as took:
        if load.has_wrk():
            url, token = f"{client.login.endpoints['compute']}{path}", client.login.token
            done = load.drive_wrk(url, token, connections=connections, seconds=seconds)
        else:
            done = load.drive(
                lambda: client.ask("GET", path), connections=connections, seconds=seconds
            )
    return done, took


def main() -> None:
    parser = own_cloud.parser_of("show", SUMMARY)
    parser.add_argument("--connections", type=int, default=16, help="[16]")
    parser.add_argument("--seconds", type=float, default=5.0, help="of a run [5]")
    parser.add_argument("--runs", type=int, default=3, help="[3]")
    wanted = parser.parse_args()
    record: dict[str, Any] = {"machine": measuring.machine()}
    runs: list[tuple[Load, Took]] = []
    try:
        with (
            own_cloud.cloud_of(wanted) as cloud,
            client_of(cloud_files.credentials(cloud), f"bench{os.getpid()}") as client,
        ):
            client.fill(1)
            server_id = client.servers()[0]["id"]
            for number in range(wanted.runs + 1):
                say(f"run {number} of {wanted.runs}" if number else "warming up")
                seconds = wanted.seconds if number else WARM_UP_S
                one = measure(cloud, client, server_id, wanted.connections, seconds)
                runs += [one] if number else []
    except BenchmarkError as error:
        sys.exit(str(error))
    record |= {
        "runs": [asdict(done) for done, _ in runs],
        "requests_per_s": measuring.spread([done.per_s for done, _ in runs]),
        "cpu_ms_per_request": measuring.medians(
            [took.cpu_ms_per(done.requests) for done, took in runs]
        ),
    }
    rate, tool = record["requests_per_s"], runs[0][0].tool
    print(
        measuring.table(
            ["by", "connections", "requests/s", "least", "most", "p50 ms", "p99 ms"],
            [[tool, wanted.connections, rate["median"], rate["least"], rate["most"],
              *(measuring.medians([done.latency_ms for done, _ in runs])[key]
                for key in ("median", "p99"))]],
        )
    )  # fmt: skip
    print(f"\n{measuring.cpu_table({'request': record['cpu_ms_per_request']})}")
    measuring.finish(record, wanted.json)


if __name__ == "__main__":
    main()
