"""Nova's words for what an instance is (vm_state), does (task_state) and draws (power_state).

Values are Nova's (nova/compute/vm_states.py, task_states.py and power_state.py name the same), so
that clients and people read them without a table.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class VmState(StrEnum):
    """The stable state: what the instance is when nothing is under way."""

    BUILDING = "building"
    ACTIVE = "active"
    STOPPED = "stopped"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    RESCUED = "rescued"
    RESIZED = "resized"
    ERROR = "error"
    SHELVED = "shelved"
    SHELVED_OFFLOADED = "shelved_offloaded"
    SOFT_DELETED = "soft-delete"
    DELETED = "deleted"


class TaskState(StrEnum):
    """What is under way; None when nothing is."""

    SCHEDULING = "scheduling"
    NETWORKING = "networking"
    BLOCK_DEVICE_MAPPING = "block_device_mapping"
    SPAWNING = "spawning"
    DELETING = "deleting"
    POWERING_ON = "powering-on"
    POWERING_OFF = "powering-off"
    REBOOTING = "rebooting"
    REBOOTING_HARD = "rebooting_hard"
    REBUILDING = "rebuilding"
    REBUILD_BLOCK_DEVICE_MAPPING = "rebuild_block_device_mapping"
    REBUILD_SPAWNING = "rebuild_spawning"
    PAUSING = "pausing"
    UNPAUSING = "unpausing"
    SUSPENDING = "suspending"
    RESUMING = "resuming"
    IMAGE_SNAPSHOT_PENDING = "image_snapshot_pending"
    IMAGE_SNAPSHOT = "image_snapshot"
    IMAGE_PENDING_UPLOAD = "image_pending_upload"
    IMAGE_UPLOADING = "image_uploading"
    IMAGE_BACKUP = "image_backup"
    RESCUING = "rescuing"
    UNRESCUING = "unrescuing"
    SHELVING = "shelving"
    SHELVING_OFFLOADING = "shelving_offloading"
    UNSHELVING = "unshelving"
    SOFT_DELETING = "soft-deleting"
    RESTORING = "restoring"
    TRIGGERING_CRASH_DUMP = "triggering_crash_dump"
    """Not one of Nova's, which shows none here: what survives its worker has a task_state."""
    RESIZE_PREP = "resize_prep"
    RESIZE_MIGRATING = "resize_migrating"
    RESIZE_MIGRATED = "resize_migrated"
    RESIZE_FINISH = "resize_finish"
    RESIZE_CONFIRMING = "resize_confirming"
    RESIZE_REVERTING = "resize_reverting"
    MIGRATING = "migrating"


class Verdict(StrEnum):
    """What the database says to whoever comes with the result of an attempt."""

    MINE = "mine"
    """It is this attempt's: go on."""
    ELSEWHERE = "elsewhere"
    """Another attempt has it on another node: remove the domain here, leave the rest."""
    LEAVE = "leave"
    """Another attempt has it, perhaps on this very node: leave everything."""
    GONE = "gone"
    """It is deleted or being deleted: remove everything."""


class PowerState(IntEnum):
    """What the hypervisor says; libvirt's numbers as Nova folds them."""

    NOSTATE = 0
    RUNNING = 1
    PAUSED = 3
    SHUTDOWN = 4
    CRASHED = 6
    SUSPENDED = 7


