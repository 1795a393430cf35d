"""`devstack-lite fill`: put load on a cloud, many servers of a mix of flavors."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from devstack_lite import cloud as clouds
from devstack_lite import cloud_files
from devstack_lite.cli import boot, terminal
from devstack_lite.cli.session import Session
from devstack_lite.exceptions import DevstackError, Invalid

DEFAULT_MIX = {"m1.tiny": 6.0, "m1.small": 3.0, "m1.medium": 1.0}
POLL_S = 0.2


@click.command()
@click.option("--instances", default=100, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--mix", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="YAML: flavors and shares.  [default: tiny 6, small 3, medium 1]")  # fmt: skip
@click.option("--batch", default=100, show_default=True, type=click.IntRange(1, 1000),
              help="Servers in one request.")  # fmt: skip
@click.option("--seed", default=1, show_default=True, help="Of the order of flavors.")
@click.option("--image", default="cirros", show_default=True, help="Name or id.")
@click.option("--timeout", "timeout_s", default=120.0, show_default=True, help="Of one request.")
@terminal.name_option
def fill(
    instances: int,
    mix: Path | None,
    batch: int,
    seed: int,
    image: str,
    timeout_s: float,
    name: str,
) -> None:
    """Boot many servers of a mix of flavors, batch after batch.

    Ends when all are ACTIVE or in ERROR. Those that find no host are counted, and their fault is
    shown once: a cloud that is full is what this is for. `devstack-lite down --wipe` forgets them.
    """
    client = Session(cloud_files.credentials(clouds.find(name)))
    shares = DEFAULT_MIX if mix is None else read_mix(mix)
    states: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    began = time.monotonic()
    with _progress() as bar:
        task = bar.add_task("filling", total=instances)
        for number, (flavor, count) in enumerate(batches(shares, instances, batch, seed), 1):
            order = boot.order_of(client, f"fill-{number}", count, flavor, image, ())
            made = client.call("compute", "POST", "/servers", order.body())["reservation_id"]
            servers = _settled(client, made, count, timeout_s)
            states.update(server["status"] for server in servers)
            faults.update(
                server.get("fault", {}).get("message", "") for server in servers
                if server["status"] == "ERROR"
            )  # fmt: skip
            rate = states.total() / (time.monotonic() - began)
            bar.update(task, completed=states.total(), description=f"{flavor}, {rate:.0f}/s")
    took_s = time.monotonic() - began
    said = ", ".join(f"{amount} {state}" for state, amount in states.most_common())
    click.echo(f"{said} after {took_s:.1f} s: {states.total() / took_s:.0f} servers/s")
    for message, amount in faults.most_common(boot.SHOWN_FAULTS):
        click.echo(f"{amount} times: {message}", err=True)
    if states.total() < instances or states["BUILD"]:
        raise DevstackError(f"Not all were over within {timeout_s:g} s.")


def read_mix(path: Path) -> dict[str, float]:
    """Return the shares of flavors that a YAML file has. Raises Invalid."""
    import yaml

    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Invalid(f"{path} is no YAML: {error}") from error
    is_mix = isinstance(found, dict) and all(
        isinstance(share, (int, float)) and share > 0 for share in found.values()
    )
    if not is_mix or not found:
        raise Invalid(f"{path} must have flavors with shares above 0, such as `m1.tiny: 3`.")
    return {str(flavor): float(share) for flavor, share in found.items()}


def batches(
    shares: dict[str, float], instances: int, size: int, seed: int
) -> Iterator[tuple[str, int]]:
    """Yield flavors and how many of each, in requests of at most size, instances in all."""
    chance = random.Random(seed)  # noqa: S311 - it shall be repeatable
    left = instances
    while left:
        drawn = chance.choices(list(shares), list(shares.values()), k=min(size, left))
        yield from Counter(drawn).items()
        left -= len(drawn)


def _settled(
    client: Session, reservation_id: str, count: int, timeout_s: float
) -> list[dict[str, Any]]:
    deadline = time.monotonic() + timeout_s
    while True:
        servers = boot.servers_of(client, reservation_id)
        over = sum(server["status"] in {"ACTIVE", "ERROR"} for server in servers)
        if over >= count or time.monotonic() > deadline:
            return servers
        time.sleep(POLL_S)


def _progress() -> Any:
    from rich import progress

    console = terminal.err()
    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
