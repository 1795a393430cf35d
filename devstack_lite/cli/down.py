"""`devstack-lite down`: nothing of the cloud is left running."""

from __future__ import annotations

import click

from devstack_lite import cloud as clouds
from devstack_lite import control
from devstack_lite.cli import terminal


@click.command()
@terminal.name_option
@click.option("--wipe", is_flag=True, help="Also remove the state folder: database, logs, all.")
def down(name: str, wipe: bool) -> None:
    """Stop a cloud; nothing is left running, the broker included.

    Daemons finish what is in hand and then end, certainly. Without --wipe the next `up` brings the
    cloud back with its instances.
    """
    state_dir = clouds.state_dir_of(name)
    cloud = clouds.load(state_dir)
    if cloud is None:
        had_logs = wipe and control.wipe_logs(state_dir, name)
        left = " The logs of one that did not start are gone." if had_logs else ""
        click.echo(f"{name} is not there: nothing to stop.{left}")
        return
    with control.only_one(state_dir, name):
        with terminal.Progress(terminal.err()) as progress:
            progress.show(f"{name} to stop")
            was_running = control.stop(cloud)
        said = "is down" if was_running else "was not running"
        if wipe:
            control.wipe(cloud)
    what = "its state folder is gone" if wipe else f"its state is kept in {state_dir}"
    click.echo(f"{name} {said}: no process and no port of it is left; {what}.")
