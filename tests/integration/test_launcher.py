"""The launcher, with a toy daemon as a real process."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from devstack_lite import reaper
from tests.integration.conftest import TOYS, Children, pause, wait_until

WORKERS = 2
ALL = WORKERS + 1  # and one of the toy's second group


@dataclass(frozen=True)
class Note:
    what: str
    at: float
    group: str
    number: int
    pid: int
    replaced: int


class Toy:
    """A toy daemon that runs, and what its workers noted."""

    def __init__(self, folder: Path, children: Children, trouble: str = "none") -> None:
        self.config = folder / "toy.conf"
        self.config.write_text(
            f"[DEFAULT]\nstate_dir = {folder}\nhost = toyhost\ncloud_name = {trouble}\n"
            f"graceful_stop_s = 5\n[conductor]\nworkers = {WORKERS}\n"
        )
        self._notes = folder / "toyhost.notes"
        self._children = children
        self.output = folder / "output"

    def start(self) -> subprocess.Popen[bytes]:
        return self._children.start(
            TOYS / "daemon.py", "--config-file", self.config, output=self.output
        )

    def notes(self, what: str) -> list[Note]:
        if not self._notes.exists():
            return []
        lines = [line.split() for line in self._notes.read_text().splitlines()]
        return [
            Note(said, float(at), group, int(number), int(pid), int(replaced))
            for said, at, group, number, pid, replaced in lines
            if said == what
        ]

    def second_worker(self) -> Note:
        return [note for note in self.notes("start") if (note.group, note.number) == ("toy", 2)][-1]


@pytest.fixture
def toy(tmp_path: Path, children: Children) -> Toy:
    return Toy(tmp_path, children)


def start(toy: Toy) -> subprocess.Popen[bytes]:
    launcher = toy.start()
    wait_until(lambda: len(toy.notes("start")) == ALL, "all workers started")
    return launcher


def test_forks_come_in_a_burst_and_then_one_a_second(toy: Toy) -> None:
    """However often a worker is killed in 10 s, the launcher forks at most once a second."""
    start(toy)
    end = time.monotonic() + 10.0
    killed = 0
    while time.monotonic() < end:
        pid = toy.second_worker().pid
        if pid != killed:
            os.kill(pid, signal.SIGKILL)
            killed = pid
        pause()
    times = [note.at for note in toy.notes("start")]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    burst, throttled = gaps[: ALL - 1], gaps[ALL:]
    assert sum(burst) < 1.0, f"the first forks waited: {gaps}"
    assert min(throttled) > 0.9, f"too fast: {gaps}"
    assert max(throttled) < 2.0, f"stalled: {gaps}"
    assert len(throttled) >= 7
    assert "forked again after" in toy.output.read_text()


def test_a_killed_worker_is_back_within_two_seconds(toy: Toy) -> None:
    """The worker that replaces a killed one has its number and knows whom it replaces."""
    start(toy)
    killed = toy.second_worker()
    os.kill(killed.pid, signal.SIGKILL)
    wait_until(lambda: toy.second_worker().pid != killed.pid, "another worker", 2.0)
    assert toy.second_worker().replaced == killed.pid


@pytest.mark.parametrize("trouble", ["none", "lingers"])
def test_a_killed_launcher_takes_its_workers_along(
    tmp_path: Path, children: Children, trouble: str
) -> None:
    """Within 3 s all workers are gone, also those that would not stop by themselves."""
    toy = Toy(tmp_path, children, trouble)
    launcher = start(toy)
    workers = [reaper.ref(note.pid) for note in toy.notes("start")]
    launcher.kill()
    launcher.wait()
    assert reaper.wait_until_gone(workers, 3.0)


def test_sigterm_stops_each_worker_and_ends(toy: Toy) -> None:
    """SIGTERM lets every worker stop, and the launcher ends with 0."""
    launcher = start(toy)
    launcher.terminate()
    assert launcher.wait(5.0) == 0
    assert {note.pid for note in toy.notes("stop")} == {note.pid for note in toy.notes("start")}


def test_sigterm_ends_a_launcher_whose_worker_hears_nothing(toy: Toy) -> None:
    """A stopped worker takes no signal but SIGKILL: it gets that, and the launcher ends."""
    leader = toy.start()
    wait_until(lambda: len(toy.notes("start")) == ALL, "all workers serve")
    deaf = toy.notes("start")[0].pid
    os.kill(deaf, signal.SIGSTOP)
    leader.terminate()
    assert leader.wait(30) == 0
    assert not psutil.pid_exists(deaf)


def test_sighup_reloads_in_place(toy: Toy) -> None:
    """SIGHUP has each worker read its file again; none is forked anew."""
    launcher = start(toy)
    toy.config.write_text(toy.config.read_text().replace("[DEFAULT]", "[DEFAULT]\ndebug = true"))
    launcher.send_signal(signal.SIGHUP)
    wait_until(lambda: len(toy.notes("debug=True")) == ALL, "all workers read the file again")
    assert launcher.poll() is None
    assert len(toy.notes("start")) == ALL


def test_workers_that_never_start_end_the_launcher(tmp_path: Path, children: Children) -> None:
    """A launcher none of whose workers can start says so and ends with 1."""
    toy = Toy(tmp_path, children, "dies")
    launcher = toy.start()
    assert launcher.wait(10.0) == 1
    assert "the launcher gives up" in toy.output.read_text()


def test_process_titles_say_who_is_who(toy: Toy) -> None:
    """Launcher and workers are named in ps, workers with their number."""
    launcher = start(toy)
    titles = {
        " ".join(process.cmdline()).strip()
        for process in [psutil.Process(launcher.pid), *psutil.Process(launcher.pid).children()]
    }
    assert titles == {
        "devstack-lite: toy launcher",
        "devstack-lite: toy worker 1",
        "devstack-lite: toy worker 2",
        "devstack-lite: toy extra worker 1",
    }
