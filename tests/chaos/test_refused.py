"""What was refused does not come true later: 503 means that nothing was changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from devstack_lite.chaos import targets
from devstack_lite.clients.http import Answer
from tests.chaos.conftest import all_active, boot
from tests.integration.conftest import wait_until
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud


@contextmanager
def paused(cloud: WholeCloud, role: str) -> Iterator[None]:
    """Stop all workers of a role for the time of the block."""
    cloud.command("chaos", "pause", role, "--all")
    try:
        yield
    finally:
        cloud.command("chaos", "resume", role)


def test_a_boot_that_was_refused_is_never_there(cloud: WholeCloud) -> None:
    """All conductors hang: 503 with Retry-After, and when they go on they make no server of it."""
    with paused(cloud, "conductor"):
        began = time.monotonic()
        answer = cloud.compute("POST", "/servers", cloud.body("refused"))
        assert answer.status == 503, answer.data
        assert int(answer.headers.get("Retry-After")) > 0
        assert time.monotonic() - began < 40.0
    # Whatever lay in the queue has been handled when this one is.
    cloud.wait_for(cloud.boot("after"), "ACTIVE")
    assert cloud.servers("refused") == []
    assert cloud.scalar("SELECT count(*) FROM instances WHERE name = 'refused'") == 0


def test_an_action_that_was_refused_is_never_done(cloud: WholeCloud) -> None:
    """So it is with what is asked of a server: it is as it was, and its actions do not name it."""
    server_id = cloud.boot("acted")
    cloud.wait_for(server_id, "ACTIVE")
    with paused(cloud, "conductor"):
        path = f"/servers/{server_id}/action"
        for body in ({"os-stop": None}, {"reboot": {"type": "HARD"}}):
            assert cloud.compute("POST", path, body).status == 503
    cloud.wait_for(cloud.boot("after"), "ACTIVE")
    assert cloud.server(server_id)["status"] == "ACTIVE"
    actions = cloud.compute("GET", f"/servers/{server_id}/os-instance-actions").json()
    assert [one["action"] for one in actions["instanceActions"]] == ["create"]


def test_a_conductor_that_hangs_for_a_while_costs_time_and_no_request(cloud: WholeCloud) -> None:
    """Five seconds without any conductor: the request waits, is accepted, and becomes ACTIVE."""
    answers: list[Answer] = []

    def ask() -> None:
        answers.append(cloud.compute("POST", "/servers", cloud.body("waited")))

    asking = threading.Thread(target=ask)
    cloud.command("chaos", "pause", "conductor", "--all")
    asking.start()
    cloud.command("chaos", "pause", "conductor", "--all", "--for", "5")
    asking.join(60)
    assert [answer.status for answer in answers] == [202]
    cloud.wait_for(answers[0].json()["server"]["id"], "ACTIVE")


def test_connections_to_the_broker_that_are_cut_are_made_again(cloud: WholeCloud) -> None:
    """All of them, twice, under boots: daemons connect again by themselves, and all are ACTIVE."""
    if cloud.record.broker.kind != "local":
        pytest.skip("the broker is no process of this cloud's own")
    for number in range(2):
        boot(cloud, f"cut-{number}", 10)
        assert "were closed" in cloud.command("chaos", "broker", "cut")
    all_active(cloud, "cut-", 20)


def test_a_broker_that_hangs_for_20_s_costs_that_time(cloud: WholeCloud) -> None:
    """A boot that is asked for meanwhile is refused for good, or comes true: it is never lost."""
    boot(cloud, "under", 5)
    answers: list[Answer] = []

    def ask() -> None:
        answers.append(cloud.compute("POST", "/servers", cloud.body("meanwhile")))

    asking = threading.Thread(target=ask)
    cloud.compute("GET", "/flavors")
    pausing = threading.Thread(
        target=cloud.command, args=("chaos", "pause", "broker", "--for", "20")
    )
    pausing.start()
    wait_until(lambda: targets.is_stopped(targets.broker(cloud.record).ref), "it hangs")
    asking.start()
    pausing.join(60)
    asking.join(60)
    all_active(cloud, "under", 5)
    (answer,) = answers
    if answer.status == 202:
        cloud.wait_for(answer.json()["server"]["id"], "ACTIVE")
    else:
        assert (answer.status, cloud.servers("meanwhile")) == (503, [])
        assert int(answer.headers.get("Retry-After")) > 0


def test_reads_go_on_while_the_broker_is_away(cloud: WholeCloud) -> None:
    """The broker hangs: lists are answered at once, and boots under way end ACTIVE afterwards."""
    boot(cloud, "under", 10)
    with paused(cloud, "broker"):
        for path in ("/servers/detail", "/flavors", "/os-hypervisors"):
            began = time.monotonic()
            assert cloud.compute("GET", path).status == 200
            assert time.monotonic() - began < 2.0
    wait_until(
        lambda: {one["status"] for one in cloud.servers("under")} == {"ACTIVE"}, "all are built",
        timeout_s=60.0,
    )  # fmt: skip
