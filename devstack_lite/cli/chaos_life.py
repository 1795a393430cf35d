"""`devstack-lite chaos life`: every action on a server at once, while its workers die."""

from __future__ import annotations

import dataclasses
import json
import time

import click

from devstack_lite import cloud as clouds
from devstack_lite.chaos import report, storm
from devstack_lite.cli import terminal
from devstack_lite.cli.chaos_runs import interruptible
from devstack_lite.invariants.check import HOSTS_LOOK_WITHIN_S, check_settled
from devstack_lite.invariants.verdict import Verdict


@click.command("life")
@click.option("--action", "names", multiple=True, help="Only these; repeatable.")
@click.option("--at-once", type=click.IntRange(min=1), default=storm.AT_ONCE, show_default=True,
              help="More need more [api] and [rpc] threads in the daemons' files.")  # fmt: skip
@terminal.name_option
@terminal.json_option
def run_life(names: tuple[str, ...], at_once: int, name: str, as_json: bool) -> None:
    """Ask for all that can be asked of a server, and kill every worker that has it in hand.

    Each action has a server of its own, and loses its api worker before and after it was noted,
    whoever does its work, and whoever notes its end. Shows what became of each and what its
    instance's actions say; checks the invariants before and after its servers are removed. The
    exit code is 0 when all ended as asked.
    """
    cloud = clouds.find(name)
    console = terminal.err()
    began = time.monotonic()

    def say(line: str) -> None:
        console.print(f"  {time.monotonic() - began:5.1f} s  {line}", style="dim")

    reports = []

    def look() -> None:
        reports.append(
            check_settled(
                cloud, bound_s=storm.END_S, down_after_s=storm.END_S, wait_s=HOSTS_LOOK_WITHIN_S
            )
        )

    with interruptible():
        outcomes = storm.run_storm(cloud, names, say, look, at_once=at_once)
        look()
    holds = next((one for one in reports if one.verdict is not Verdict.VALID), reports[-1])
    if as_json:
        shown = {
            "actions": [dataclasses.asdict(one) for one in outcomes],
            "invariants": holds.verdict,
            "violations": [dataclasses.asdict(one) for one in holds.violations],
        }
        click.echo(json.dumps(shown, indent=1))
    else:
        report.show_life(terminal.out(), outcomes, holds)
    is_good = holds.verdict is Verdict.VALID and all(one.is_good for one in outcomes)
    raise SystemExit(0 if is_good else 1)
