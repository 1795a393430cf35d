"""The history on disk, and the processes that a fault may hit."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from devstack_lite import holds, planning, reaper, roster
from devstack_lite.chaos import faults, history, targets
from devstack_lite.chaos.history import History
from devstack_lite.chaos.monkey import places_of
from devstack_lite.cli import chaos
from devstack_lite.cli.main import cli
from devstack_lite.cloud import Cloud, CloudError
from devstack_lite.planning import Wishes
from devstack_lite.roster import Entry, Roster

FAMILY = """
import os, sys, time
from setproctitle import setproctitle
for number in (1, 2):
    if os.fork() == 0:
        setproctitle(f"devstack-lite: conductor worker {number}")
        break
else:
    setproctitle("devstack-lite: conductor launcher")
os.write(1, b"+")
time.sleep(60)
"""


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    monkeypatch.setenv("DEVSTACK_LITE_HOME", str(tmp_path))
    made = planning.plan(Wishes(name="one", hosts=2, broker="amqp://u:p@127.0.0.1:1/v"))
    made.save()
    return made


@pytest.fixture
def family(cloud: Cloud) -> Iterator[reaper.Ref]:
    """Run a launcher with two workers, recorded by a supervisor that is this test's process."""
    child = subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, start_new_session=True
    )
    assert child.stdout is not None
    assert child.stdout.read(3) == b"+++"
    leader, me = reaper.ref(child.pid), reaper.ref(os.getpid())
    entry = Entry(pid=leader.pid, start_ticks=leader.start_ticks, started_at=time.time())
    Roster(
        pid=me.pid,
        start_ticks=me.start_ticks,
        started_at=time.time(),
        daemons={"conductor": entry},
    ).write(cloud.state_dir)
    yield leader
    reaper.kill_sessions([leader])
    child.wait()
    child.stdout.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["chaos", *arguments, "--name", "one"])


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Events come back in their order; a last line that was cut off is left out."""
    written = History(tmp_path / "run")
    written.add("header", seed=1)
    written.add("fault", 1.5, number=0)
    written.close()
    path = tmp_path / "run" / history.FILE_NAME
    with path.open("a") as file:
        file.write('{"at": 2, "ty')
    assert history.read(tmp_path / "run") == list(written.events())
    assert [event["type"] for event in written.events()] == ["header", "fault"]


def test_a_broken_line_in_the_midst_is_an_error(tmp_path: Path) -> None:
    """Only the end may be missing."""
    (tmp_path / "h").write_text('{"at": 2, "ty\n{"at": 3, "type": "fault"}\n')
    with pytest.raises(ValueError, match="Unterminated"):
        history.read(tmp_path / "h")


def test_workers_are_found_by_their_titles(cloud: Cloud, family: reaper.Ref) -> None:
    """A role's workers have numbers, its launcher has none, and other roles have nobody."""
    found = targets.workers(cloud, "conductor")
    assert [one.worker for one in found] == [1, 2]
    assert [one.ref for one in targets.launchers(cloud, "conductor")] == [family]
    assert targets.workers(cloud, "conductor", 2) == found[1:]
    assert targets.workers(cloud, "compute") == []
    assert str(found[0]) == f"conductor worker 1 (pid {found[0].ref.pid})"


def test_a_pause_stops_and_lets_go(cloud: Cloud, family: reaper.Ref) -> None:
    """resume wakes those that were stopped, and names them."""
    first, second = targets.workers(cloud, "conductor")
    assert run("pause", "conductor", "--worker", "1").exit_code == 0
    assert targets.is_stopped(first.ref)
    assert not targets.is_stopped(second.ref)
    assert faults.resume([first, second]) == [first]
    assert not targets.is_stopped(first.ref)
    assert "Nothing was stopped." in run("resume", "conductor").output


def test_kill_ends_the_worker_that_is_named(cloud: Cloud, family: reaper.Ref) -> None:
    """Nobody else is hit; a worker that is not there is said so."""
    first, second = targets.workers(cloud, "conductor")
    result = run("kill", "conductor", "--worker", "2", "--no-wait")
    assert result.output == f"{second} got SIGKILL.\n"
    assert reaper.wait_until_gone([second.ref], 5.0)
    assert first.ref.is_alive()
    assert not faults.is_back(cloud, second)
    missing = run("kill", "conductor", "--worker", "2")
    assert missing.exit_code == 1
    assert "no conductor worker 2 that runs now" in missing.output


