"""`devstack-lite simulate`: replay a trace of VMs through the scheduler, without a cloud."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import click

from devstack_lite.cli import terminal

MODULE = "services.scheduler.simulate"

_file = click.Path(exists=True, dir_okay=False)
_new_file = click.Path(dir_okay=False, writable=True)


@click.command()
@click.argument("trace", required=False, type=_file)
@click.option(
    "--nodes",
    default=100,
    show_default=True,
    type=click.IntRange(1, 1_000_000),
    help="Nodes of the cloud; [compute] says how large each is.",
)
@click.option(
    "--config",
    multiple=True,
    type=_file,
    help="A configuration with [filter_scheduler] and [compute]; several are compared.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="OPTION=VALUE",
    help="Set in every configuration; of [filter_scheduler], or group.option.",
)
@click.option(
    "--versus",
    multiple=True,
    metavar="OPTION=VALUE",
    help="Compare with the first configuration and all of these.",
)
@click.option(
    "--build-time",
    "build_s",
    default=0.0,
    metavar="SECONDS",
    show_default=True,
    type=click.FloatRange(min=0.0),
    help="How long a build counts for IoOpsWeigher and IoOpsFilter.",
)
@click.option("--svg", type=_new_file, help="Draw the utilisation over time.")
@click.option("--csv", type=_new_file, help="Write the utilisation over time.")
@click.option("--placements", type=_new_file, help="Write what became of each VM, as CSV.")
@click.option(
    "--generate",
    type=click.IntRange(1, 10_000_000),
    metavar="N",
    help="Make a trace of N VMs like Azure's, and end.",
)
@click.option("--seed", default=1, show_default=True, help="Of --generate.")
@click.option(
    "--days",
    default=30.0,
    show_default=True,
    type=click.FloatRange(min=0.01),
    help="Within which they arrive, of --generate.",
)
@click.option("-o", "--output", type=_new_file, help="Of --generate.  [default: trace.csv]")
@terminal.json_option
def simulate(trace: str | None, generate: int | None, **order: Any) -> None:
    """Replay a trace of VMs through the scheduler's filters and weighers, in event time.

    TRACE is a CSV file with a header: arrival and lifetime in seconds (empty: it stays), cores,
    memory_gib or memory_mib, or the columns of the Azure VM traces. No cloud is needed. The same
    trace gives the same placements, unless options have the scheduler choose at random
    (host_subset_size, shuffle_best_same_weighed_hosts).
    """
    if (trace is None) == (generate is None):
        raise click.UsageError("Give a TRACE, or --generate N.")
    said = json.dumps({"trace": trace, "generate": generate, **order})
    sys.exit(subprocess.run([sys.executable, "-P", "-m", MODULE, said], check=False).returncode)
