"""`devstack-lite chaos failpoint`: have something happen at a point in the code."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time

import click

from devstack_lite import cloud as clouds
from devstack_lite.chaos.points import Points
from devstack_lite.chaos.server_actions import every_action
from devstack_lite.cli import terminal
from devstack_lite.exceptions import NotFound
from devstack_lite.failpoints import Action, Failpoint
from devstack_lite.steps import STEPS, point_of

AT_A_POINT = [one.value for one in Action if one is not Action.CUT]


@click.group()
def failpoint() -> None:
    """Have workers die, wait, fail or lose a message at a point in the code.

    `failpoint points` lists the points, docs/failpoints.md says more of them.
    """


@failpoint.command()
@click.argument("point")
@click.argument("action", type=click.Choice(AT_A_POINT))
@click.option("--seconds", default=1.0, show_default=True, help="Of a delay.")
@click.option("--service", default="", help="Only in this daemon: conductor, compute, …")
@click.option("--host", default="", help="Only on this host.")
@click.option("--request-id", default="", help="Only for this request.")
@click.option("--instance", default="", metavar="UUID", help="Only for this instance.")
@click.option("--count", type=click.IntRange(min=1), help="How often, over all processes."
              "  [default: once; a delay or hold each time]")  # fmt: skip
@click.option("--for", "lasts_s", type=float, help="Seconds until it is over.")
@terminal.name_option
def arm(
    point: str,
    action: str,
    seconds: float,
    service: str,
    host: str,
    request_id: str,
    instance: str,
    count: int | None,
    lasts_s: float | None,
    name: str,
) -> None:
    """Arm a failpoint: at POINT (a pattern with * will do), ACTION happens.

    \b
      kill   the worker sends itself SIGKILL
      stop   the worker sends itself SIGSTOP, until `chaos resume`
      raise  an error is raised
      delay  the thread sleeps
      drop   the message is lost, or its answer
      hold   the thread waits until the failpoint is disarmed
    """  # noqa: D301 - click wants the character
    wanted = Failpoint(
        id="",
        point=point,
        action=Action(action),
        seconds=seconds if action == Action.DELAY else 0.0,
        service=service,
        host=host,
        request_id=request_id,
        instance=instance,
        count=count or 0,
        expires_at=0.0 if lasts_s is None else time.time() + lasts_s,
    )
    with contextlib.closing(Points(clouds.find(name))) as points:
        made, late = points.arm(wanted)
    click.echo(f"{made.id}: {made.action} at {made.point}")
    if late:
        click.echo(f"not yet known to pid {', '.join(map(str, late))}", err=True)


@failpoint.command("list")
@terminal.name_option
@terminal.json_option
def list_armed(name: str, as_json: bool) -> None:
    """List what is armed, and where it struck."""
    with contextlib.closing(Points(clouds.find(name))) as points:
        found = [(one, points.firings(one.id)) for one in points.armed()]
    if as_json:
        shown = [
            {**dataclasses.asdict(one), "firings": [dataclasses.asdict(each) for each in firings]}
            for one, firings in found
        ]
        click.echo(json.dumps(shown, indent=2))
        return
    if not found:
        click.echo("Nothing is armed.")
    for one, firings in found:
        scope = " ".join(
            f"{key}={getattr(one, key)}"
            for key in ("service", "host", "request_id", "instance")
            if getattr(one, key)
        )
        often = f"at most {one.count} times" if one.count else "each time"
        click.echo(f"{one.id}  {one.action} at {one.point} {scope or 'for all'}, {often}")
        for firing in firings:
            now = "" if firing.action is not Action.HOLD or firing.is_over else ", held"
            click.echo(
                f"    {firing.number}: {firing.point} in {firing.service}@{firing.host}"
                f" pid {firing.pid} worker {firing.worker}{now}"
            )


@failpoint.command()
@click.argument("failpoint_id", metavar="ID", required=False)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@terminal.name_option
def disarm(failpoint_id: str | None, everything: bool, name: str) -> None:
    """Disarm a failpoint; what it holds goes on."""
    if (failpoint_id is None) != everything:
        raise click.UsageError("Give either an id or --all.")
    with contextlib.closing(Points(clouds.find(name))) as points:
        ids = points.disarm(failpoint_id)
    if failpoint_id is not None and not ids:
        raise NotFound(f"There is no failpoint {failpoint_id}.", kind="failpoint")
    click.echo(f"Disarmed: {', '.join(ids) or 'nothing was armed'}.")


@failpoint.command("points")
def list_points() -> None:
    """List the points."""
    for step in STEPS:
        click.echo(f"{point_of(step.number)}.before, .after   {step.service}: {step.what}")
    for name, action in every_action().items():
        for _role, point in action.points:
            if point.startswith("op."):
                click.echo(f"{f'{point}.before, .after':<33} compute: {name}")
    click.echo("op.createImage.upload.before, .after   compute: between snapshot and end")
    click.echo("op.rebuild.volume.before, .after   compute: while the boot volume is written")
    click.echo("op.volume_snapshot_create.before, .after   compute: a disk goes on in a file")
    click.echo("op.volume_snapshot_delete.before, .after   compute: files of a disk are merged")
    click.echo("rpc.TOPIC.METHOD.before, .after   each message, see docs/rpc.md")
    click.echo("http.SERVICE.before, .after       each HTTP request of a service")
