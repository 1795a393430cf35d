"""What is under way: how often it is handed out before it ends in ERROR."""

from __future__ import annotations

from typing import Any

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.db import actions, instances, operations
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import Instance
from devstack_lite.states import PowerState, TaskState, VmState
from tests.unit.test_builds import build_to_active

SILENT = operations.Bounds(unowned_s=-1, owned_s=-1)


@pytest.fixture
def uuid(db: Database, context: RequestContext) -> str:
    """Return an instance that is ACTIVE on host1."""
    return build_to_active(db, context)


def reboot(db: Database, uuid: str, number: int) -> Instance:
    asked = RequestContext(user_id="u", project_id="a-project", request_id=f"req-{number}")
    named: dict[str, Any] = {"action": "reboot", "event": "compute_reboot_instance"}
    return actions.begin_action(
        db, asked, uuid, vm_states=[VmState.ACTIVE], task_state=TaskState.REBOOTING, **named
    )


def test_a_long_life_costs_no_attempt(db: Database, uuid: str) -> None:
    """The fencing token grows with each operation; what counts are the hand-outs of this one."""
    for number in range(operations.MAX_ATTEMPTS):
        asked = reboot(db, uuid, number)
        assert actions.finish_action(
            db, uuid, action="reboot", attempt=asked.attempt, vm_state=VmState.ACTIVE,
            power_state=PowerState.RUNNING,
        )  # fmt: skip
    asked = reboot(db, uuid, operations.MAX_ATTEMPTS)
    for number in range(1, operations.MAX_ATTEMPTS):
        (again,) = operations.hand_out_silent(db, SILENT)
        assert again.attempt == asked.attempt + number
    assert operations.hand_out_silent(db, SILENT) == []
    failed = instances.get_instance(db, uuid)
    assert (failed.vm_state, failed.task_state) == (VmState.ERROR, None)
    message = instances.get_faults(db, [uuid])[uuid].message
    assert message == "reboot was handed out 30 times and never finished"


def test_what_somebody_holds_is_not_silent(db: Database, uuid: str) -> None:
    """No attempt of it is lost while he looks at it."""
    reboot(db, uuid, 1)
    assert operations.hand_out_silent(db, SILENT, held={uuid}) == []
    (again,) = operations.hand_out_silent(db, SILENT, held={"another"})
    assert again.uuid == uuid
