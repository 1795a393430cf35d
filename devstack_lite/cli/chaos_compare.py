"""`devstack-lite chaos compare`: what trusting messages loses, beside what this cloud loses."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import subprocess
import sys

import click

from devstack_lite import cloud as clouds
from devstack_lite.chaos import compare as comparing
from devstack_lite.cli import terminal
from devstack_lite.exceptions import DevstackError
from devstack_lite.semantics import Semantics


@click.command()
@click.option("--seed", type=int, help="The same seed does the same.  [default: a new one]")
@click.option("--count", default=40, show_default=True, help="Servers.", type=click.IntRange(2))
@click.option("--kills", default=8, show_default=True, help="Deaths.", type=click.IntRange(1))
@terminal.json_option
def compare(seed: int | None, count: int, kills: int, as_json: bool) -> None:
    """Do the same boots and the same deaths under both semantics, side by side.

    Brings two clouds of its own up, one after the other, and wipes them: `durable`, as this
    software is, and `nova`, whose messages are trusted. Takes about two minutes.
    """
    if kills >= count:
        raise click.UsageError("There must be more servers than deaths.")
    chosen = random.randrange(1_000_000) if seed is None else seed  # noqa: S311 - not a secret
    console = terminal.err()
    console.print(f"seed {chosen}, {count} servers, {kills} deaths under each")
    outcomes = []
    for semantics in Semantics:
        name = f"compare-{os.getpid()}-{semantics}"
        try:
            _command("up", "--name", name, "--profile", "realistic", "--semantics", semantics)
            outcomes.append(
                comparing.run(
                    clouds.find(name),
                    seed=chosen,
                    count=count,
                    kills=kills,
                    say=lambda line: console.print(f"  {line}", style="dim"),
                )
            )
        finally:
            _command("down", "--name", name, "--wipe")
    if as_json:
        shown = [dataclasses.asdict(one) for one in outcomes]
        click.echo(json.dumps({"seed": chosen, "outcomes": shown}, indent=1))
    else:
        _print(outcomes)


def _command(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "devstack_lite.cli.main", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DevstackError(f"devstack-lite {' '.join(arguments)}: {done.stderr.strip()}")


def _print(outcomes: list[comparing.Outcome]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for one in outcomes:
        table.add_column(one.semantics, justify="right")
    states = sorted({state for one in outcomes for state in one.states} | {"ACTIVE", "BUILD"})
    table.add_row("workers killed", *(str(one.killed) for one in outcomes))
    table.add_row("servers accepted", *(str(one.asked) for one in outcomes))
    for state in states:
        stuck = " (stuck)" if state == "BUILD" else ""
        table.add_row(f"  {state}{stuck}", *(str(one.states.get(state, 0)) for one in outcomes))
    for rule in sorted({rule for one in outcomes for rule in one.leaks}):
        table.add_row(f"violates {rule}", *(str(one.leaks.get(rule, 0)) for one in outcomes))
    table.add_row("seconds", *(f"{one.seconds:.0f}" for one in outcomes))
    terminal.out().print(table)
