"""Measures deletes: instances per second that clients delete, until the last one is gone.

Instances are booted in batches first, which is not measured. Each client deletes its share over a
connection of its own, one after the other, without waiting until they are gone. The seconds begin
with one list of the servers and end when such a list, asked for every 0.1 s, is empty.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from benchmarks import measuring, own_cloud
from benchmarks.client import BenchmarkError, client_of
from benchmarks.measuring import Took, say
from devstack_lite import cloud_files

SUMMARY = "Measure deletes per second, and what one costs each daemon."


def main() -> None:
    parser = own_cloud.parser_of("delete", SUMMARY)
    parser.add_argument("--servers", type=int, default=200, help="in each run [200]")
    parser.add_argument("--clients", type=int, default=10, help="that delete at a time [10]")
    parser.add_argument("--runs", type=int, default=3, help="[3]")
    wanted = parser.parse_args()
    record: dict[str, Any] = {"machine": measuring.machine()}
    took: list[Took] = []
    try:
        with (
            own_cloud.cloud_of(wanted) as cloud,
            client_of(cloud_files.credentials(cloud), f"bench{os.getpid()}") as client,
        ):
            for number in range(wanted.runs + 1):
                say(f"run {number} of {wanted.runs}" if number else "warming up")
                client.fill(wanted.servers if number else wanted.clients)
                with measuring.clock(cloud) as one:
                    client.delete_all(wanted.clients)
                took += [one] if number else []
    except BenchmarkError as error:
        sys.exit(str(error))
    rates = [wanted.servers / one.wall_s for one in took]
    record |= {
        "clients": wanted.clients,
        "servers": wanted.servers,
        "deletes_per_s": measuring.spread(rates),
        "cpu_ms_per_delete": measuring.medians([one.cpu_ms_per(wanted.servers) for one in took]),
    }
    rate = record["deletes_per_s"]
    print(
        measuring.table(
            ["", "runs", "deletes/s", "least", "most"],
            [[f"{wanted.clients} clients", wanted.runs, rate["median"], rate["least"],
              rate["most"]]],
        )
    )  # fmt: skip
    print(f"\n{measuring.cpu_table({'delete': record['cpu_ms_per_delete']})}")
    measuring.finish(record, wanted.json)


if __name__ == "__main__":
    main()
