"""Failpoints: where they fire, for whom, and how often over all processes together."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack_lite import failpoints, worker
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Unavailable
from devstack_lite.failpoints import Action, Dropped, Failpoint

POINT = "boot.step-07.before"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which this process looks for failpoints."""
    worker.become("scheduler", "controller", 1)
    (tmp_path / failpoints.FOLDER).mkdir()
    failpoints.configure(tmp_path)
    yield tmp_path / failpoints.FOLDER
    failpoints.configure(tmp_path / "nowhere")


def arm(folder: Path, **values: Any) -> Failpoint:
    made = Failpoint(id="one", **{"point": POINT, "action": Action.RAISE, **values})
    (folder / "one.armed").write_text(made.to_json())
    failpoints.reload()
    return made


def fires(point: str = POINT, **more: Any) -> bool:
    try:
        failpoints.hit(point, **more)
    except Unavailable:
        return True
    return False


def test_nothing_happens_until_something_is_armed(folder: Path) -> None:
    assert not fires()
    arm(folder)
    assert fires()
    (folder / "one.armed").unlink()
    failpoints.reload()
    assert not fires()


@pytest.mark.parametrize(
    ("scope", "does_fire"),
    [
        ({"service": "scheduler"}, True),
        ({"service": "compute"}, False),
        ({"host": "controller"}, True),
        ({"host": "host1"}, False),
        ({"request_id": "req-a"}, True),
        ({"request_id": "req-global"}, True),
        ({"request_id": "req-b"}, False),
        ({"instance": "uuid-1"}, True),
        ({"instance": "uuid-2"}, False),
        ({"point": "boot.*.before"}, True),
        ({"point": "boot.step-07.after"}, False),
        ({"expires_at": 1.0}, False),
    ],
)
def test_a_scope_is_kept_to(folder: Path, scope: dict[str, Any], *, does_fire: bool) -> None:
    """Only what is meant by service, host, request, instance, point and time is struck."""
    RequestContext(
        request_id="req-a", global_request_id="req-global", instance_uuid="uuid-1"
    ).make_current()
    arm(folder, **scope)
    assert fires() is does_fire


def test_an_instance_is_also_found_in_a_message(folder: Path) -> None:
    RequestContext().make_current()
    arm(folder, instance="uuid-9")
    assert fires(message={"results": ["… uuid-9 …"]})
    assert not fires(message={"results": []})


def test_it_fires_as_often_as_it_may_and_leaves_word(folder: Path) -> None:
    """So many times are passed, so many fire; each left a file that says where."""
    arm(folder, skip=1, count=2)
    assert [fires() for _ in range(5)] == [False, True, True, False, False]
    assert sorted(path.name for path in folder.glob("*.fired")) == [
        "one.1.fired", "one.2.fired", "one.3.fired",
    ]  # fmt: skip


def test_processes_share_the_count(folder: Path) -> None:
    """A failpoint that may fire once fires in one process of three."""
    arm(folder, action=Action.KILL, count=1)
    program = (
        "from devstack_lite import failpoints, worker\n"
        "worker.become('scheduler', 'controller', 1)\n"
        f"failpoints.configure({str(folder.parent)!r})\n"
        f"failpoints.hit({POINT!r})\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]
    assert sorted(child.wait(30) for child in children) == [-9, 0, 0]


def test_a_dropped_message_is_no_error_that_anybody_answers(folder: Path) -> None:
    arm(folder, action=Action.DROP)
    with pytest.raises(Dropped):
        failpoints.hit(POINT)
    assert not issubclass(Dropped, Exception)


@pytest.mark.parametrize(
    "let_go",
    [
        lambda folder: (folder / "one.1.go").touch(),
        lambda folder: (folder / "one.armed").unlink(),
    ],
    ids=["released", "disarmed"],
)
def test_a_hold_waits_until_it_is_let_go(folder: Path, let_go: Callable[[Path], None]) -> None:
    """Meanwhile time does not count: whoever asks is told so."""
    arm(folder, action=Action.HOLD)
    assert failpoints.is_holding()
    held = threading.Thread(target=failpoints.hit, args=(POINT,))
    held.start()
    while not (folder / "one.1.fired").exists():
        held.join(0.01)
    assert held.is_alive()
    assert failpoints.held_instances() is None
    let_go(folder)
    held.join(10)
    assert not held.is_alive()
    assert failpoints.held_instances() == set()


def test_whose_work_is_held_is_known_by_its_instance(folder: Path) -> None:
    """So that everybody else's goes on."""
    arm(folder, action=Action.HOLD, instance="uuid")
    assert failpoints.held_instances() == set()
    held = threading.Thread(target=failpoints.hit, args=(POINT,), kwargs={"message": ["uuid"]})
    held.start()
    while not failpoints.held_instances():
        held.join(0.01)
    assert failpoints.held_instances() == {"uuid"}
    (folder / "one.armed").unlink()
    held.join(10)


def test_a_hold_that_is_over_holds_nothing(folder: Path) -> None:
    """Whoever armed it may have been killed."""
    arm(folder, action=Action.HOLD, expires_at=1.0)
    assert not failpoints.is_holding()
    arm(folder, action=Action.HOLD, expires_at=time.time() + 60)
    assert failpoints.is_holding()


def test_who_reads_leaves_word_that_it_knows(folder: Path) -> None:
    arm(folder)
    assert (folder / "seen" / str(os.getpid())).read_text() == '["one"]'


def test_a_hold_that_is_over_holds_nobody(folder: Path) -> None:
    """Whoever was held may have died, and left no word that it went on."""
    arm(folder, action=Action.HOLD, instance="uuid", expires_at=time.time() + 0.2)
    held = threading.Thread(target=failpoints.hit, args=(POINT,), kwargs={"message": ["uuid"]})
    held.start()
    held.join(10)
    fired = folder / "one.1.fired"
    fired.write_text(fired.read_text().replace('"is_over": true', '"is_over": false'))
    assert failpoints.held_instances() == set()


def test_the_clock_may_stand_still_for_all(folder: Path) -> None:
    """Somebody looks at a daemon in a debugger: nobody's work is silent then."""
    arm(folder, point=failpoints.EVERYWHERE, action=Action.HOLD)
    assert failpoints.held_instances() is None