def test_a_recorded_pid_that_is_anothers_now_is_left_alone(
    cloud: Cloud, family: reaper.Ref
) -> None:
    """A pid with another start time is another process."""
    stale = targets.Target(
        process="conductor",
        role="conductor",
        worker=None,
        ref=reaper.Ref(family.pid, family.start_ticks - 1),
    )
    faults.kill([stale])
    assert family.is_alive()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("kill", "keystone"), "has no keystone; it has conductor"),
        (("kill", "api", "--signal", "WHAT"), "WHAT is not a signal"),
        (("kill", "api", "--launcher", "--all"), "one of --worker, --launcher and --all"),
        (("broker", "restart"), "broker is external"),
        (("host", "power-off", "host9"), "no host host9; it has host1, host2"),
        (("monkey", "--roles", "nobody"), "has no nobody"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    cloud: Cloud, arguments: tuple[str, ...], said: str
) -> None:
    """A wrong word ends with an exit code and a sentence, not with a traceback."""
    result = run(*arguments)
    assert result.exit_code in {1, 2}
    assert said in result.output


def test_a_cloud_that_is_down_is_said_so(cloud: Cloud) -> None:
    """Nothing can be broken that does not run."""
    result = run("kill", "conductor")
    assert (result.exit_code, "one is not up." in result.output) == (1, True)
    with pytest.raises(CloudError):
        targets.roster_of(cloud)


def test_signals_have_names_and_numbers() -> None:
    """TERM, SIGTERM and 15 are one."""
    for text in ("TERM", "sigterm", "15"):
        assert chaos._signal_of(None, None, text).name == "SIGTERM"  # type: ignore[arg-type]


def test_places_are_the_processes_of_the_roles(cloud: Cloud) -> None:
    """compute is every host; without roles it is everybody."""
    found = places_of(cloud, ("compute", "api"))
    assert [one.process for one in found] == ["compute-host1", "compute-host2", "api"]
    assert len(places_of(cloud)) == 10


def test_a_hold_lasts_until_it_is_released(tmp_path: Path) -> None:
    """Holding twice is holding; clear forgets all."""
    holds.hold(tmp_path, "compute-host1")
    holds.hold(tmp_path, "compute-host1")
    assert holds.is_held(tmp_path, "compute-host1")
    assert not holds.is_held(tmp_path, "compute-host2")
    assert holds.release(tmp_path, "compute-host1")
    assert not holds.release(tmp_path, "compute-host1")
    holds.hold(tmp_path, "compute-host2")
    holds.clear(tmp_path)
    assert not holds.is_held(tmp_path, "compute-host2")


def test_a_hold_ends_with_its_holder(tmp_path: Path) -> None:
    """Who serves in a daemon's place keeps it down while it lives, and no longer."""
    me = reaper.ref(os.getpid())
    holds.hold(tmp_path, "api", me)
    assert (holds.is_held(tmp_path, "api"), holds.holder_of(tmp_path, "api")) == (True, me)
    holds.hold(tmp_path, "api", reaper.Ref(me.pid, me.start_ticks - 1))
    assert (holds.is_held(tmp_path, "api"), holds.holder_of(tmp_path, "api")) == (False, None)
    holds.hold(tmp_path, "api")
    assert (holds.is_held(tmp_path, "api"), holds.holder_of(tmp_path, "api")) == (True, None)


def test_the_record_of_a_held_daemon_is_read(tmp_path: Path) -> None:
    """The roster knows the state by its word."""
    entry = Entry(pid=1, start_ticks=1, started_at=0.0, state=roster.DaemonState.HELD)
    Roster(pid=1, start_ticks=1, started_at=0.0, daemons={"x": entry}).write(tmp_path)
    found = roster.read(tmp_path)
    assert found is not None
    assert found.daemons["x"].state is roster.DaemonState.HELD
