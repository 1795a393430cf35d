"""The supervisor, with toy daemons: starts, restarts, ends, and what others find after it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from devstack_lite import cloud_files, control, planning, processes, reaper, roster
from devstack_lite.cloud import Cloud, CloudError
from devstack_lite.roster import DaemonState, Phase, Roster
from tests.integration.conftest import TOYS, Children, wait_until

NOWHERE = "amqp://user:password@127.0.0.1:1/nowhere"


def record(name: str) -> Cloud:
    cloud = planning.plan(planning.Wishes(name=name, hosts=1, broker=NOWHERE))
    cloud.save()
    cloud_files.write_all(cloud)
    return cloud


def read(cloud: Cloud) -> Roster:
    found = roster.read(cloud.state_dir)
    assert found is not None
    return found


def start(cloud: Cloud, children: Children, *more: str) -> subprocess.Popen[bytes]:
    return children.start(
        TOYS / "supervise.py", cloud.state_dir, *more, output=cloud.log_dir / "supervisor.out"
    )


def start_whole(cloud: Cloud, children: Children) -> subprocess.Popen[bytes]:
    supervisor = start(cloud, children)
    wait_until(lambda: roster.read(cloud.state_dir) is not None, "the roster")
    wait_until(lambda: read(cloud).phase is Phase.RUNNING, "the supervisor runs")
    for entry in read(cloud).daemons.values():
        children.watch(entry.ref)
    wait_until(lambda: served(cloud) >= 3 * len(processes.of(cloud)), "all toys serve")
    return supervisor


def served(cloud: Cloud) -> int:
    return sum(path.read_text().count("start ") for path in cloud.state_dir.glob("*.notes"))


def members(found: Roster) -> list[reaper.Ref]:
    leaders = [entry.ref for entry in found.daemons.values()]
    return [member for leader in leaders for member in reaper.session_members(leader)]


def test_it_starts_every_process_of_the_table(home: Path, children: Children) -> None:
    """Each daemon is a session of its own, started once, in the table's names."""
    cloud = record("toys")
    start_whole(cloud, children)
    found = read(cloud)
    assert sorted(found.daemons) == sorted(one.name for one in processes.of(cloud))
    for entry in found.daemons.values():
        assert os.getsid(entry.pid) == entry.pid
        assert entry.restarts == 0


def test_a_killed_launcher_is_started_again(home: Path, children: Children) -> None:
    """The supervisor starts a daemon again whose launcher was killed, and counts it."""
    cloud = record("toys")
    start_whole(cloud, children)
    before = read(cloud).daemons["scheduler"]
    before.ref.send(signal.SIGKILL)
    wait_until(lambda: read(cloud).daemons["scheduler"].pid != before.pid, "another launcher")
    after = read(cloud).daemons["scheduler"]
    children.watch(after.ref)
    assert (after.restarts, after.last_exit) == (1, "signal 9")
    assert after.state is DaemonState.RUNNING
    assert after.started_at - before.started_at >= 1.0


def test_sigterm_leaves_nothing(home: Path, children: Children) -> None:
    """After SIGTERM the supervisor ends with 0, and no process of any daemon's session is left."""
    cloud = record("toys")
    supervisor = start_whole(cloud, children)
    before = read(cloud)
    everything = members(before)
    supervisor.terminate()
    assert supervisor.wait(20.0) == 0
    assert [one for one in everything if one.is_alive()] == []
    assert members(before) == []
    assert read(cloud).phase is Phase.STOPPED


def test_a_killed_supervisor_leaves_no_orphans(home: Path, children: Children) -> None:
    """The kernel tells the daemons of the supervisor's death, and they end by themselves."""
    cloud = record("toys")
    supervisor = start_whole(cloud, children)
    everything = members(read(cloud))
    supervisor.kill()
    supervisor.wait()
    assert reaper.wait_until_gone(everything, 5.0)


def test_stop_ends_what_a_killed_supervisor_left(home: Path, children: Children) -> None:
    """Recorded sessions are ended by whoever comes next, even workers without a launcher."""
    cloud = record("toys")
    supervisor = start_whole(cloud, children)
    found = read(cloud)
    for one in members(found):
        one.send(signal.SIGSTOP)  # so that nobody can end by himself
    supervisor.kill()
    supervisor.wait()
    assert control.living(found)
    assert control.stop(cloud)
    assert control.living(found) == []
    assert not control.stop(cloud)


def test_a_bootstrap_that_fails_ends_the_supervisor(home: Path, children: Children) -> None:
    """Nothing is started on a database that could not be set up, and the roster says why."""
    cloud = record("toys")
    supervisor = start(cloud, children, "--dies")
    assert supervisor.wait(20.0) == 1
    found = read(cloud)
    assert found.phase is Phase.FAILED
    assert "this bootstrap always fails" in str(found.error)
    assert found.daemons == {}


def test_two_clouds_run_side_by_side(home: Path, children: Children) -> None:
    """Clouds share no port, and ending one leaves the other alone."""
    one, two = record("one"), record("two")
    assert not set(one.ports.values()) & set(two.ports.values())
    first = start_whole(one, children)
    start_whole(two, children)
    first.terminate()
    assert first.wait(20.0) == 0
    assert len(members(read(two))) == 4 * len(processes.of(two))


def test_only_one_command_changes_a_cloud(home: Path) -> None:
    """While one command holds the cloud, another is refused."""
    cloud = record("toys")
    with (
        control.only_one(cloud.state_dir, cloud.name),
        pytest.raises(CloudError, match="under way"),
        control.only_one(cloud.state_dir, cloud.name),
    ):
        pass
