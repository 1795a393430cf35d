"""Workers die while they rescue a server, and bring it back: it arrives all the same."""

from __future__ import annotations

import pytest

from tests.chaos.conftest import all_active, boot
from tests.integration.test_lifecycle import act, domain_of
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud


def test_a_rescue_outlives_the_worker_that_does_it(cloud: WholeCloud) -> None:
    """Killed before it begins, and before its end is written, there and back."""
    boot(cloud, "rescued", 1)
    (server,) = all_active(cloud, "rescued", 1)
    for point, service in (
        ("op.{}.before", "compute"), ("rpc.conductor.finish_action.before", "conductor"),
    ):  # fmt: skip
        for action, status, code in (("rescue", "RESCUE", 200), ("unrescue", "ACTIVE", 202)):
            where = point.format(action)
            cloud.command("chaos", "failpoint", "arm", where, "kill", "--service", service)
            act(cloud, server["id"], {action: None}, code)
            cloud.wait_for(server["id"], status, 60.0)
            cloud.command("chaos", "failpoint", "disarm", "--all")
            xml = domain_of(cloud, server).XMLDesc()
            assert ("disk.rescue" in xml) is (action == "rescue")
            cloud.command("check", "--wait", "30")
