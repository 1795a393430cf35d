"""A cloud for a benchmark: one of its own, wiped afterwards whatever happens, or one that is up."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measuring import say
from devstack_lite import cloud as clouds
from devstack_lite import control
from devstack_lite.cloud import Cloud, CloudError

COMMAND_TIMEOUT_S = 180.0


def parser_of(module: str, summary: str) -> argparse.ArgumentParser:
    """Return a parser that knows what all benchmarks of a cloud know."""
    parser = argparse.ArgumentParser(prog=f"benchmarks.{module}", description=summary)
    group = parser.add_argument_group("the cloud")
    group.add_argument("--name", help="one that is up, which is left up; or a name for its own")
    group.add_argument("--keep", action="store_true", help="leave the benchmark's own cloud up")
    group.add_argument(
        "--up", default="", metavar="OPTIONS",
        help="options of `devstack-lite up` for its own: --up='--workers api=4 --database URL'",
    )  # fmt: skip
    add_json(parser)
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option that every benchmark has."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")


@contextmanager
def cloud_of(wanted: argparse.Namespace) -> Iterator[Cloud]:
    """Yield the cloud that is asked for; end the program with a sentence when there is none.

    Its own cloud is wiped at the end, also upon SIGINT and SIGTERM, unless it is to be kept.
    """
    end_as_interrupted()
    name = wanted.name or f"bench-{os.getpid()}"
    try:
        if _is_up(name):
            yield clouds.find(name)
        else:
            with _own_cloud(name, shlex.split(wanted.up), keep=wanted.keep) as cloud:
                yield cloud
    except CloudError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted")


def _is_up(name: str) -> bool:
    """Say whether the cloud runs. Raises CloudError for one that is down: it shall not be wiped."""
    found = clouds.load(clouds.state_dir_of(name))
    if found is None:
        return False
    if control.running(found) is None:
        raise CloudError(f"{name} is down, and its instances would be lost: start it first.")
    return True


@contextmanager
def _own_cloud(name: str, options: list[str], *, keep: bool) -> Iterator[Cloud]:
    try:
        say(f"starting the cloud {name}")
        _run("up", "--name", name, *options)
        yield clouds.find(name)
    finally:
        if keep:
            say(f"the cloud {name} is left up")
        elif clouds.load(clouds.state_dir_of(name)) is not None:
            _run("down", "--wipe", "--name", name)


def end_as_interrupted() -> None:
    """Have SIGTERM unwind this program as Ctrl-C does, so that it leaves nothing running."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _run(*arguments: str) -> None:
    """Run devstack-lite in a session of its own: a second Ctrl-C shall not stop the wiping."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "devstack_lite.cli.main", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_TIMEOUT_S,
        start_new_session=True,
    )
    if done.returncode:
        raise CloudError(f"devstack-lite {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
