"""What the tests with real processes share: waiting, and leaving nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack_lite import cloud as clouds
from devstack_lite import reaper, roster

ROOT = Path(__file__).resolve().parent.parent.parent
TOYS = ROOT / "tests" / "toys"


def pause() -> None:
    """Let others run, between two looks at a condition."""
    threading.Event().wait(0.01)


def wait_until(look: Callable[[], object], what: str, timeout_s: float = 15.0) -> None:
    """Look until the answer is true; after timeout_s fail with the last answer."""
    deadline = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}; last seen: {seen!r}"
        pause()


def wait_until_none(look: Callable[[], object], what: str, timeout_s: float = 15.0) -> None:
    """Look until the answer is empty; after timeout_s fail with what was still there."""
    deadline = time.monotonic() + timeout_s
    while seen := look():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}; still: {seen!r}"
        pause()


class Children:
    """Processes that a test started, each in a session of its own; all gone after the test."""

    def __init__(self) -> None:
        self._leaders: list[reaper.Ref] = []

    def start(self, *arguments: object, output: Path) -> subprocess.Popen[bytes]:
        """Start a Python program whose first argument is its file."""
        with output.open("wb") as file:
            child = subprocess.Popen(
                [sys.executable, "-P", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                start_new_session=True,
            )
        self._leaders.append(reaper.ref(child.pid))
        return child

    def watch(self, leader: reaper.Ref) -> None:
        """Also end this process and its session after the test."""
        self._leaders.append(leader)

    def end(self) -> None:
        """Kill whatever is left, newest first."""
        reaper.kill_sessions(reversed(self._leaders))


@pytest.fixture
def children() -> Iterator[Children]:
    """Give the test a way to start processes."""
    started = Children()
    yield started
    started.end()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the test a home for clouds of its own, and end whatever its clouds left."""
    folder = tmp_path / "home"
    monkeypatch.setenv("DEVSTACK_LITE_HOME", str(folder))
    yield folder
    for cloud in clouds.every():
        found = roster.read(cloud.state_dir)
        if found is not None:
            found.ref.send(signal.SIGKILL)
            reaper.kill_sessions(entry.ref for entry in found.daemons.values())
            reaper.kill_sessions(found.broker)


@pytest.fixture(scope="session")
def whole_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Bring one cloud up for all the tests that want one; wipe it at the end, and look."""
    from tests.integration.whole_cloud import bring_up

    with bring_up(tmp_path_factory.mktemp("clouds"), f"test-{os.getpid()}") as cloud:
        yield cloud
