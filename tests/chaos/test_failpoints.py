"""Failpoints in a real cloud: a death at each step, lost messages, holds, and the teaching view."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from devstack_lite.chaos.points import Points
from devstack_lite.failpoints import Action, Failpoint
from devstack_lite.steps import STEPS, point_of
from tests.integration.conftest import wait_until
from tests.integration.whole_cloud import BIN, WholeCloud

pytestmark = pytest.mark.cloud


@contextmanager
def armed(
    cloud: WholeCloud, point: str, action: Action, **more: Any
) -> Iterator[tuple[Points, Failpoint]]:
    """Arm a failpoint for the time of the block."""
    wanted = Failpoint(id="", point=point, action=action, **more)
    with closing(Points(cloud.record)) as points, points.while_armed(wanted) as made:
        yield points, made


def test_a_worker_dies_at_each_step_and_the_boot_is_active_soon(cloud: WholeCloud) -> None:
    """The quick matrix: every cell comes true, none by hand."""
    report = json.loads(cloud.command("chaos", "matrix", "--quick", "--json"))
    assert report["invariants"] == "valid"
    assert [one["cell"]["what"] for one in report["cells"]] == [
        f"step {step.number}" for step in STEPS
    ]
    for one in report["cells"]:
        assert one["is_good"], one
        assert one["recovery_s"] < 10.0, one


def test_every_point_of_a_boot_is_passed_in_the_process_that_owns_it(cloud: WholeCloud) -> None:
    """Before and after each of the 18 steps, by the service of the step."""
    with armed(cloud, "boot.step-*", Action.DELAY) as (points, made):
        cloud.shared_token = ""
        cloud.wait_for(cloud.boot("points"), "ACTIVE")
        wanted = {
            (f"{point_of(step.number)}.{side}", step.service)
            for step in STEPS
            for side in ("before", "after")
        }
        wait_until(
            lambda: wanted <= {(one.point, one.service) for one in points.firings(made.id)},
            "all points are passed",
        )


@pytest.mark.parametrize(
    "point",
    ["rpc.compute.build_instances.before", "rpc.conductor.create_instances.after",
     "rpc.scheduler.schedule_builds.before", "rpc.conductor.finish_builds.after"],
)  # fmt: skip
def test_a_lost_message_is_asked_for_again(cloud: WholeCloud, point: str) -> None:
    """A cast that nobody handles, a call that nobody answers: the server becomes ACTIVE, once."""
    with armed(cloud, point, Action.DROP) as (points, made):
        server_id = cloud.boot("lost")
        cloud.wait_for(server_id, "ACTIVE", timeout_s=60.0)
        wait_until(lambda: len(points.firings(made.id)) == 1, "one message is lost")
    assert len(cloud.servers("lost")) == 1


def test_a_call_that_takes_longer_than_a_dead_server_is_noticed_in_is_asked_once(
    cloud: WholeCloud,
) -> None:
    """Its server gives signs of life meanwhile."""
    point = "rpc.conductor.create_instances.before"
    with armed(cloud, point, Action.DELAY, seconds=5.0) as (points, made):
        server_id = cloud.boot("slow")
        assert len(points.firings(made.id)) == 1
    cloud.wait_for(server_id, "ACTIVE")


def test_what_is_held_waits_and_nobody_takes_it_away(cloud: WholeCloud) -> None:
    """A boot that is held at a step stays there with its first attempt, and goes on when let go."""
    with armed(cloud, "boot.step-14.before", Action.HOLD) as (points, made):
        server_id = cloud.boot("held")
        wait_until(lambda: points.firings(made.id), "the boot is held")
        (firing,) = points.firings(made.id)
        assert firing.service == "compute"
        assert cloud.server(server_id)["status"] == "BUILD"
        assert f"pid {firing.pid}" in cloud.command("chaos", "failpoint", "list")
        points.release(firing)
        cloud.wait_for(server_id, "ACTIVE")
    assert "Nothing is armed" in cloud.command("chaos", "failpoint", "list")


def test_an_error_at_a_step_moves_the_boot_to_another_attempt(cloud: WholeCloud) -> None:
    """What fails on one host is built on another."""
    with armed(cloud, "boot.step-18.before", Action.RAISE):
        server_id = cloud.boot("raised")
        cloud.wait_for(server_id, "ACTIVE")
    trace = cloud.compute("GET", f"/servers/{server_id}/os-boot-trace").json()["boot_trace"]
    assert trace["attempt"] == 2


def test_step_walks_a_boot_through_all_steps(cloud: WholeCloud) -> None:
    """Enter goes on: each step is shown with its process and its row, and nothing stays armed."""
    done = subprocess.run(
        [str(BIN / "devstack-lite"), "step", "walked", "--name", cloud.name],
        input="\n" * len(STEPS),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for step in STEPS:
        assert f"{step.number:>2}  {step.what}" in done.stdout
    assert "walked is ACTIVE" in done.stdout
    assert "active/-, attempt 1" in done.stdout
    assert "Nothing is armed" in cloud.command("chaos", "failpoint", "list")
