"""Workers that die over a move: it ends as asked, with no guest and no claim too many."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chaos.conftest import all_active, boot, running_guests
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

HOST = "OS-EXT-SRV-ATTR:host"


def act(cloud: WholeCloud, uuid: str, body: dict[str, Any]) -> None:
    answer = cloud.compute("POST", f"/servers/{uuid}/action", body)
    assert answer.status in {202, 204}, answer.data


@pytest.mark.parametrize(
    ("end", "wanted"), [("confirmResize", "confirmed"), ("revertResize", "reverted")]
)
def test_each_part_outlives_its_worker(cloud: WholeCloud, end: str, wanted: str) -> None:
    """Killed when the old guest is off, and again while it is confirmed, or reverted."""
    boot(cloud, "larger", 1)
    (server,) = all_active(cloud, "larger", 1)
    uuid = server["id"]
    cloud.command("chaos", "failpoint", "arm", "op.resize.after", "kill")
    act(cloud, uuid, {"resize": {"flavorRef": "2"}})
    there = cloud.wait_for(uuid, "VERIFY_RESIZE", 60)
    assert there[HOST] != server[HOST]
    assert uuid in running_guests(cloud, there[HOST])
    assert uuid not in running_guests(cloud, server[HOST])
    cloud.command("check", "--wait", "30")

    cloud.command("chaos", "failpoint", "arm", f"op.{end}.after", "kill")
    act(cloud, uuid, {end: None})
    over = cloud.wait_for(uuid, "ACTIVE", 60)
    assert over[HOST] == (there if end == "confirmResize" else server)[HOST]
    cloud.command("check", "--wait", "30")
    (shown,) = cloud.compute("GET", f"/os-migrations?instance_uuid={uuid}").json()["migrations"]
    assert shown["status"] == wanted
    cloud.command("chaos", "failpoint", "disarm", "--all")


@pytest.mark.parametrize("point", ["op.run_live_migration.before", "op.live-migration.after"])
def test_a_live_migration_outlives_its_worker(cloud: WholeCloud, point: str) -> None:
    """Killed before the guest goes, or when it has gone: it runs there, and was never stopped."""
    boot(cloud, "travels", 1)
    (server,) = all_active(cloud, "travels", 1)
    uuid = server["id"]
    cloud.command("chaos", "failpoint", "arm", point, "kill")
    act(cloud, uuid, {"os-migrateLive": {
        "host": None, "block_migration": True, "disk_over_commit": False,
    }})  # fmt: skip
    there = cloud.wait_for(uuid, "ACTIVE", 60)
    assert there[HOST] != server[HOST]
    assert uuid in running_guests(cloud, there[HOST])
    assert uuid not in running_guests(cloud, server[HOST])
    cloud.command("check", "--wait", "30")
    cloud.command("chaos", "failpoint", "disarm", "--all")
