"""`devstack-lite chaos`: break a running cloud, and see what becomes of it."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

import click

from devstack_lite import cloud as clouds
from devstack_lite import processes
from devstack_lite.chaos import faults, targets
from devstack_lite.chaos.points import Points
from devstack_lite.chaos.targets import BROKER, Target
from devstack_lite.cli import chaos_compare, chaos_life, chaos_points, chaos_runs, terminal
from devstack_lite.cloud import Cloud, CloudError
from devstack_lite.failpoints import Action, Failpoint
from devstack_lite.steps import STEPS, point_of

BACK_S = 40.0
"""The supervisor's longest pause, a killed launcher's orphans and a start."""


def _signal_of(_context: click.Context, _param: click.Parameter, text: str) -> signal.Signals:
    word = text.upper()
    for number in signal.Signals:
        if word in {number.name, number.name.removeprefix("SIG"), str(number.value)}:
            return number
    raise click.BadParameter(f"{text} is not a signal.")


worker_option: Callable[[Any], Any] = click.option(
    "--worker", type=click.IntRange(min=1), metavar="N", help="The worker of this number."
)
signal_option: Callable[[Any], Any] = click.option(
    "--signal", "number", default="KILL", show_default=True, callback=_signal_of, help="Any signal."
)


@click.group()
def chaos() -> None:
    """Break a running cloud on purpose, and see what becomes of it.

    Only processes of the named cloud are touched, each by its pid and start time.
    """


@chaos.command()
@click.argument("role")
@worker_option
@click.option("--launcher", is_flag=True, help="The launcher; its workers go with it.")
@click.option("--all", "everyone", is_flag=True, help="All workers of the role.")
@signal_option
@click.option("--at-step", type=click.IntRange(1, 18), metavar="N",
              help="When the next boot has reached this step in it.")  # fmt: skip
@click.option("--wait/--no-wait", default=True, show_default=True, help="For the successor.")
@terminal.name_option
def kill(
    role: str,
    worker: int | None,
    launcher: bool,
    everyone: bool,
    number: signal.Signals,
    at_step: int | None,
    wait: bool,
    name: str,
) -> None:
    """Kill a worker: the one given, or any one.

    ROLE is a daemon, or one of its processes: compute, compute-host1; or broker.
    """
    cloud = clouds.find(name)
    if at_step is not None:
        if worker is not None or launcher or everyone or number is not signal.SIGKILL:
            raise click.UsageError("--at-step kills whoever is at the step, with SIGKILL.")
        _kill_at_step(cloud, role, at_step, wait=wait)
        return
    found = choose(cloud, role, worker=worker, launcher=launcher, everyone=everyone)
    faults.kill(found, number)
    _say(found, f"got {number.name}")
    if wait and number in {signal.SIGKILL, signal.SIGTERM}:
        _wait_for(cloud, found)


@chaos.command()
@click.argument("role")
@worker_option
@click.option("--launcher", is_flag=True, help="The launcher, not a worker.")
@click.option("--all", "everyone", is_flag=True, help="All workers of the role.")
@click.option("--for", "seconds", type=click.FloatRange(min=0.0), help="Then resume them.")
@terminal.name_option
def pause(
    role: str,
    worker: int | None,
    launcher: bool,
    everyone: bool,
    seconds: float | None,
    name: str,
) -> None:
    """Stop processes with SIGSTOP: they keep what they hold, and answer nobody.

    Without --for they stay so until `resume`.
    """
    cloud = clouds.find(name)
    found = choose(cloud, role, worker=worker, launcher=launcher, everyone=everyone)
    _say(found, "is stopped" if seconds is None else f"is stopped for {seconds:g} s")
    if seconds is None:
        faults.stop(found)
    else:
        faults.pause(found, seconds)
        _say(found, "goes on")


@chaos.command()
@click.argument("role", required=False)
@worker_option
@terminal.name_option
def resume(role: str | None, worker: int | None, name: str) -> None:
    """Let stopped processes go on: those of a role, or all of the cloud's."""
    cloud = clouds.find(name)
    resumed = faults.resume(_everything(cloud, role, worker))
    _say(resumed, "goes on")
    if not resumed:
        click.echo("Nothing was stopped.")


@chaos.command("partition")
@click.argument("host", metavar="HOST")
@click.option("--for", "seconds", default=30.0, show_default=True,
              type=click.FloatRange(min=0.0), help="Then heal it.")  # fmt: skip
@terminal.name_option
def partition(host: str, seconds: float, name: str) -> None:
    """Cut a host off the broker and the REST services, and heal it after a time.

    Nothing is closed and nobody is told, as when a cable is pulled; its guests run on. Ctrl-C heals
    at once.
    """
    cloud = clouds.find(name)
    with faults.partitioned(cloud, host, seconds) as late:
        click.echo(f"{host} is cut off for {seconds:g} s.")
        if late:
            click.echo(f"not yet known to pid {', '.join(map(str, late))}", err=True)
        with contextlib.suppress(KeyboardInterrupt):
            time.sleep(seconds)
    click.echo(f"{host} is back.")


@chaos.group()
def broker() -> None:
    """Break the cloud's RabbitMQ."""


