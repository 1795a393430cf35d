"""Measures tokens: how many identity issues and validates per second, and the CPU time of each.

Issuing is POST /v3/auth/tokens with a password, so that each pays the password's hash; validating
is GET /v3/auth/tokens, as every service asks for every request. By threads of this process with a
kept connection each (see `benchmarks.load`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from benchmarks import load, measuring, own_cloud
from benchmarks.client import BenchmarkError, log_in, login_body
from benchmarks.measuring import say
from devstack_lite import cloud_files
from devstack_lite.clients.http import HttpPeer
from devstack_lite.cloud import Cloud

SUMMARY = "Measure how many tokens are issued and validated per second, and what each costs."


def issuer(cloud: Cloud) -> Callable[[], None]:
    """Return what has one token issued. It raises BenchmarkError when identity refuses."""
    credentials = cloud_files.credentials(cloud)
    peer, body = HttpPeer(credentials["OS_AUTH_URL"]), login_body(credentials)

    def issue() -> None:
        _expect(201, peer.request("POST", "/auth/tokens", body=body, is_repeatable=False).status)

    return issue


def validator(cloud: Cloud) -> Callable[[], None]:
    """Return what has one token validated. It raises BenchmarkError when identity refuses."""
    credentials = cloud_files.credentials(cloud)
    peer, token = HttpPeer(credentials["OS_AUTH_URL"]), log_in(credentials).token
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}

    def validate() -> None:
        answer = peer.request("GET", "/auth/tokens", headers=headers, is_repeatable=False)
        _expect(200, answer.status)

    return validate


def _expect(wanted: int, status: int) -> None:
    if status != wanted:
        raise BenchmarkError(f"Identity answered {status}, not {wanted}.")


def measure(cloud: Cloud, connections: int, seconds: float, runs: int) -> dict[str, Any]:
    """Return rate, latency and CPU time of issuing and validating, in turns."""
    acts = {"issue": issuer(cloud), "validate": validator(cloud)}
    for act in acts.values():
        act()
    done: dict[str, list[Any]] = {name: [] for name in acts}
    for number in range(runs):
        for name, act in acts.items():
            say(f"run {number + 1} of {runs}: {name}")
            with measuring.clock(cloud) as took:
                one = load.drive(act, connections=connections, seconds=seconds)
            done[name].append((one, took))
    return {
        name: {
            "per_s": measuring.spread([one.per_s for one, _ in pairs]),
            "ms": measuring.medians([one.latency_ms for one, _ in pairs]),
            "cpu_ms": measuring.medians([took.cpu_ms_per(one.requests) for one, took in pairs]),
        }
        for name, pairs in done.items()
    }


def main() -> None:
    parser = own_cloud.parser_of("tokens", SUMMARY)
    parser.add_argument("--connections", type=int, default=4, help="[4]")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a run [3]")
    parser.add_argument("--runs", type=int, default=3, help="of each [3]")
    wanted = parser.parse_args()
    record: dict[str, Any] = {"machine": measuring.machine(), "connections": wanted.connections}
    try:
        with own_cloud.cloud_of(wanted) as cloud:
            figures = measure(cloud, wanted.connections, wanted.seconds, wanted.runs)
    except BenchmarkError as error:
        sys.exit(str(error))
    record["tokens"] = figures
    rows = [
        [name, one["per_s"]["median"], one["per_s"]["least"], one["per_s"]["most"],
         one["ms"]["median"], one["ms"]["p99"]]
        for name, one in figures.items()
    ]  # fmt: skip
    print(measuring.table(["", "per s", "least", "most", "p50 ms", "p99 ms"], rows))
    print(f"\n{measuring.cpu_table({name: one['cpu_ms'] for name, one in figures.items()})}")
    measuring.finish(record, wanted.json)


if __name__ == "__main__":
    main()
