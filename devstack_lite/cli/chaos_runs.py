"""`devstack-lite chaos monkey`, `matrix` and `report`: whole runs, judged."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from devstack_lite import cloud as clouds
from devstack_lite.chaos import history, judge, matrix, report, runs, server_actions, step_matrix
from devstack_lite.chaos.monkey import places_of
from devstack_lite.chaos.plan import USUAL, FaultKind, Settings
from devstack_lite.cli import terminal
from devstack_lite.invariants.check import check_cloud
from devstack_lite.invariants.verdict import Verdict

_KINDS = click.Choice([kind.value for kind in FaultKind])


@click.command()
@click.option("--seed", type=int, help="The same seed does the same.  [default: a new one]")
@click.option("--duration", "duration_s", default=30.0, show_default=True, help="Seconds.")
@click.option("--rate", default=0.5, show_default=True, help="Faults per second, on average.")
@click.option("--load", default=4.0, show_default=True, help="Operations per second, on average.")
@click.option("--servers", default=20, show_default=True, help="Servers at a time, about.")
@click.option("--roles", help="Comma-separated.  [default: all]")
@click.option("--faults", "kinds", type=_KINDS, multiple=True, help="Repeatable.  [default: the"
              " first three]")  # fmt: skip
@click.option("--keep", is_flag=True, help="Leave the servers there at the end.")
@terminal.name_option
@terminal.json_option
def monkey(
    seed: int | None,
    duration_s: float,
    rate: float,
    load: float,
    servers: int,
    roles: str | None,
    kinds: tuple[str, ...],
    keep: bool,
    name: str,
    as_json: bool,
) -> None:
    """Strike at random under a load of boots, deletes, stops, starts and reboots; then judge.

    The exit code is 0 when all that was accepted came true, 1 when not, 2 when it cannot be said.
    """
    cloud = clouds.find(name)
    settings = Settings(
        seed=random.randrange(1_000_000) if seed is None else seed,  # noqa: S311 - not a secret
        duration_s=duration_s,
        rate=rate,
        load=load,
        servers=servers,
        places=places_of(cloud, tuple(roles.split(",")) if roles else ()),
        kinds=tuple(FaultKind(kind) for kind in kinds) or USUAL,
    )
    console = terminal.err()
    console.print(f"seed {settings.seed}, {duration_s:g} s")
    with interruptible(), terminal.Progress(console) as progress:
        result = runs.run_monkey(
            cloud,
            settings,
            say=lambda line: console.print(f"  {line}", style="dim"),
            step=progress.show,
            keep=keep,
        )
        progress.done()
    _end(result, as_json=as_json)


@click.command("matrix")
@click.option("--quick", is_flag=True, help="Only what each step's own daemon has just done.")
@click.option("--step", "wanted", type=click.IntRange(1, 18), multiple=True, help="Only these.")
@click.option("--action", "named", multiple=True, help="Only these actions on a server.")
@terminal.name_option
@terminal.json_option
def run_steps(
    quick: bool, wanted: tuple[int, ...], named: tuple[str, ...], name: str, as_json: bool
) -> None:
    """Kill a worker of each role before and after each of the 18 steps of a boot.

    So, too, in each operation on a server. Shows what became of each, and how soon; then checks the
    invariants. The exit code is 0 when all came true and all holds, else 1.
    """
    cloud = clouds.find(name)
    actions = server_actions.table_of(server_actions.settings_of(cloud))
    cells = step_matrix.cells_of(actions, is_quick=quick)
    if wanted or named:
        kept = {f"step {number}" for number in wanted} | set(named)
        cells = [cell for cell in cells if cell.what in kept]
    console = terminal.err()
    with interruptible():
        outcomes = step_matrix.run_steps(
            cloud, cells, lambda one: console.print(f"  {report.step_line(one)}")
        )
    holds = check_cloud(cloud, bound_s=step_matrix.CELL_S, down_after_s=step_matrix.CELL_S)
    is_good = holds.verdict is Verdict.VALID and all(one.is_good for one in outcomes)
    if as_json:
        shown = [dataclasses.asdict(one) for one in outcomes]
        click.echo(json.dumps({"cells": shown, "invariants": holds.verdict}, indent=1))
    else:
        report.show_steps(terminal.out(), outcomes, holds.verdict)
    raise SystemExit(0 if is_good else 1)


@click.command("roles")
@click.option("--quick", is_flag=True, help="Boots alone, each role once: under a minute.")
@click.option("--seed", type=int, default=1, show_default=True, help="When each kill strikes.")
@click.option("--repeat", "repeats", default=1, show_default=True, help="Kills per cell.")
@click.option("--count", default=20, show_default=True, help="Operations at once.")
@click.option("--roles", help="Comma-separated.  [default: all]")
@click.option("--launchers", is_flag=True, help="Kill launchers, too.")
@terminal.name_option
@terminal.json_option
def run_matrix(
    quick: bool,
    seed: int,
    repeats: int,
    count: int,
    roles: str | None,
    launchers: bool,
    name: str,
    as_json: bool,
) -> None:
    """Kill a worker of each role in the midst of each operation; show what became of them.

    The exit code is 0 when all that was accepted came true, 1 when not, 2 when it cannot be said.
    """
    cloud = clouds.find(name)
    kinds = [FaultKind.KILL_WORKER, *([FaultKind.KILL_LAUNCHER] if launchers else [])]
    wishes = matrix.Wishes(
        seed=seed,
        places=places_of(cloud, tuple(roles.split(",")) if roles else ()),
        kinds=kinds,
        actions=matrix.QUICK if quick else matrix.ROUND,
        count=count,
        repeats=repeats,
    )
    console = terminal.err()
    with interruptible(), terminal.Progress(console) as progress:
        result, rows = matrix.run_matrix(
            cloud,
            wishes,
            say=lambda line: console.print(f"  {line}", style="dim"),
            step=progress.show,
        )
        progress.done()
    if not as_json:
        terminal.out().print(report.matrix_table(rows))
    _end(result, as_json=as_json, rows=rows)


@click.command("report")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@terminal.json_option
def judge_again(folder: Path, as_json: bool) -> None:
    """Judge a run again by its history, and write its reports anew.

    FOLDER is what the run named at its end, or another that holds a history.jsonl.
    """
    events = [one for one in history.read(folder) if one["type"] != "verdict"]
    judgement = judge.judge(events)
    report.write(folder, events, judgement)
    rows = matrix.rows_of(events)
    if rows and not as_json:
        terminal.out().print(report.matrix_table(rows))
    _end(runs.Result(judgement=judgement, folder=folder), as_json=as_json, rows=rows)


def _end(result: runs.Result, *, as_json: bool, rows: Sequence[matrix.Row] = ()) -> None:
    if as_json:
        record = judge.as_json(result.judgement) | {"folder": str(result.folder)}
        if rows:
            record["matrix"] = [dataclasses.asdict(row) for row in rows]
        click.echo(json.dumps(record, indent=1))
    elif rows:
        report.show_findings(terminal.out(), result.judgement)
    else:
        report.show(terminal.out(), result.judgement)
    if not as_json:
        click.echo(f"see {result.folder / report.PAGE_NAME}")
    raise SystemExit(result.judgement.verdict.exit_code)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Have SIGTERM end the run as Ctrl-C does: nothing may stay stopped."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
