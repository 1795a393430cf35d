"""A worker of each role is killed under fifty boots: all fifty are ACTIVE, and nothing is left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from devstack_lite.broker import probe
from tests.chaos.conftest import all_active
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

COUNT = 50
ROLES = ("api", "scheduler", "conductor", "compute", "identity", "image", "network", "volume")


@pytest.mark.parametrize("role", ROLES)
def test_fifty_boots_outlive_a_killed_worker(cloud: WholeCloud, role: str) -> None:
    """All that were accepted become ACTIVE, each once; the invariants are checked after it."""
    name = f"kill-{role}"
    cloud.boot(name, min_count=COUNT)
    cloud.command("chaos", "kill", role, "--no-wait")
    assert len(all_active(cloud, name, COUNT)) == COUNT


@pytest.mark.parametrize("role", ["scheduler", "conductor", "compute", "network"])
def test_boots_that_share_messages_outlive_a_killed_worker(cloud: WholeCloud, role: str) -> None:
    """Fifty requests at one moment, ten at a time, and a worker that has many of them in hand."""
    with ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(cloud.boot, f"crowd-{role}-{number}") for number in range(COUNT)]
        cloud.command("chaos", "kill", role, "--no-wait")
        assert len({one.result() for one in asked}) == COUNT
    assert len(all_active(cloud, f"crowd-{role}", COUNT)) == COUNT


def test_queues_that_are_deleted_are_declared_again(cloud: WholeCloud) -> None:
    """Whoever consumes from one hears that it is gone, makes it anew, and goes on."""
    hosts = [f"compute.{host}" for host in cloud.record.hosts]
    probe.delete_queues(cloud.record.broker, ["scheduler", "conductor", *hosts])
    cloud.boot("queues", min_count=COUNT)
    assert len(all_active(cloud, "queues", COUNT)) == COUNT


def test_fifty_boots_outlive_two_restarts_of_the_broker(cloud: WholeCloud) -> None:
    """RabbitMQ is killed under them, comes back empty, and is killed once more."""
    cloud.boot("broker", min_count=COUNT)
    for _ in range(2):
        cloud.command("chaos", "broker", "restart")
    assert len(all_active(cloud, "broker", COUNT)) == COUNT
