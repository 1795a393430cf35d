"""A cloud that is broken on purpose: what was accepted comes true, and everybody comes back."""

from __future__ import annotations

import json

import pytest

from devstack_lite.chaos import history, targets
from devstack_lite.chaos.plan import FaultKind
from tests.chaos.conftest import all_active, boot, running_guests, state_of
from tests.integration.conftest import wait_until
from tests.integration.whole_cloud import WholeCloud, run

pytestmark = pytest.mark.cloud

ROLES = {
    "api",
    "compute",
    "conductor",
    "identity",
    "image",
    "network",
    "placement",
    "scheduler",
    "volume",
}


def test_ten_seconds_of_monkey_end_valid(cloud: WholeCloud) -> None:
    """Kills and pauses of a fixed seed under load break no promise; all is on record."""
    text = cloud.command(
        "chaos", "monkey", "--seed", "4", "--duration", "10", "--rate", "1", "--load", "8", "--json"
    )
    report = json.loads(text)
    assert report["verdict"] == "valid"
    assert report["findings"] == []
    assert sum(fault["pid"] is not None for fault in report["faults"]) >= 4
    assert report["operations"]["boot"]["accepted"] >= 10
    folder = cloud.record.state_dir / "chaos"
    assert report["folder"].startswith(str(folder))
    (run_folder,) = folder.iterdir()
    assert {path.name for path in run_folder.iterdir()} == {
        "history.jsonl", "report.json", "report.html",
    }  # fmt: skip
    events = history.read(run_folder)
    assert events[0]["type"] == "header"
    assert events[0]["settings"]["seed"] == 4
    assert events[-1] == {**events[-1], "type": "verdict", "verdict": "valid"}
    again = run("devstack-lite", "chaos", "report", str(run_folder), "--json", home=cloud.home)
    assert json.loads(again)["recoveries"] == report["recoveries"]
    assert cloud.servers("monkey") == []


def test_a_worker_of_each_role_is_killed_under_boots(cloud: WholeCloud) -> None:
    """Of each role one worker dies under ten boots: all that were accepted are ACTIVE, and soon."""
    report = json.loads(cloud.command("chaos", "roles", "--quick", "--count", "10", "--json"))
    assert report["verdict"] == "valid"
    rows = {row["role"]: row for row in report["matrix"] if row["kind"] == FaultKind.KILL_WORKER}
    assert set(rows) == ROLES
    for role, row in rows.items():
        # Whoever talked to the killed API worker got no answer: neither yes nor no.
        expected = {"ACTIVE", "indefinite"} if role == "api" else {"ACTIVE"}
        assert row["struck"] == 1
        assert set(row["became"]) <= expected, (role, row)
        assert row["recovery"]["worst_s"] < 10.0, (role, row)


def test_boots_outlive_the_broker(cloud: WholeCloud) -> None:
    """RabbitMQ is killed with ten boots in its queues, comes back, and all ten are ACTIVE."""
    if cloud.record.broker.kind != "local":
        pytest.skip("the broker is no process of this cloud's own")
    boot(cloud, "rabbit", 10)
    assert "Its place is taken again" in cloud.command("chaos", "broker", "restart")
    all_active(cloud, "rabbit", 10)
    assert cloud.status()["broker"]["restarts"] == 1
    cloud.delete_all("rabbit")


def test_a_host_that_crashed_comes_back(cloud: WholeCloud) -> None:
    """Its daemon is killed, launcher and all; its guests run on, and boots under way finish."""
    boot(cloud, "crash-before", 6)
    before = all_active(cloud, "crash-before", 6)
    boot(cloud, "crash-under", 9)
    cloud.command("chaos", "host", "crash", "host1")
    all_active(cloud, "crash-under", 9)
    mine = {one["id"] for one in before if one["OS-EXT-SRV-ATTR:host"] == "host1"}
    assert mine
    assert mine <= running_guests(cloud, "host1")
    cloud.delete_all("crash-")


def test_a_host_without_power_stays_off_until_it_has_power_again(cloud: WholeCloud) -> None:
    """Its guests die with it; when it is back they are SHUTOFF, and can be started."""
    boot(cloud, "power", 6)
    servers = all_active(cloud, "power", 6)
    mine = [one["id"] for one in servers if one["OS-EXT-SRV-ATTR:host"] == "host2"]
    assert set(mine) == running_guests(cloud, "host2")
    said = cloud.command("chaos", "host", "power-off", "host2")
    assert f"{len(mine)} guests died" in said
    assert running_guests(cloud, "host2") == set()
    wait_until(lambda: state_of(cloud, "compute-host2") == "held", "the daemon is held")

    cloud.command("chaos", "host", "power-on", "host2")
    for server_id in mine:
        cloud.wait_for(server_id, "SHUTOFF")
        assert (
            cloud.compute("POST", f"/servers/{server_id}/action", {"os-start": None}).status == 202
        )
        cloud.wait_for(server_id, "ACTIVE")
    assert set(mine) == running_guests(cloud, "host2")
    cloud.delete_all("power")


def test_a_conductor_worker_that_was_paused_does_no_harm(cloud: WholeCloud) -> None:
    """Whom nobody answers asks another; who wakes up again changes nothing twice."""
    (paused,) = targets.workers(cloud.record, "conductor", 1)
    cloud.command("chaos", "pause", "conductor", "--worker", "1")
    assert targets.is_stopped(paused.ref)
    boot(cloud, "paused", 10)
    all_active(cloud, "paused", 10)
    assert str(paused) in cloud.command("chaos", "resume")
    assert not targets.is_stopped(paused.ref)
    cloud.delete_all("paused")


def test_a_killed_launcher_is_replaced(cloud: WholeCloud) -> None:
    """Its workers go with it, and boots wait for the next ones."""
    (before,) = targets.launchers(cloud.record, "scheduler")
    boot(cloud, "launcher", 10)
    cloud.command("chaos", "kill", "scheduler", "--launcher")
    all_active(cloud, "launcher", 10)
    (after,) = targets.launchers(cloud.record, "scheduler")
    assert after.ref != before.ref
    cloud.delete_all("launcher")
