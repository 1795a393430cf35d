"""`devstack-lite explain`: why a server is where it is, or nowhere."""

from __future__ import annotations

import json
from typing import Any

import click

from devstack_lite import cloud as clouds
from devstack_lite import cloud_files
from devstack_lite.cli import terminal
from devstack_lite.cli.session import Session, path_of
from devstack_lite.cli.trace import server_id_of
from devstack_lite.exceptions import NotFound

BAR_WIDTH = 20


@click.command()
@click.argument("what", metavar="SERVER|REQUEST_ID", required=False)
@click.option("--what-if", is_flag=True, help="Decide for a server that is not there.")
@click.option("--flavor", default="m1.tiny", show_default=True, help="Of it: a name or an id.")
@click.option("--image", default="cirros", show_default=True, help="Of it: a name or an id.")
@click.option("--zone", metavar="ZONE[:HOST]", help="Where it shall be.")
@click.option("--hint", "hints", multiple=True, metavar="KEY=VALUE", help="For it; repeatable.")
@click.option(
    "--count", default=1, show_default=True, type=click.IntRange(1, 1000), help="Of them."
)
@terminal.name_option
@terminal.json_option
def explain(
    what: str | None,
    what_if: bool,
    flavor: str,
    image: str,
    zone: str | None,
    hints: tuple[str, ...],
    count: int,
    name: str,
    as_json: bool,
) -> None:
    """Show why the scheduler chose a server's host, or found none.

    For each decision: how many nodes each filter left and why it rejected the others, how the best
    were weighed, and what the claim answered. --what-if decides without placing anything.
    """
    if (what is None) != what_if:
        raise click.UsageError("Give either a server, a request id, or --what-if.")
    client = Session(cloud_files.credentials(clouds.find(name)))
    if what_if:
        asked: dict[str, Any] = {
            "flavorRef": client.find("compute", "/flavors", "flavors", flavor)["id"],
            "imageRef": client.find("image", "/v2/images", "images", image)["id"],
            "count": count,
            "hints": dict(_pair(hint) for hint in hints),
        }
        if zone:
            asked["availability_zone"] = zone
        answer = client.call("compute", "POST", "/os-decisions/what-if", {"what_if": asked})
        found = [answer["decision"]]
    elif str(what).startswith("req-"):
        found = client.get("compute", "/os-decisions", request_id=what)["decisions"]
    else:
        server = server_id_of(client, str(what))
        found = client.get("compute", f"/servers/{path_of(server)}/os-decisions")["decisions"]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        raise NotFound(f"No decision is kept for {what}.", kind="decision")
    for decision in found:
        _print(decision)


def _pair(text: str) -> tuple[str, str]:
    key, mark, value = text.partition("=")
    if not mark:
        raise click.UsageError(f"A hint is KEY=VALUE, not {text}.")
    return key, value


def _print(decision: dict[str, Any]) -> None:
    from rich.markup import escape

    console = terminal.out()
    if "created_at" in decision:
        console.print(f"[bold]{decision['created_at'][:19]}[/] request {decision['request_id']}")
    console.print(_filters(decision["filters"]))
    if decision["best"]:
        console.print(_ranking(decision["best"]))
    for chosen in decision["selections"]:
        became = f": {chosen['answer']}" if "answer" in chosen else ""
        who = chosen.get("instance", "a server")
        console.print(f"{who} -> {chosen['node']}, weight {chosen['weight']:.3f}{became}")
    for refused in decision.get("refused", ()):
        console.print(f"{refused['instance']} -> [red]no host[/]")
    if decision.get("reason"):
        console.print(f"No valid host was found. {escape(decision['reason'])}")


def _filters(filters: list[dict[str, Any]]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    total = max(filters[0]["start"], 1) if filters else 1
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("filter")
    table.add_column("nodes", justify="right")
    table.add_column("left", justify="right")
    table.add_column("")
    table.add_column("why not the others", overflow="fold")
    for one in filters:
        table.add_row(
            one["name"], str(one["start"]), str(one["end"]), _bar(one["end"] / total),
            escape(one["reason"]),
        )  # fmt: skip
    return table


def _ranking(best: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("best nodes")
    for weigher in best[0]["scores"]:
        table.add_column(weigher, justify="right")
    table.add_column("weight", justify="right")
    table.add_column("")
    most = max(one["weight"] for one in best)
    for one in best:
        table.add_row(
            one["node"], *(f"{score:.3f}" for score in one["scores"].values()),
            f"{one['weight']:.3f}", _bar(one["weight"] / most if most > 0 else 0.0),
        )  # fmt: skip
    return table


def _bar(share: float) -> str:
    return "█" * round(max(0.0, share) * BAR_WIDTH)
