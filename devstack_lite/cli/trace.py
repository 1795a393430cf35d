"""`devstack-lite trace`: one boot's 18 steps, as a table and as a waterfall."""

from __future__ import annotations

import json
from typing import Any

import click

from devstack_lite import cloud as clouds
from devstack_lite import cloud_files
from devstack_lite.cli import terminal
from devstack_lite.cli.session import Session, path_of
from devstack_lite.exceptions import NotFound

BAR_WIDTH = 44


@click.command()
@click.argument("server", required=False)
@click.option("--last", is_flag=True, help="The server that was asked for last.")
@terminal.name_option
@terminal.json_option
def trace(server: str | None, last: bool, name: str, as_json: bool) -> None:
    """Show who did each of the 18 steps of a server's boot, when, and for how long.

    SERVER is a name or an id. A step's duration is its own: what it waits for is another step's, so
    that the durations add up to the boot's.
    """
    if (server is None) != last:
        raise click.UsageError("Give either a server or --last.")
    client = Session(cloud_files.credentials(clouds.find(name)))
    server_id = _last_server(client) if server is None else server_id_of(client, server)
    found = client.get("compute", f"/servers/{path_of(server_id)}/os-boot-trace")["boot_trace"]
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _print(found)


def _last_server(client: Session) -> str:
    found = client.get(
        "compute", "/servers", all_tenants=1, sort_key="created_at", sort_dir="desc", limit=1
    )["servers"]
    if not found:
        raise NotFound("No server was booted yet; try `devstack-lite boot vm1`.", kind="server")
    return str(found[0]["id"])


def server_id_of(client: Session, wanted: str) -> str:
    """Return the id of the server of that name or id, in any project. Raises NotFound."""
    answer = client.request("compute", "GET", f"/servers/{path_of(wanted)}")
    if answer.status < 400:
        return str(answer.body["server"]["id"])
    return str(client.find("compute", "/servers", "servers", wanted, all_tenants=1)["id"])


def _print(found: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    console = terminal.out()
    steps = found["steps"]
    elapsed_s = found["elapsed_s"] or 0.0
    console.print(
        f"[bold]{escape(found['name'])}[/] {found['server_id']} is {found['status']}"
        f" after {elapsed_s * 1000:.1f} ms, attempt {found['attempt']}"
    )
    console.print(f"request {found['request_id']}, started {found['started_at']}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("what", overflow="fold", ratio=3)
    table.add_column("where", ratio=2)
    table.add_column("pid/worker", justify="right")
    table.add_column("at ms", justify="right")
    table.add_column("ms", justify="right")
    table.add_column("outcome", overflow="fold", ratio=1)
    for step in steps:
        table.add_row(
            str(step["step"]),
            escape(step["what"]),
            f"{step['service']}@{step['host']}",
            f"{step['pid']}/{step['worker']}",
            f"{step['offset_s'] * 1000:.1f}",
            f"{step['duration_s'] * 1000:.1f}",
            outcome_of(step),
        )
    console.print(table)
    console.print()
    # The client had its token before its boot began: step 1 lies left of zero.
    first_s = min([0.0, *(step["offset_s"] for step in steps)])
    last_s = max([elapsed_s, *(step["offset_s"] + step["duration_s"] for step in steps)])
    for step in steps:
        drawn = bar(step["offset_s"] - first_s, step["duration_s"], last_s - first_s)
        console.print(
            f"{step['step']:>2} {step['service']:<9} [cyan]{drawn}[/]"
            f" {step['duration_s'] * 1000:7.1f} ms"
        )
    total_s = sum(step["duration_s"] for step in steps if step["step"] > 1)
    console.print(f"{'2 to 18':>12} {'':<{BAR_WIDTH}} {total_s * 1000:7.1f} ms")


def outcome_of(step: dict[str, Any]) -> str:
    """Return a step's outcome, marked up, with the detail of one that did not go well."""
    from rich.markup import escape

    if step["outcome"] == "ok":
        return "[green]ok[/]"
    detail = f": {step['detail']}" if step.get("detail") else ""
    return f"[red]{escape(step['outcome'] + detail)}[/]"


def bar(begin_s: float, duration_s: float, span_s: float) -> str:
    """Return a step's line of the waterfall, BAR_WIDTH wide: an eighth of a column is seen."""
    if span_s <= 0:
        return " " * BAR_WIDTH
    begin = min(BAR_WIDTH - 1, int(begin_s / span_s * BAR_WIDTH))
    eighths = max(1, round(duration_s / span_s * BAR_WIDTH * 8))
    whole, rest = divmod(eighths, 8)
    drawn: str = "█" * whole + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
    return (" " * begin + drawn)[:BAR_WIDTH].ljust(BAR_WIDTH)