@broker.command("restart")
@signal_option
@terminal.name_option
def broker_restart(number: signal.Signals, name: str) -> None:
    """End the broker's node, and wait until the supervisor has it up again."""
    cloud = clouds.find(name)
    found = faults.restart_broker(cloud, number)
    _say([found], f"got {number.name}")
    _wait_for(cloud, [found])


@broker.command("cut")
@terminal.name_option
def broker_cut(name: str) -> None:
    """Have the broker close all its connections; its queues keep what is in them."""
    faults.cut_connections(clouds.find(name))
    click.echo("All connections to the broker were closed.")


@chaos.group()
def host() -> None:
    """Break a compute host."""


@host.command()
@click.argument("host", metavar="HOST")
@terminal.name_option
def crash(host: str, name: str) -> None:
    """Kill a host's whole compute daemon; its guests run on, and it comes back."""
    cloud = clouds.find(name)
    found = faults.crash_host(cloud, host)
    _say(found, "was killed")
    _wait_for(cloud, found[:1])


@host.command("power-off")
@click.argument("host", metavar="HOST")
@click.option("--for", "seconds", type=click.FloatRange(min=0.0), help="Then power it on.")
@terminal.name_option
def power_off(host: str, seconds: float | None, name: str) -> None:
    """Cut a host's power: its daemon and its guests die.

    Without --for it stays off until `power-on`, or the cloud's next `up`.
    """
    cloud = clouds.find(name)
    guests = faults.power_off(cloud, host)
    click.echo(f"{host} is off; {len(guests)} guests died with it.")
    if seconds is not None:
        try:
            time.sleep(seconds)
        finally:
            faults.power_on(cloud, host)
        click.echo(f"{host} is on again.")


@host.command("power-on")
@click.argument("host", metavar="HOST")
@terminal.name_option
def power_on(host: str, name: str) -> None:
    """Give a host its power back; the supervisor starts its daemon."""
    was_off = faults.power_on(clouds.find(name), host)
    click.echo(f"{host} is on again." if was_off else f"{host} was on.")


def _kill_at_step(cloud: Cloud, role: str, number: int, *, wait: bool) -> None:
    """Arm a failpoint, and say whom it struck; without wait it stays armed."""
    step = STEPS[number - 1]
    process = next(one for one in processes.of(cloud) if one.name in targets.names_of(cloud, role))
    if process.daemon != step.service:
        raise click.UsageError(f"Step {number} is {step.service}'s: {step.what}.")
    wanted = Failpoint(
        id="", point=f"{point_of(number)}.before", action=Action.KILL, service=step.service,
        host=role.partition("-")[2],
    )  # fmt: skip
    with contextlib.closing(Points(cloud)) as points:
        made, _ = points.arm(wanted)
        click.echo(f"{made.id}: the next {role} worker at step {number} dies ({step.what}).")
        if not wait:
            return
        try:
            while not (struck := points.firings(made.id)):
                time.sleep(faults.LOOK_S)
        finally:
            points.disarm(made.id)
    one = struck[0]
    click.echo(f"{one.service}@{one.host} worker {one.worker} (pid {one.pid}) died.")


def choose(
    cloud: Cloud, role: str, *, worker: int | None, launcher: bool, everyone: bool
) -> Sequence[Target]:
    """Return the processes that the arguments mean. Raises CloudError when none runs."""
    if sum((worker is not None, launcher, everyone)) > 1:
        raise click.UsageError("Give one of --worker, --launcher and --all.")
    if role == BROKER:
        return [targets.broker(cloud)]
    found = targets.launchers(cloud, role) if launcher else targets.workers(cloud, role, worker)
    if not found:
        which = "launcher" if launcher else f"worker {worker}" if worker else "worker"
        raise CloudError(f"{cloud.name} has no {role} {which} that runs now.")
    return found if everyone else [random.choice(found)]  # noqa: S311 - any one will do


def _everything(cloud: Cloud, role: str | None, worker: int | None) -> list[Target]:
    if role == BROKER:
        return [targets.broker(cloud)]
    roles = [role] if role else list(targets.roster_of(cloud).daemons)
    found = [one for word in roles for one in targets.workers(cloud, word, worker)]
    if worker is None:
        found += [one for word in roles for one in targets.launchers(cloud, word)]
    if role is None and cloud.broker.kind == "local":
        found.append(targets.broker(cloud))
    return found


def _say(found: Sequence[Target], what: str) -> None:
    for target in found:
        click.echo(f"{target} {what}.")


def _wait_for(cloud: Cloud, found: Sequence[Target]) -> None:
    began = time.monotonic()
    for target in found:
        if faults.wait_until_back(cloud, target, BACK_S) is None:
            raise CloudError(f"{target} has no successor after {BACK_S:.0f} s.")
    click.echo(f"Its place is taken again after {time.monotonic() - began:.2f} s.")


for _command in (
    chaos_runs.monkey,
    chaos_runs.run_matrix,
    chaos_runs.run_steps,
    chaos_life.run_life,
    chaos_runs.judge_again,
    chaos_points.failpoint,
    chaos_compare.compare,
):
    chaos.add_command(_command)
