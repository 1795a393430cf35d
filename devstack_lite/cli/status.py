"""`devstack-lite status`: who runs, since when, how big; how long the queues are; the instances."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from typing import Any

import click

from devstack_lite import cloud as clouds
from devstack_lite import cloud_files, holds, processes, reaper, roster
from devstack_lite.broker import probe
from devstack_lite.cli import session, terminal
from devstack_lite.cloud import Cloud
from devstack_lite.exceptions import DevstackError
from devstack_lite.reaper import Ref
from devstack_lite.roster import Roster

MIB = 1024 * 1024
DEBUGGED = "debugged"
"""In front of somebody who called `up --debug`; one process, launcher and worker alike."""
GOOD = frozenset({"running", DEBUGGED})


@click.command()
@terminal.name_option
@terminal.json_option
def status(name: str, as_json: bool) -> None:
    """Show each daemon's launcher and workers, the queues, and the instances by state.

    Memory is PSS: what is shared is divided among those that share it, so that the sum is true.
    The exit code is 0 when everything runs and 3 when not.
    """
    cloud = clouds.find(name)
    facts = gather(cloud)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        _print(facts)
    if not facts["is_up"]:
        raise SystemExit(3)


def gather(cloud: Cloud) -> dict[str, Any]:
    """Return everything that status shows, as JSON types."""
    found = roster.read(cloud.state_dir)
    is_supervised = found is not None and found.is_alive()
    daemons = [
        _daemon(one, found, holds.holder_of(cloud.state_dir, one.name))
        for one in processes.of(cloud)
    ]
    facts: dict[str, Any] = {
        "name": cloud.name,
        "is_up": is_supervised and all(one["state"] in GOOD for one in daemons),
        "phase": found.phase.value if found is not None and is_supervised else "stopped",
        "waiting_for": found.waiting_for if found is not None and is_supervised else "",
        "state_dir": str(cloud.state_dir),
        "endpoints": cloud.endpoints,
        "metadata": {"url": cloud.metadata_url, "is_answering": _is_well(cloud.metadata_url)},
        "supervisor": _process(found.pid) if found is not None and is_supervised else None,
        "broker": _broker(cloud, found),
        "daemons": daemons,
        "queues": {},
        "instances": None,
    }
    if is_supervised:
        with contextlib.suppress(Exception):
            facts["queues"] = probe.queue_depths(cloud.broker, processes.queues(cloud))
        facts["instances"] = _instances(cloud)
    facts["memory_mib"] = {
        "daemons": _sum([*daemons, facts["supervisor"] or {}]),
        "broker": facts["broker"]["memory_mib"],
    }
    return facts


def _daemon(
    process: processes.Process, found: Roster | None, in_front: Ref | None
) -> dict[str, Any]:
    entry = found.daemons.get(process.name) if found is not None else None
    facts: dict[str, Any] = {
        "name": process.name,
        "state": "stopped",
        "launcher_pid": None,
        "worker_pids": [],
        "uptime_s": None,
        "restarts": entry.restarts if entry is not None else 0,
        "last_exit": entry.last_exit if entry is not None else None,
        "memory_mib": 0.0,
    }
    if entry is not None and entry.ref.is_alive():
        workers = [one.pid for one in reaper.session_members(entry.ref) if one.pid != entry.pid]
        measured = [_process(pid)["memory_mib"] for pid in (entry.pid, *workers)]
        facts |= {
            "state": entry.state.value,
            "launcher_pid": entry.pid,
            "worker_pids": sorted(workers),
            "uptime_s": round(time.time() - entry.started_at, 1),
            "memory_mib": round(sum(measured), 1),
        }
    elif in_front is not None:
        facts |= {
            "state": DEBUGGED,
            "launcher_pid": in_front.pid,
            "memory_mib": _process(in_front.pid)["memory_mib"],
        }
    elif entry is not None and found is not None and found.is_alive():
        is_held = entry.state is roster.DaemonState.HELD
        facts["state"] = "held" if is_held else "restarting"
    return facts


def _broker(cloud: Cloud, found: Roster | None) -> dict[str, Any]:
    broker = cloud.broker
    living = [one.pid for one in (found.broker if found is not None else []) if one.is_alive()]
    return {
        "kind": broker.kind,
        "address": f"{broker.host}:{broker.port}",
        "vhost": broker.vhost,
        "is_answering": probe.answers(broker.host, broker.port),
        "pids": living,
        "restarts": found.broker_restarts if found is not None else 0,
        "memory_mib": round(sum(_process(pid)["memory_mib"] for pid in living), 1),
    }


def _is_well(url: str) -> bool:
    """Say whether an API answers that it is well, without a token."""
    with contextlib.suppress(DevstackError):
        return session.send("GET", f"{url}/healthcheck", timeout_s=2.0).status == 200
    return False


def _process(pid: int) -> dict[str, Any]:
    import psutil

    memory = 0
    with contextlib.suppress(psutil.Error):
        info = psutil.Process(pid).memory_full_info()
        memory = getattr(info, "pss", info.rss)
    return {"pid": pid, "memory_mib": round(memory / MIB, 1)}


def _sum(parts: list[dict[str, Any]]) -> float:
    total: float = sum(part.get("memory_mib", 0.0) for part in parts)
    return round(total, 1)


def _instances(cloud: Cloud) -> dict[str, int] | None:
    """Return how many instances of all projects are in each status; None when nobody answers."""
    client = session.Session(cloud_files.credentials(cloud), timeout_s=5.0)
    counts: Counter[str] = Counter()
    marker: dict[str, str] = {}
    try:
        while True:
            page = client.get("compute", "/servers/detail", all_tenants=1, limit=1000, **marker)
            servers = page["servers"]
            counts.update(server["status"] for server in servers)
            if not servers or "servers_links" not in page:
                return dict(sorted(counts.items()))
            marker = {"marker": servers[-1]["id"]}
    except DevstackError:
        return None


def _print(facts: dict[str, Any]) -> None:
    from rich.table import Table

    console = terminal.out()
    colour = "green" if facts["is_up"] else "red"
    word = "up" if facts["is_up"] else facts["phase"]
    waiting = f", waiting for {facts['waiting_for']}" if facts["waiting_for"] else ""
    console.print(f"[bold]{facts['name']}[/] is [{colour}]{word}[/]{waiting}  {facts['state_dir']}")

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("daemon", "state", "launcher", "workers"):
        table.add_column(title)
    for title in ("uptime", "restarts", "memory"):
        table.add_column(title, justify="right")
    for one in facts["daemons"]:
        shade = "green" if one["state"] in GOOD else "red"
        table.add_row(
            one["name"],
            f"[{shade}]{one['state']}[/]",
            str(one["launcher_pid"] or "-"),
            " ".join(map(str, one["worker_pids"])) or "-",
            _duration(one["uptime_s"]),
            str(one["restarts"]),
            f"{one['memory_mib']:.0f} MiB",
        )
    console.print(table)

    broker, metadata = facts["broker"], facts["metadata"]
    console.print(f"metadata   {metadata['url']}, {_answer(metadata)}")
    console.print(f"broker     {broker['kind']} at {broker['address']}, {_answer(broker)}")
    depths = ", ".join(f"{queue} {depth}" for queue, depth in facts["queues"].items() if depth)
    console.print(f"queues     {depths or 'empty'}")
    instances = facts["instances"]
    if instances is None:
        console.print("instances  unknown: the API does not answer")
    else:
        states = ", ".join(f"{count} {state}" for state, count in instances.items())
        console.print(f"instances  {states or 'none'}")
    memory = facts["memory_mib"]
    console.print(
        f"memory     {memory['daemons']:.0f} MiB, and the broker's {memory['broker']:.0f} MiB"
    )


def _answer(part: dict[str, Any]) -> str:
    return "[green]answers[/]" if part["is_answering"] else "[red]does not answer[/]"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
