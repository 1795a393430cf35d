"""`devstack-lite check`: do the invariants hold."""

from __future__ import annotations

import dataclasses
import json
import sys

import click

from devstack_lite import cloud as clouds
from devstack_lite.cli import terminal
from devstack_lite.invariants.check import Report, check_settled
from devstack_lite.invariants.rules import RULES

BOUND_S = 120.0
DOWN_AFTER_S = 10.0


@click.command()
@click.option(
    "--bound",
    "bound_s",
    default=BOUND_S,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(min=0.0),
    help="For how long an operation may be under way.",
)
@click.option(
    "--wait",
    "wait_s",
    default=0.0,
    metavar="SECONDS",
    type=click.FloatRange(min=0.0),
    help="First wait so long for what is under way to end, and for hosts to clean up.",
)
@click.option("--rules", "list_rules", is_flag=True, help="Say what is checked, and end.")
@terminal.json_option
@terminal.name_option
def check(bound_s: float, wait_s: float, list_rules: bool, as_json: bool, name: str) -> None:
    """Check what must hold of a cloud at any time: nothing lost, leaked or counted wrongly.

    Looks at the database, every hypervisor's domains and the images' data; asks no daemon. The
    exit code is 0 when all holds, 1 when something does not, 2 when part could not be read.
    """
    if list_rules:
        for rule in RULES.values():
            click.echo(f"{rule.name:<17} {rule.sentence}")
        return
    cloud = clouds.find(name)
    report = check_settled(cloud, bound_s=bound_s, down_after_s=DOWN_AFTER_S, wait_s=wait_s)
    if as_json:
        click.echo(json.dumps(_as_json(report), indent=2))
    else:
        _print(report)
    sys.exit(report.verdict.exit_code)


def _as_json(report: Report) -> dict[str, object]:
    return {
        "verdict": report.verdict,
        "violations": [dataclasses.asdict(one) for one in report.violations],
        "unread": report.unread,
        "looked_at": _counts(report),
    }


def _counts(report: Report) -> dict[str, int]:
    seen = report.snapshot
    if seen is None:
        return {}
    return {
        what: len(getattr(seen, what))
        for what in ("instances", "claims", "nodes", "domains", "ports", "volumes", "images")
    }


def _print(report: Report) -> None:
    console = terminal.out()
    for violation in report.violations:
        console.print(
            f"[red]{violation.rule}[/]  {', '.join(violation.ids)}: {violation.message}",
            soft_wrap=True,
        )
    for text in report.unread:
        console.print(f"[yellow]not read[/]  {text}", soft_wrap=True)
    colour = {"valid": "green", "unknown": "yellow", "invalid": "red"}[report.verdict]
    seen = ", ".join(f"{count} {what}" for what, count in _counts(report).items())
    console.print(f"[{colour}]{report.verdict}[/]: {len(RULES)} rules over {seen or 'nothing'}")
