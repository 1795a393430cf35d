"""`devstack-lite boot`: servers over the HTTP API, as any client boots them."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import click

from devstack_lite import cloud as clouds
from devstack_lite import cloud_files
from devstack_lite.cli import terminal
from devstack_lite.cli.session import Session
from devstack_lite.exceptions import DevstackError

FIRST_POLL_S, LONGEST_POLL_S = 0.05, 0.5
"""One boot takes a tenth of a second; 200 at once are asked for twice a second."""
SHOWN_FAULTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What shall be booted, with every name already an id."""

    name: str
    count: int
    flavor_id: str
    image_id: str
    network_ids: tuple[str, ...]
    key_name: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the body of POST /servers."""
        server: dict[str, Any] = {
            "name": self.name,
            "flavorRef": self.flavor_id,
            "imageRef": self.image_id,
            "min_count": self.count,
            "max_count": self.count,
            "return_reservation_id": True,
        }
        if self.network_ids:
            server["networks"] = [{"uuid": network_id} for network_id in self.network_ids]
        if self.key_name is not None:
            server["key_name"] = self.key_name
        return {"server": server}


def order_of(
    client: Session,
    server_name: str,
    count: int,
    flavor: str,
    image: str,
    networks: tuple[str, ...],
    key_name: str | None = None,
) -> Order:
    """Return the order with the ids of what is named. Raises NotFound; private is the default."""
    return Order(
        name=server_name,
        count=count,
        flavor_id=client.find("compute", "/flavors", "flavors", flavor)["id"],
        image_id=client.find("image", "/v2/images", "images", image)["id"],
        network_ids=tuple(
            client.find("network", "/v2.0/networks", "networks", one)["id"]
            for one in networks or ("private",)
        ),
        key_name=key_name,
    )


@click.command()
@click.argument("server_name", metavar="NAME")
@terminal.name_option
@click.option("--count", type=click.IntRange(1, 1000), default=1, show_default=True)
@click.option("--flavor", default="m1.tiny", show_default=True, help="Name or id.")
@click.option("--image", default="cirros", show_default=True, help="Name or id.")
@click.option("--network", multiple=True, help="Name or id; may be repeated.  [default: private]")
@click.option("--key-name", help="A key pair's name.")
@click.option("--demo", is_flag=True, help="As the demo user instead of admin.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Until they are ACTIVE.")
@click.option("--timeout", "timeout_s", default=120.0, show_default=True, help="Seconds to wait.")
def boot(
    server_name: str,
    name: str,
    count: int,
    flavor: str,
    image: str,
    network: tuple[str, ...],
    key_name: str | None,
    demo: bool,
    wait: bool,
    timeout_s: float,
) -> None:
    """Boot instances in one request, and wait until they are ACTIVE.

    Several get the name with -1, -2, … behind it. The exit code is 1 when one ends in ERROR, with
    its fault, or is not ACTIVE in time.
    """
    client = Session(cloud_files.credentials(clouds.find(name), demo=demo))
    order = order_of(client, server_name, count, flavor, image, network, key_name)
    began = time.monotonic()
    reservation_id = client.call("compute", "POST", "/servers", order.body())["reservation_id"]
    if not wait:
        click.echo(f"{count} requested as {reservation_id}.")
        return
    servers = _wait(client, reservation_id, count, timeout_s)
    _report(servers, count, time.monotonic() - began, timeout_s)


def _wait(
    client: Session, reservation_id: str, count: int, timeout_s: float
) -> list[dict[str, Any]]:
    """Return the servers when all of them are ACTIVE or in ERROR, or time is over."""
    from rich import progress

    console = terminal.err()
    bar = progress.Progress(
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    deadline = time.monotonic() + timeout_s
    pause_s = FIRST_POLL_S
    with bar:
        task = bar.add_task("building", total=count)
        while True:
            servers = servers_of(client, reservation_id)
            states = Counter(server["status"] for server in servers)
            bar.update(
                task,
                completed=states["ACTIVE"] + states["ERROR"],
                description=", ".join(f"{number} {state}" for state, number in states.items()),
            )
            if states["ACTIVE"] + states["ERROR"] >= count or time.monotonic() > deadline:
                return servers
            time.sleep(pause_s)
            pause_s = min(LONGEST_POLL_S, pause_s * 1.5)


def servers_of(client: Session, reservation_id: str) -> list[dict[str, Any]]:
    """Return the servers of one request, in full."""
    found = client.get("compute", "/servers/detail", reservation_id=reservation_id, limit=1000)
    servers: list[dict[str, Any]] = found["servers"]
    return servers


def _report(servers: list[dict[str, Any]], count: int, elapsed_s: float, timeout_s: float) -> None:
    active = [server for server in servers if server["status"] == "ACTIVE"]
    for server in active[:20]:
        click.echo(f"{server['id']}  {server['name']}  {_addresses(server)}")
    if len(active) > len(active[:20]):
        click.echo(f"… and {len(active) - 20} more")
    click.echo(f"{len(active)} of {count} ACTIVE after {elapsed_s:.2f} s")
    failed = [server for server in servers if server["status"] == "ERROR"]
    if failed:
        for server in failed[:SHOWN_FAULTS]:
            message = server.get("fault", {}).get("message", "it has no fault")
            click.echo(f"{server['name']}: {message}", err=True)
        raise DevstackError(f"{len(failed)} of {count} ended in ERROR.")
    if len(active) < count:
        raise DevstackError(f"{count - len(active)} were not ACTIVE within {timeout_s:g} s.")


def _addresses(server: dict[str, Any]) -> str:
    return " ".join(
        f"{network}={', '.join(one['addr'] for one in addresses)}"
        for network, addresses in server.get("addresses", {}).items()
    )
