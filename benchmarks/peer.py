"""Boots on any OpenStack and on a cloud of this project in one run, in turns, with one client.

The peer is what the OS_* variables of the environment name (an openrc file of DevStack, say):
OS_AUTH_URL, OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME, and where the domains are not `default` and
the region is not the only one, those. The phases are those of `benchmarks.boot`. CPU time by daemon
is known of this project's cloud alone; of a peer on another machine only what a client sees. Its
quotas must have room for as many servers as a phase boots.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from typing import Any

from benchmarks import boot, measuring, own_cloud
from benchmarks.client import BenchmarkError, ComputeClient, Wanted, client_of
from devstack_lite import cloud_files
from devstack_lite.cloud import Cloud
from devstack_lite.exceptions import Unavailable

SUMMARY = (
    "Boot on the OpenStack that OS_* variables name, and on a cloud of this project, in turns."
)
PEER, OURS = "peer: ", "devstack-lite: "


def ratios(phases: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Return, by phase, how many times the peer's boots per second the other cloud has."""
    rates = {name: one["boots_per_s"]["median"] for name, one in phases.items()}
    return {
        name.removeprefix(OURS): rate / rates[PEER + name.removeprefix(OURS)]
        for name, rate in rates.items()
        if name.startswith(OURS)
    }


def main() -> None:
    parser = own_cloud.parser_of("peer", SUMMARY)
    boot.add_options(parser)
    parser.add_argument("--alone", action="store_true", help="measure the peer alone")
    group = parser.add_argument_group("what the peer boots: names, or how they begin")
    for kind in ("flavor", "image", "network"):
        group.add_argument(f"--{kind}", default=getattr(Wanted(), kind), help="[%(default)s]")
    wanted = parser.parse_args()
    record: dict[str, Any] = {"machine": measuring.machine(), "peer": os.environ.get("OS_AUTH_URL")}
    own_cloud.end_as_interrupted()
    run = f"bench{os.getpid()}"
    peers = Wanted(flavor=wanted.flavor, image=wanted.image, network=wanted.network)
    try:
        with ExitStack() as stack:
            targets: dict[str, tuple[ComputeClient, Cloud | None]] = {}
            targets[PEER] = (stack.enter_context(client_of(os.environ, run, peers)), None)
            if not wanted.alone:
                cloud = stack.enter_context(own_cloud.cloud_of(wanted))
                ours = stack.enter_context(client_of(cloud_files.credentials(cloud), run))
                targets[OURS] = (ours, cloud)
            runs = boot.measure(targets, wanted)
    except (BenchmarkError, Unavailable) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted")
    record["phases"] = {name: boot.summary(of_phase) for name, of_phase in runs.items()}
    boot.print_phases(record["phases"])
    record["ratios"] = ratios(record["phases"])
    if record["ratios"]:
        rows = list(record["ratios"].items())
        print(f"\n{measuring.table(['boots/s, times those of the peer', ''], rows)}")
    measuring.finish(record, wanted.json)


if __name__ == "__main__":
    main()
