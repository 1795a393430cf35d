"""Shows what a run came to: at the terminal, as JSON, and as a page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devstack_lite.chaos import judge, page
from devstack_lite.chaos.figures import Figures
from devstack_lite.chaos.history import Event
from devstack_lite.chaos.judge import Judgement
from devstack_lite.cloud import write_private
from devstack_lite.invariants.verdict import Verdict

if TYPE_CHECKING:
    from rich.console import Console

    from devstack_lite.chaos import storm
    from devstack_lite.chaos.matrix import Row
    from devstack_lite.chaos.step_matrix import Outcome
    from devstack_lite.invariants.check import Report

JSON_NAME, PAGE_NAME = "report.json", "report.html"
SHADES = {Verdict.VALID: "green", Verdict.UNKNOWN: "yellow", Verdict.INVALID: "red"}
FINDINGS_SHOWN = 12
OUTCOMES = ("accepted", "refused", "indefinite", "skipped", "unanswered", "finished")


def write(folder: Path, events: Sequence[Event], judgement: Judgement) -> None:
    """Write both files beside the history."""
    record = json.dumps(judge.as_json(judgement), indent=1)
    write_private(folder / JSON_NAME, record + "\n")
    write_private(folder / PAGE_NAME, page.render(events, judgement))


def show(console: Console, judgement: Judgement) -> None:
    """Print the summary."""
    console.print(_operations(judgement))
    console.print()
    if judgement.recoveries:
        console.print(recovery_table(judgement.recoveries))
        console.print()
    said = "not checked" if judgement.invariants == "absent" else judgement.invariants
    console.print(f"invariants: {said}")
    show_findings(console, judgement)


def show_findings(console: Console, judgement: Judgement) -> None:
    """Print what was found, and the verdict."""
    from rich.markup import escape

    for finding in judgement.findings[:FINDINGS_SHOWN]:
        ids = " ".join(map(str, finding.ids))
        console.print(f"[red]{finding.rule}[/] {escape(finding.text)} [dim]{escape(ids)}[/]")
    if len(judgement.findings) > FINDINGS_SHOWN:
        console.print(f"… and {len(judgement.findings) - FINDINGS_SHOWN} more")
    shade = SHADES[judgement.verdict]
    hit = sum(fault.pid is not None for fault in judgement.faults)
    console.print(f"[bold {shade}]{judgement.verdict}[/]: {hit} faults struck")


def _operations(judgement: Judgement) -> object:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("operation")
    shown = [one for one in OUTCOMES if any(one in own for own in judgement.operations.values())]
    for title in shown:
        table.add_column(title, justify="right")
    for action, own in judgement.operations.items():
        table.add_row(action, *(str(own.get(title, 0)) for title in shown))
    return table


def matrix_table(rows: Sequence[Row]) -> object:
    """Return the table of a matrix."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("role", "fault", "under"):
        table.add_column(title)
    for title in ("faults", "under way"):
        table.add_column(title, justify="right")
    table.add_column("became", overflow="fold")
    for title in ("median s", "95 % s", "worst s"):
        table.add_column(title, justify="right")
    for row in rows:
        own = row.recovery
        became = ", ".join(f"{count} {status}" for status, count in sorted(row.became.items()))
        table.add_row(
            row.role, row.kind, row.action, str(row.struck), str(row.under_way), became,
            f"{own.p50_s:.2f}", f"{own.p95_s:.2f}", f"{own.worst_s:.2f}",
        )  # fmt: skip
    return table


def recovery_table(recoveries: dict[str, Figures]) -> object:
    """Return a table of figures by fault."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("fault")
    for title in ("times", "median s", "95 % s", "worst s"):
        table.add_column(title, justify="right")
    for what, own in recoveries.items():
        table.add_row(
            what, str(own.count), f"{own.p50_s:.2f}", f"{own.p95_s:.2f}", f"{own.worst_s:.2f}"
        )
    return table


def step_line(one: Outcome) -> str:
    """Return one cell of the matrix of steps, marked up."""
    colour = "green" if one.is_good else "red"
    took = "" if one.recovery_s is None else f"after {one.recovery_s:.2f} s"
    again = ", asked again" if one.asked_again else ""
    return (
        f"{one.cell.what:<8} {one.cell.role:<10} {one.cell.point:<36}"
        f" [{colour}]{one.state}[/] {took}{again}"
    )


def show_steps(console: Console, outcomes: Sequence[Outcome], invariants: str) -> None:
    """Print what became of all cells of the matrix of steps."""
    figures = Figures.of(one.recovery_s for one in outcomes if one.recovery_s is not None)
    good = sum(one.is_good for one in outcomes)
    console.print(
        f"{good} of {len(outcomes)} came true; recovery median {figures.p50_s:.2f} s,"
        f" 95 % within {figures.p95_s:.2f} s, worst {figures.worst_s:.2f} s;"
        f" invariants {invariants}"
    )
    for one in outcomes:
        if not one.is_good:
            console.print(step_line(one))


def show_life(console: Console, outcomes: Sequence[storm.Outcome], holds: Report) -> None:
    """Print what became of each action on a server."""
    from rich.table import Table

    table = Table("action", "in the end", "killed", "instance action", box=None, pad_edge=False)
    for one in outcomes:
        colour = "green" if one.is_good else "red"
        events = ", ".join(f"{event} {result or 'open'}" for event, result in one.events)
        lost = f", not reached: {', '.join(one.not_reached)}" if one.not_reached else ""
        deaths = Counter(death.role for death in one.deaths)
        killed = " ".join(f"{role} {count}" for role, count in sorted(deaths.items()))
        table.add_row(one.action, f"[{colour}]{one.state}[/]{lost}", killed, events)
    console.print(table)
    good = sum(one.is_good for one in outcomes)
    deaths_of_all = sum(len(one.deaths) for one in outcomes)
    console.print(
        f"{good} of {len(outcomes)} ended as asked, over {deaths_of_all} deaths;"
        f" invariants {holds.verdict}"
    )
    for violation in holds.violations:
        console.print(f"{violation.rule}: {violation.message} {' '.join(violation.ids)}")
