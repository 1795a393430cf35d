"""`devstack-lite step`: one boot, walked through its steps one key at a time."""

from __future__ import annotations

import contextlib
import datetime
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import click

from devstack_lite import cloud as clouds
from devstack_lite import cloud_files, failpoints
from devstack_lite.chaos.points import Points
from devstack_lite.cli import terminal
from devstack_lite.cli.boot import order_of
from devstack_lite.cli.session import Session, path_of
from devstack_lite.clock import utcnow
from devstack_lite.cloud import Cloud
from devstack_lite.exceptions import DevstackError
from devstack_lite.failpoints import Action, Failpoint, Firing
from devstack_lite.steps import STEPS, Step

LOOK_S = 0.02
NEXT_WITHIN_S = 60.0
"""Longer than every pause between two steps of a boot that nobody disturbs."""
NUMBERS = {f"boot.step-{step.number:02}.after": step for step in STEPS}


class _Boot(threading.Thread):
    """The client's part: steps 1 and 2, while the steps are held one after the other."""

    def __init__(self, client: Session, body: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._body = body
        self.server_name: str = body["server"]["name"]
        self.began_at = utcnow()
        self.server_id = ""
        self.error: DevstackError | None = None

    def run(self) -> None:
        try:
            self._client.login()
            answer = self._client.call("compute", "POST", "/servers", self._body)
            self.server_id = answer["server"]["id"]
        except DevstackError as error:
            self.error = error


@click.command()
@click.argument("server_name", metavar="NAME")
@click.option("--flavor", default="m1.tiny", show_default=True, help="Name or id.")
@click.option("--image", default="cirros", show_default=True, help="Name or id.")
@click.option("--network", multiple=True, help="Name or id; repeatable.  [default: private]")
@click.option("--auto", "auto_s", type=float, metavar="SECONDS", help="Go on by itself.")
@terminal.name_option
def step(
    server_name: str,
    flavor: str,
    image: str,
    network: tuple[str, ...],
    auto_s: float | None,
    name: str,
) -> None:
    """Boot one instance and walk it through its 18 steps, one key at a time.

    At each it says what just happened, in which process, how it got there, and what the database
    says now. Enter is the next step, r runs to the end, q lets go at once. Recovery waits as long
    as you do: nothing is handed out again while something is held.
    """
    cloud = clouds.find(name)
    known = Session(cloud_files.credentials(cloud))
    order = order_of(known, server_name, 1, flavor, image, network)
    request_id = f"req-{uuid.uuid4()}"
    client = Session(
        cloud_files.credentials(cloud), timeout_s=failpoints.HELD_CALL_S, request_id=request_id
    )
    body = order.body()
    body["server"].pop("return_reservation_id")
    hold = Failpoint(id="", point="boot.step-*.after", action=Action.HOLD, request_id=request_id)
    with contextlib.closing(Points(cloud)) as points, points.while_armed(hold) as armed:
        boot = _Boot(client, body)
        boot.start()
        _walk(cloud, points, armed, boot, _keys(auto_s))
    boot.join(timeout=NEXT_WITHIN_S)
    if boot.error is not None:
        raise boot.error
    _end(known, boot.server_id)


def _walk(
    cloud: Cloud, points: Points, armed: Failpoint, boot: _Boot, wait_for_key: Callable[[], str]
) -> None:
    """Show each step as it is held, and release it when told; return after the last."""
    console = terminal.out()
    console.print("[dim]Enter: the next step · r: run to the end · q: let go[/]")
    shown: set[int] = set()
    deadline = time.monotonic() + NEXT_WITHIN_S
    while len(shown) < len(STEPS) and time.monotonic() < deadline and boot.error is None:
        held = [one for one in points.firings(armed.id) if one.number not in shown]
        if not held:
            time.sleep(LOOK_S)
            continue
        # Two processes may be held at once, the api that has handed over and whoever took it.
        firing = min(held, key=lambda one: one.number)
        shown.add(firing.number)
        _show(cloud, NUMBERS[firing.point], firing, boot)
        key = wait_for_key()
        if key in {"r", "q"}:
            return
        points.release(firing)
        deadline = time.monotonic() + NEXT_WITHIN_S


def _show(cloud: Cloud, done: Step, firing: Firing, boot: _Boot) -> None:
    from rich.markup import escape

    console = terminal.out()
    console.print(f"\n[bold cyan]{done.number:>2}  {escape(done.what)}[/]")
    console.print(
        f"    in      {firing.service}@{firing.host}, worker {firing.worker}, pid {firing.pid}"
    )
    console.print(f"    by      {escape(done.how)}")
    console.print(f"    code    {escape(done.code)}")
    console.print(
        f"    row     {escape(_row(cloud, boot.server_name, boot.began_at))}", soft_wrap=True
    )


def _row(cloud: Cloud, server_name: str, began_at: datetime.datetime) -> str:
    """Return what the database says of the instance now, in one line."""
    import sqlalchemy as sa

    from devstack_lite.db.engine import Database
    from devstack_lite.db.schema import claims, instances, ports

    own = instances.c
    db = Database(cloud.database_reader_url, pool_size=1)
    try:
        with db.read() as connection:
            row = connection.execute(
                sa.select(instances).where(own.name == server_name, own.created_at >= began_at)
            ).first()
            if row is None:
                return "there is no instance yet"
            claim = connection.execute(
                sa.select(claims.c.node).where(claims.c.instance_uuid == row.uuid)
            ).scalar()
            held = connection.execute(
                sa.select(sa.func.count()).where(ports.c.device_id == row.uuid)
            ).scalar()
    finally:
        db.engine.dispose()
    parts = [
        f"{row.vm_state}/{row.task_state or '-'}",
        f"attempt {row.attempt}",
        f"claim on {claim}" if claim else "no claim",
        f"host {row.host}" if row.host else "no host",
        f"{held} ports",
        f"in the hand of {row.owner}" if row.owner else "in nobody's hand",
    ]
    return ", ".join(parts)


def _keys(auto_s: float | None) -> Callable[[], str]:
    if auto_s is not None:

        def go_on() -> str:
            time.sleep(auto_s)
            return ""

        return go_on
    lines: Iterator[str] = iter(sys.stdin)
    if sys.stdin.isatty():
        return lambda: click.getchar().lower().strip()
    return lambda: next(lines, "r").strip().lower()


def _end(client: Session, server_id: str) -> None:
    deadline = time.monotonic() + NEXT_WITHIN_S
    while True:
        server = client.get("compute", f"/servers/{path_of(server_id)}")["server"]
        if server["status"] != "BUILD" or time.monotonic() > deadline:
            break
        time.sleep(LOOK_S)
    click.echo(
        f"\n{server['name']} is {server['status']}; its trace: devstack-lite trace {server_id}"
    )
