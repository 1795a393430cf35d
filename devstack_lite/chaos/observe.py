"""Looks at a cloud when the load is over: has it settled, what is there, do the invariants hold."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from devstack_lite import cloud_files, processes
from devstack_lite.chaos import targets
from devstack_lite.chaos.history import Event, History, Outcome
from devstack_lite.chaos.load import Load
from devstack_lite.cli.readiness import Readiness
from devstack_lite.cli.session import Session, path_of
from devstack_lite.cloud import Cloud
from devstack_lite.exceptions import DevstackError
from devstack_lite.invariants.check import HOSTS_LOOK_WITHIN_S

CHECK_TIMEOUT_S = 120.0
CLEAN_S = 60.0
LOOK_S = 0.1
FOUND_SHOWN = 2000
"""Characters kept of what a check prints."""


def settle(cloud: Cloud, load: Load, history: History, timeout_s: float) -> bool:
    """Wait until everything is over and every daemon serves again; note and say whether.

    Requests that were never answered may have been taken all the same: what they began is waited
    for, too.
    """
    deadline = time.monotonic() + timeout_s
    is_idle = load.wait_until_idle(timeout_s)
    while (missing := not_up(cloud)) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    while (moving := _in_transit(cloud, load)) != [] and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    is_settled = is_idle and not missing and moving == []
    history.add("settled", is_settled=is_settled, waiting_for=missing, in_transit=moving,
                under_way=load.under_way())  # fmt: skip
    return is_settled


def _in_transit(cloud: Cloud, load: Load) -> list[str] | None:
    """Return the load's servers that something is done to; None when the API does not say."""
    try:
        found = load.list_servers(Session(cloud_files.credentials(cloud)))
    except DevstackError:
        return None
    return [one["id"] for one in found if one["OS-EXT-STS:task_state"] is not None]


def not_up(cloud: Cloud) -> list[str]:
    """Return what does not serve: processes without workers, services that are not up."""
    silent = [one.name for one in processes.of(cloud) if not targets.workers(cloud, one.name)]
    return silent or Readiness(cloud).missing()


def look(cloud: Cloud, load: Load, history: History) -> None:
    """Note the load's servers, and which requests those that refused some say they carried out.

    Notes nothing when the API does not answer.
    """
    client = Session(cloud_files.credentials(cloud))
    try:
        servers = load.list_servers(client)
        refused = _servers_that_refused(history.events())
        actions = {
            one["id"]: _actions_of(client, one["id"]) for one in servers if one["id"] in refused
        }
    except DevstackError:
        return
    history.add("final", actions=actions, servers=[
        {"id": one["id"], "name": one["name"], "status": one["status"],
         "task_state": one["OS-EXT-STS:task_state"],
         "host": one.get("OS-EXT-SRV-ATTR:host"),
         "fault": one.get("fault", {}).get("message")}
        for one in servers
    ])  # fmt: skip


def _servers_that_refused(events: Sequence[Event]) -> set[str]:
    return {
        event["server_id"]
        for event in events
        if event["type"] == "answer"
        and event["outcome"] == Outcome.REFUSED
        and event.get("server_id")
    }


def _actions_of(client: Session, server_id: str) -> list[str]:
    found = client.get("compute", f"/servers/{path_of(server_id)}/os-instance-actions")
    return [one["request_id"] for one in found["instanceActions"]]


def check(cloud: Cloud, history: History) -> None:
    """Have the invariants checked, and note what the check says."""
    command = [sys.executable, "-P", "-m", "devstack_lite.cli.main", "check", "--json"]
    try:
        done = subprocess.run(
            [*command, "--wait", str(HOSTS_LOOK_WITHIN_S), "--name", cloud.name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CHECK_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        history.add("check", exit_code=2, report="it took too long")
        return
    report: Any = (done.stdout or done.stderr).strip()
    try:
        report = json.loads(report)
    except ValueError:
        report = report[-FOUND_SHOWN:]
    history.add("check", exit_code=done.returncode, report=report)


def clean(cloud: Cloud, load: Load, history: History) -> None:
    """Delete the load's servers, and note those that are still there after CLEAN_S."""
    client = Session(cloud_files.credentials(cloud))
    deadline = time.monotonic() + CLEAN_S
    left: list[str] = []
    asked: set[str] = set()
    while time.monotonic() < deadline:
        try:
            left = [one["id"] for one in load.list_servers(client)]
            for server_id in left:
                if server_id not in asked:
                    answer = client.request("compute", "DELETE", f"/servers/{path_of(server_id)}")
                    if answer.status in {204, 404}:
                        asked.add(server_id)
        except DevstackError:
            left = left or ["unknown"]
            continue
        if not left:
            break
        time.sleep(LOOK_S)
    history.add("cleaned", left=left)
