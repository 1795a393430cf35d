"""Replays a trace, or makes one: python -m services.scheduler.simulate ORDER.

ORDER is the JSON of an Order; `devstack-lite simulate` writes it. Exit code 1, with one sentence on
stderr, when there is nothing to replay.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack_lite.exceptions import DevstackError, Invalid
from services.scheduler.decide import Scheduler, load_scheduler
from services.scheduler.hosts import HostTable
from services.scheduler.simulate import configurations, generate, picture, report, trace
from services.scheduler.simulate.run import Replay, replay


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to do: make a trace when generate is set, else replay one."""

    trace: str | None = None
    config: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    versus: tuple[str, ...] = ()
    nodes: int = 100
    build_s: float = 0.0
    svg: str | None = None
    csv: str | None = None
    placements: str | None = None
    as_json: bool = False
    generate: int | None = None
    seed: int = 1
    days: float = 30.0
    output: str | None = None


def main() -> None:
    """Do what the order says."""
    try:
        act(Order(**json.loads(sys.argv[1])))
    except DevstackError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # who reads has read enough; nothing is left to be flushed at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        sys.exit(f"Error: {error.filename} cannot be written: {error.strerror}.")


def act(order: Order) -> None:
    """Make a trace or replay one. Raises DevstackError, OSError."""
    if order.generate is not None:
        vms = generate.generate(order.generate, order.seed, days=order.days)
        trace.write_trace(vms, Path(order.output or "trace.csv"))
        return
    for path in filter(None, (order.svg, order.csv, order.placements)):
        if not Path(path).parent.is_dir():  # said before a long replay, not after it
            raise Invalid(f"{path} cannot be written: there is no such directory.")
    replays = compare(order)
    if order.svg:
        Path(order.svg).write_text(picture.draw(replays), encoding="utf-8")
    if order.csv:
        with Path(order.csv).open("w", encoding="utf-8", newline="") as file:
            report.write_samples(replays, file)
    if order.placements:
        with Path(order.placements).open("w", encoding="utf-8", newline="") as file:
            report.write_placements(replays, file)
    if order.as_json:
        json.dump([report.summarize(one) for one in replays], sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        _print_table(replays)


def compare(order: Order) -> list[Replay]:
    """Return a replay of the same trace for each configuration."""
    if order.trace is None:
        raise Invalid("There is no trace.")
    vms = trace.read_trace(Path(order.trace))
    wanted = configurations.plan(
        [Path(path) for path in order.config], order.settings, order.versus
    )
    replays = []
    for configuration in wanted:
        with (
            configurations.in_force(configuration) as conf,
            _progress(configuration.name, len(vms)) as on_vm,
        ):
            scheduler = _load(conf)
            table = HostTable()
            table.load(configurations.nodes_of(conf, order.nodes))
            replays.append(
                replay(
                    configuration.name, scheduler, table, vms,
                    build_s=order.build_s, on_vm=on_vm,
                )
            )  # fmt: skip
    return replays


def _load(conf: Any) -> Scheduler:
    try:
        return load_scheduler(conf)
    except RuntimeError as error:
        raise Invalid(f"{error}.") from error


def _print_table(replays: list[Replay]) -> None:
    from rich.console import Console
    from rich.table import Table

    heading, *rows = report.table(replays)
    shown = Table(box=None, pad_edge=False)
    for number, name in enumerate(heading):
        shown.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        shown.add_row(*row)
    console = Console(highlight=False, markup=False)
    console.print(shown)
    console.print()
    console.print(report.MEANING, soft_wrap=True)


@contextlib.contextmanager
def _progress(name: str, total: int) -> Iterator[Callable[[], None]]:
    """Yield what is to be called after each VM; says how far it is on a terminal."""
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda: None
        return
    with progress.Progress(console=console) as bar:
        task = bar.add_task(name, total=total)
        yield lambda: bar.advance(task)


if __name__ == "__main__":
    main()
