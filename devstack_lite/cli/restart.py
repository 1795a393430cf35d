"""`devstack-lite restart`: daemons end gracefully, and the supervisor starts them anew."""

from __future__ import annotations

import signal
import time

import click

from devstack_lite import cloud as clouds
from devstack_lite import control, processes
from devstack_lite.cli import terminal
from devstack_lite.cli.complaints import Complaints
from devstack_lite.cli.readiness import Readiness
from devstack_lite.cloud import Cloud, CloudError
from devstack_lite.roster import DaemonState, Roster

TIMEOUT_S = 40.0
"""13 s to stop, the supervisor's longest pause, and a start."""


@click.command()
@terminal.name_option
@click.argument("daemons", metavar="DAEMON...", nargs=-1, required=True)
def restart(name: str, daemons: tuple[str, ...]) -> None:
    """Restart daemons: by name (conductor, compute-host1), or compute for all of its hosts."""
    cloud = clouds.find(name)
    chosen = select(cloud, daemons)
    with control.only_one(cloud.state_dir, name):
        before = _require_running(cloud)
        complaints = Complaints(cloud)
        control.forget_entry_points(cloud)
        for one in chosen:
            before.daemons[one].ref.send(signal.SIGTERM)
        try:
            with terminal.Progress(terminal.err()) as progress:
                for one in chosen:
                    progress.show(one)
                    wait_for_successor(cloud, one, before.daemons[one].pid)
                progress.show("the services")
                wait_until_ready(cloud)
                progress.done()
        finally:
            for line in complaints.new():
                click.echo(line, err=True)


def wait_until_ready(cloud: Cloud) -> None:
    """Wait until a boot would work. Raises CloudError when that takes too long."""
    readiness = Readiness(cloud)
    deadline = time.monotonic() + TIMEOUT_S
    while missing := readiness.missing():
        if time.monotonic() > deadline:
            raise CloudError(f"{', '.join(missing)} did not come back in {TIMEOUT_S:.0f} s.")
        time.sleep(0.05)


def select(cloud: Cloud, wanted: tuple[str, ...]) -> list[str]:
    """Return the names of the processes that the words mean. Raises UsageError for another word."""
    table = processes.of(cloud)
    for word in wanted:
        if not any(word in {one.name, one.daemon} for one in table):
            known = ", ".join(dict.fromkeys(one.name for one in table))
            raise click.UsageError(f"{cloud.name} has no daemon {word}; it has {known}.")
    return [one.name for one in table if {one.name, one.daemon} & set(wanted)]


def _require_running(cloud: Cloud) -> Roster:
    found = control.running(cloud)
    if found is None:
        raise CloudError(f"{cloud.name} is not up.")
    return found


def wait_for_successor(cloud: Cloud, name: str, old_pid: int) -> None:
    """Wait until another launcher has a process's place. Raises CloudError when none comes."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        entry = _require_running(cloud).daemons[name]
        if entry.pid != old_pid and entry.state is DaemonState.RUNNING:
            return
        time.sleep(0.05)
    raise CloudError(f"{name} was not started again within {TIMEOUT_S:.0f} s.")
