"""Nova's states: what the API makes of them, and that they are Nova's words."""

from __future__ import annotations

import pytest

from devstack_lite.states import (
    BUILD_STATES,
    PowerState,
    TaskState,
    VmState,
    server_status,
    vm_states_of,
)


@pytest.mark.parametrize(
    ("vm_state", "task_state", "status"),
    [
        (VmState.BUILDING, TaskState.SCHEDULING, "BUILD"),
        (VmState.BUILDING, TaskState.SPAWNING, "BUILD"),
        (VmState.ACTIVE, None, "ACTIVE"),
        (VmState.ACTIVE, TaskState.POWERING_OFF, "ACTIVE"),
        (VmState.ACTIVE, TaskState.DELETING, "ACTIVE"),
        (VmState.ACTIVE, TaskState.REBOOTING, "REBOOT"),
        (VmState.ACTIVE, TaskState.REBOOTING_HARD, "HARD_REBOOT"),
        (VmState.ACTIVE, TaskState.REBUILDING, "REBUILD"),
        (VmState.STOPPED, TaskState.REBUILD_SPAWNING, "REBUILD"),
        (VmState.STOPPED, None, "SHUTOFF"),
        (VmState.STOPPED, TaskState.POWERING_ON, "SHUTOFF"),
        (VmState.PAUSED, None, "PAUSED"),
        (VmState.PAUSED, TaskState.UNPAUSING, "PAUSED"),
        (VmState.SUSPENDED, None, "SUSPENDED"),
        (VmState.RESCUED, None, "RESCUE"),
        (VmState.RESCUED, TaskState.UNRESCUING, "RESCUE"),
        (VmState.SHELVED, None, "SHELVED"),
        (VmState.SHELVED, TaskState.UNSHELVING, "SHELVED"),
        (VmState.SHELVED_OFFLOADED, TaskState.SPAWNING, "SHELVED_OFFLOADED"),
        (VmState.SOFT_DELETED, None, "SOFT_DELETED"),
        (VmState.SOFT_DELETED, TaskState.RESTORING, "SOFT_DELETED"),
        (VmState.ACTIVE, TaskState.RESIZE_PREP, "RESIZE"),
        (VmState.STOPPED, TaskState.RESIZE_FINISH, "RESIZE"),
        (VmState.RESIZED, None, "VERIFY_RESIZE"),
        (VmState.PAUSED, TaskState.MIGRATING, "MIGRATING"),
        (VmState.RESIZED, TaskState.RESIZE_CONFIRMING, "VERIFY_RESIZE"),
        (VmState.RESIZED, TaskState.RESIZE_REVERTING, "REVERT_RESIZE"),
        (VmState.ERROR, None, "ERROR"),
        (VmState.DELETED, None, "DELETED"),
    ],
)
def test_the_status_of_a_server(
    vm_state: VmState, task_state: TaskState | None, status: str
) -> None:
    """It is the stable state's, but for a reboot that is under way."""
    assert status == server_status(vm_state, task_state)


@pytest.mark.parametrize("vm_state", VmState)
def test_each_state_has_a_status_with_every_task(vm_state: VmState) -> None:
    """No pair of states is without one, and a filter by that status finds the state."""
    for task_state in (None, *TaskState):
        assert vm_state in vm_states_of(server_status(vm_state, task_state))


def test_a_filter_by_status_reads_any_case() -> None:
    """SHUTOFF is stopped however it is written; an unknown status is no state."""
    assert vm_states_of("shutoff") == (VmState.STOPPED,)
    assert vm_states_of("nonsense") == ()


def test_the_words_are_novas() -> None:
    """What clients compare with, letter by letter."""
    assert set(VmState) == {
        "building", "active", "stopped", "paused", "suspended", "rescued", "resized", "shelved",
        "shelved_offloaded", "error", "soft-delete", "deleted",
    }  # fmt: skip
    assert set(BUILD_STATES) == {
        "scheduling", "networking", "block_device_mapping", "spawning", "rebuilding",
        "rebuild_block_device_mapping", "rebuild_spawning", "resize_prep", "resize_migrating",
        "resize_migrated", "resize_finish", "migrating", "unshelving",
    }  # fmt: skip
    assert (TaskState.POWERING_OFF, TaskState.REBOOTING_HARD) == ("powering-off", "rebooting_hard")
    assert (PowerState.NOSTATE, PowerState.RUNNING, PowerState.SHUTDOWN) == (0, 1, 4)
