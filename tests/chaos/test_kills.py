"""A worker of each role is killed under fifty boots: all fifty are ACTIVE, and nothing is left."""

from __future__ import annotations

import pytest

from tests.chaos.checking import assert_valid
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

COUNT = 50
ROLES = ("api", "scheduler", "conductor", "compute", "identity", "image", "network", "volume")


@pytest.mark.parametrize("role", ROLES)
def test_fifty_boots_outlive_a_killed_worker(whole_cloud: WholeCloud, role: str) -> None:
    """All that were accepted become ACTIVE, each once, and the invariants hold."""
    name = f"kill-{role}"
    whole_cloud.boot(name, min_count=COUNT)
    whole_cloud.command("chaos", "kill", role, "--no-wait")
    servers = whole_cloud.wait_for_all(name, COUNT)
    assert {one["status"] for one in servers} == {"ACTIVE"}
    assert_valid(whole_cloud)
    whole_cloud.delete_all(name)
    assert_valid(whole_cloud)
