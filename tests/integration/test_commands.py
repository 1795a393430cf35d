"""`devstack-lite` as a person uses it: a whole cloud of real processes, and what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from devstack_lite import cloud as clouds
from devstack_lite import control, processes, reaper, roster
from devstack_lite.broker import choose, local, probe
from tests.integration.conftest import ROOT, wait_until

pytestmark = pytest.mark.cloud


def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "devstack_lite.cli.main", *arguments],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, f"{arguments}: {done.stdout}\n{done.stderr}"
    return done


def status(name: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(run("status", "--name", name, "--json").stdout)
    return facts


@pytest.fixture
def cloud(home: Path) -> Iterator[clouds.Cloud]:
    """A cloud that is up, small, with a broker of its own."""
    run("up", "--name", "small", "--hosts", "1", "--broker", "local")
    yield clouds.find("small")
    run("down", "--name", "small")


def test_up_status_restart_down(home: Path) -> None:
    """A cloud comes up, says that it is up, restarts a daemon, and is gone after down."""
    done = run("up", "--name", "small", "--hosts", "2", "--broker", "local", "--workers", "api=1")
    assert "small is up" in done.stdout
    assert "ok the broker" in done.stderr
    assert run("up", "--name", "small").stdout.startswith("small is up already")

    facts = status("small")
    cloud = clouds.find("small")
    names = [one.name for one in processes.of(cloud)]
    assert [one["name"] for one in facts["daemons"]] == names
    assert {one["state"] for one in facts["daemons"]} == {"running"}
    workers = {one["name"]: len(one["worker_pids"]) for one in facts["daemons"]}
    assert (workers["conductor"], workers["api"]) == (2, 1 + 1), "one of them serves metadata"
    wait_until(lambda: status("small")["metadata"]["is_answering"], "the metadata API answers")
    assert facts["broker"]["is_answering"]
    assert facts["instances"] == {}
    assert set(facts["queues"]) >= {"conductor", "scheduler", "compute.host1", "compute.host2"}

    run("restart", "--name", "small", "scheduler")
    after = {one["name"]: one for one in status("small")["daemons"]}
    before = {one["name"]: one for one in facts["daemons"]}
    changed = [one for one in names if after[one]["launcher_pid"] != before[one]["launcher_pid"]]
    assert changed == ["scheduler"]

    found = roster.read(cloud.state_dir)
    assert found is not None
    assert "no process and no port of it is left" in run("down", "--name", "small").stdout
    assert control.living(found) == []
    assert control.listening(cloud) == []
    assert "was not running" in run("down", "--name", "small", "--wipe").stdout
    assert list(home.iterdir()) == []


def test_a_cloud_comes_back_as_it_was(home: Path) -> None:
    """down keeps the state: the same passwords open the same database after the next up."""
    run("up", "--name", "small", "--hosts", "1", "--broker", "local")
    before = clouds.find("small")
    run("down", "--name", "small")
    run("up", "--name", "small")
    after = clouds.find("small")
    assert (after.secrets, after.ports, len(after.hosts)) == (before.secrets, before.ports, 1)
    run("down", "--name", "small", "--wipe")


def test_a_killed_launcher_comes_back(cloud: clouds.Cloud) -> None:
    """Its workers are gone within 3 s, the supervisor starts it again, and status counts it."""
    found = roster.read(cloud.state_dir)
    assert found is not None
    killed = found.daemons["scheduler"].ref
    workers = reaper.session_members(killed)
    os.kill(killed.pid, signal.SIGKILL)
    assert reaper.wait_until_gone(workers, 3.0)

    def is_back() -> bool:
        now = roster.read(cloud.state_dir)
        return now is not None and now.daemons["scheduler"].pid != killed.pid

    wait_until(is_back, "another launcher", 10.0)
    scheduler = next(one for one in status("small")["daemons"] if one["name"] == "scheduler")
    assert (scheduler["restarts"], scheduler["last_exit"]) == (1, "signal 9")


def test_down_after_the_supervisor_was_killed(home: Path) -> None:
    """Whatever the dead supervisor left, the broker included, down ends."""
    run("up", "--name", "small", "--hosts", "1", "--broker", "local")
    cloud = clouds.find("small")
    found = roster.read(cloud.state_dir)
    assert found is not None
    os.kill(found.pid, signal.SIGKILL)
    run("status", "--name", "small", code=3)
    run("down", "--name", "small", "--wipe")
    assert control.living(found) == []
    assert control.listening(cloud) == []


def test_a_taken_port_is_one_clear_sentence(home: Path) -> None:
    """Nothing is started, and nothing is left."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        base = ("--port-base", str(port))
        done = run("up", "--name", "small", "--broker", "local", *base, code=1)
    assert f"Error: Port {port}, which identity needs, is taken" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(home.iterdir()) == []


def test_a_daemon_that_dies_at_start_is_named(home: Path) -> None:
    """One sentence and its last lines; everything started so far is stopped again."""
    # A profile that is not there: the compute hosts' workers cannot start.
    done = run("up", "--name", "small", "--broker", "local", "--profile", "missing", code=1)
    assert "compute-host" in done.stderr
    assert "died at its start" in done.stderr
    assert "missing" in done.stderr
    # Nothing is left but the logs: no record, no process with the folder in its command line.
    state_dir = clouds.state_dir_of("small")
    assert [path.name for path in state_dir.iterdir()] == ["logs"]
    assert [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if str(state_dir) in " ".join(process.info["cmdline"] or ())
    ] == []


def test_foreground_ends_with_ctrl_c(home: Path) -> None:
    """`up --foreground` stays, shows the log, and goes down with SIGINT."""
    child = subprocess.Popen(
        [sys.executable, "-m", "devstack_lite.cli.main", "up", "--name", "small", "--hosts", "1",
         "--broker", "local", "--foreground"],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stderr is not None
    for line in child.stderr:
        if "Ctrl-C" in line:
            break
    child.send_signal(signal.SIGINT)
    assert "small is down" in child.stderr.read()
    assert child.wait(30) == 0
    found = roster.read(clouds.state_dir_of("small"))
    assert found is not None
    assert control.living(found) == []


def test_two_clouds_side_by_side(home: Path) -> None:
    """Two clouds come up at the same time, each boots, and one's end leaves the other alone."""
    names = ("one", "two")
    starting = [
        subprocess.Popen(
            [sys.executable, "-m", "devstack_lite.cli.main", "up", "--name", name, "--hosts", "1",
             "--broker", "local"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for name in names
    ]  # fmt: skip
    for child in starting:
        said, _ = child.communicate(timeout=90)
        assert child.returncode == 0, said
    for name in names:
        assert "1 of 1 ACTIVE" in run("boot", f"{name}-vm", "--name", name).stdout
    run("down", "--name", "one", "--wipe")
    assert status("two")["instances"] == {"ACTIVE": 1}
    run("down", "--name", "two", "--wipe")


def test_a_given_broker_is_used_and_left(home: Path, tmp_path: Path) -> None:
    """`up --broker URL` uses it, and after down none of the cloud's work queues is there."""
    record = choose.choose("local", "given")
    given = local.LocalBroker(record, "given", tmp_path / "given")
    try:
        given.start()
        assert local.wait_until_ready(given, 30.0), given.last_words()
        run("up", "--name", "small", "--hosts", "1", "--broker", record.transport_url)
        cloud = clouds.find("small")
        assert cloud.broker.kind == "external"
        assert set(probe.queue_depths(record, processes.queues(cloud))) >= {"conductor"}
        run("down", "--name", "small")
        assert probe.queue_depths(record, processes.queues(cloud)) == {}
    finally:
        given.stop(10.0)