REBUILD_STATES = frozenset(
    {
        TaskState.REBUILDING,
        TaskState.REBUILD_BLOCK_DEVICE_MAPPING,
        TaskState.REBUILD_SPAWNING,
    }
)
RESIZE_STATES = frozenset(
    {
        TaskState.RESIZE_PREP,
        TaskState.RESIZE_MIGRATING,
        TaskState.RESIZE_MIGRATED,
        TaskState.RESIZE_FINISH,
    }
)
"""In which an instance goes to another node, with its disk; a cold migration has the same."""
BUILD_STATES = (
    REBUILD_STATES
    | RESIZE_STATES
    | {
        TaskState.SCHEDULING,
        TaskState.NETWORKING,
        TaskState.BLOCK_DEVICE_MAPPING,
        TaskState.SPAWNING,
        TaskState.MIGRATING,
        TaskState.UNSHELVING,
    }
)
"""In which a domain comes to be: the first time, anew, or on another host."""
AWAITS_HOST = frozenset(
    {
        TaskState.SCHEDULING,
        TaskState.REBUILDING,
        TaskState.RESIZE_PREP,
        TaskState.MIGRATING,
        TaskState.UNSHELVING,
    }
)
"""In which the scheduler's choice is awaited; what goes on on its
own host needs none."""
HAS_GUEST = frozenset(
    {
        VmState.ACTIVE,
        VmState.STOPPED,
        VmState.PAUSED,
        VmState.SUSPENDED,
        VmState.RESCUED,
        VmState.RESIZED,
        VmState.SHELVED,
    }
)
"""In which there is a domain, running or not; in ERROR and in SOFT_DELETED there may be one."""
GUEST_IS_OFF = frozenset({VmState.STOPPED, VmState.SHELVED, VmState.SOFT_DELETED})
"""In which a guest that runs is to be shut down."""
MIGRATION_CANCELLED = "Live migration was cancelled."
"""What a host says of one that a user has ended."""
GUEST_RUNS = frozenset({VmState.ACTIVE})
"""In which it runs. In RESCUED it does, until its host loses power: Nova leaves it RESCUED then."""

_STATUS = {
    VmState.BUILDING: "BUILD",
    VmState.ACTIVE: "ACTIVE",
    VmState.STOPPED: "SHUTOFF",
    VmState.PAUSED: "PAUSED",
    VmState.SUSPENDED: "SUSPENDED",
    VmState.RESCUED: "RESCUE",
    VmState.RESIZED: "VERIFY_RESIZE",
    VmState.ERROR: "ERROR",
    VmState.SHELVED: "SHELVED",
    VmState.SHELVED_OFFLOADED: "SHELVED_OFFLOADED",
    VmState.SOFT_DELETED: "SOFT_DELETED",
    VmState.DELETED: "DELETED",
}

_STATUS_UNDER_WAY = {
    (VmState.ACTIVE, TaskState.REBOOTING): "REBOOT",
    (VmState.ACTIVE, TaskState.REBOOTING_HARD): "HARD_REBOOT",
    (VmState.STOPPED, TaskState.REBOOTING_HARD): "HARD_REBOOT",
    (VmState.ERROR, TaskState.REBOOTING_HARD): "HARD_REBOOT",
    **{
        (vm_state, task_state): "REBUILD"
        for vm_state in (VmState.ACTIVE, VmState.STOPPED, VmState.ERROR)
        for task_state in REBUILD_STATES
    },
    **{
        (vm_state, task_state): "RESIZE"
        for vm_state in (VmState.ACTIVE, VmState.STOPPED)
        for task_state in RESIZE_STATES
    },
    (VmState.RESIZED, TaskState.RESIZE_REVERTING): "REVERT_RESIZE",
    (VmState.ACTIVE, TaskState.MIGRATING): "MIGRATING",
    (VmState.PAUSED, TaskState.MIGRATING): "MIGRATING",
}


def is_counted(vm_state: str, task_state: str | None) -> bool:
    """Say whether a project's quota counts an instance in these states.

    One that is soft-deleted it does not, until it is being restored.
    """
    return vm_state != VmState.SOFT_DELETED or task_state == TaskState.RESTORING


def server_status(vm_state: VmState, task_state: TaskState | None) -> str:
    """Return the API's `status` of a server in these states."""
    if task_state is not None and (vm_state, task_state) in _STATUS_UNDER_WAY:
        return _STATUS_UNDER_WAY[vm_state, task_state]
    return _STATUS[vm_state]


def vm_states_of(status: str) -> tuple[VmState, ...]:
    """Return the vm_states that the API shows as status; empty for an unknown one."""
    wanted = status.upper()
    found = [vm_state for vm_state, name in _STATUS.items() if name == wanted]
    found += [vm for (vm, _task), name in _STATUS_UNDER_WAY.items() if name == wanted]
    return tuple(dict.fromkeys(found))
