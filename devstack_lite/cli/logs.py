"""`devstack-lite logs`: the daemons' lines, as they are or as they come."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from devstack_lite import cloud as clouds
from devstack_lite import processes
from devstack_lite.cli import terminal
from devstack_lite.cloud import Cloud

POLL_S = 0.1
FIRST_LINES = 100
_LEVEL = re.compile(r"^\S+ \S+ \d+ (DEBUG|INFO|WARNING|ERROR|CRITICAL|TRACE) ")
_COLOURS = {"DEBUG": "bright_black", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}


@click.command()
@terminal.name_option
@click.argument("daemon", required=False)
@click.option("-f", "--follow", "is_followed", is_flag=True, help="Go on as lines are written.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    help="How many lines to begin with.  [default: 100]",
)
@click.option(
    "--request-id", metavar="REQ", help="Only the lines of one request, all of them: a boot's path."
)
def logs(
    name: str, daemon: str | None, is_followed: bool, lines: int | None, request_id: str | None
) -> None:
    """Show the log of all daemons, or of one: conductor, compute, compute-host1, supervisor."""
    cloud = clouds.find(name)
    paths = paths_of(cloud, daemon)
    places = ends(paths)
    count = lines if lines is not None else FIRST_LINES if request_id is None else sys.maxsize
    for line in last_lines(paths, count, request_id):
        print_line(line)
    if is_followed:
        with contextlib.suppress(KeyboardInterrupt):
            for line in follow(places, is_over=lambda: False):
                if request_id is None or request_id in line:
                    print_line(line)


def paths_of(cloud: Cloud, daemon: str | None) -> list[Path]:
    """Return the files that hold a daemon's lines. Raises UsageError for one that is not there."""
    if daemon is None:
        return [cloud.combined_log]
    others = {
        "supervisor": cloud.log_dir / "supervisor.log",
        "broker": cloud.state_dir / "broker" / "log" / "rabbitmq.log",
    }
    if daemon in others:
        return [others[daemon]]
    table = processes.of(cloud)
    found = [one.log_file for one in table if daemon in {one.name, one.daemon}]
    if not found:
        known = ", ".join([*(one.name for one in table), *others])
        raise click.UsageError(f"{cloud.name} has no daemon {daemon}; it has {known}.")
    return found


def last_lines(paths: Sequence[Path], count: int, request_id: str | None) -> list[str]:
    """Return the last lines of the files, in the order of their times when they are several."""
    kept: list[str] = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError), path.open(errors="replace") as file:
            wanted = (line for line in file if request_id is None or request_id in line)
            kept += deque(wanted, maxlen=count)
    if len(paths) > 1:
        kept.sort(key=lambda line: line[:23])
    return kept[-count:] if count else []


def ends(paths: Sequence[Path]) -> dict[Path, int]:
    """Return how long each file is."""
    return {path: path.stat().st_size if path.exists() else 0 for path in paths}


def follow(places: dict[Path, int], *, is_over: Callable[[], bool]) -> Iterator[str]:
    """Yield the lines that are written to the files behind these places, until it is over."""
    begun = dict.fromkeys(places, "")
    while not is_over():
        quiet = True
        for path in list(places):
            with contextlib.suppress(FileNotFoundError), path.open(errors="replace") as file:
                file.seek(places[path])
                text = begun[path] + file.read()
                quiet = quiet and file.tell() == places[path]
                places[path] = file.tell()
                *whole, begun[path] = text.split("\n")
                yield from (f"{line}\n" for line in whole)
        if quiet:
            time.sleep(POLL_S)


def print_line(line: str) -> None:
    """Print a line, coloured by its level where stdout is a terminal."""
    level = _LEVEL.match(line)
    click.echo(click.style(line, fg=_COLOURS.get(level.group(1)) if level else None), nl=False)
