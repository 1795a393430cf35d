"""What each operation does to a domain: one table, read by `hypervisor`.

To add an operation (save, migrate, a snapshot's revert) add a row here, its stage in
`stages.STAGES`, and the method of libvirt's name in `domain`.
"""

from __future__ import annotations

from dataclasses import dataclass

from fake_hypervisor import constants as c

_OFF = frozenset({c.VIR_DOMAIN_SHUTOFF})
_RUNNING = frozenset({c.VIR_DOMAIN_RUNNING})
_PAUSED = frozenset({c.VIR_DOMAIN_PAUSED})
_ACTIVE = frozenset(
    {
        c.VIR_DOMAIN_RUNNING, c.VIR_DOMAIN_BLOCKED, c.VIR_DOMAIN_PAUSED, c.VIR_DOMAIN_SHUTDOWN,
        c.VIR_DOMAIN_CRASHED, c.VIR_DOMAIN_PMSUSPENDED,
    }
)  # fmt: skip

NOT_RUNNING = "domain is not running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A change of state.

    In `allowed_in` it happens, in `no_change_in` it succeeds and does nothing, elsewhere it is
    refused with VIR_ERR_OPERATION_INVALID and `refusal`. A state of None stays as it is. The
    guest itself carries out a `by_guest` operation, after the call has returned. A domain with
    a saved image undergoes the operation that `with_saved_image` names instead.
    """

    stage: str
    allowed_in: frozenset[int]
    refusal: str = NOT_RUNNING
    no_change_in: frozenset[int] = frozenset()
    state: int | None = None
    reason: int = 0
    events: tuple[tuple[int, int], ...] = ()
    by_guest: bool = False
    restarts: bool = False
    saves_image: bool = False
    takes_saved_image: bool = False
    with_saved_image: str | None = None


OPERATIONS: dict[str, Operation] = {
    "create": Operation(
        stage="domain.create",
        allowed_in=_OFF,
        refusal="domain is already running",
        state=c.VIR_DOMAIN_RUNNING,
        reason=c.VIR_DOMAIN_RUNNING_BOOTED,
        events=((c.VIR_DOMAIN_EVENT_STARTED, c.VIR_DOMAIN_EVENT_STARTED_BOOTED),),
        restarts=True,
        takes_saved_image=True,
        with_saved_image="restore",
    ),
    "create_afresh": Operation(
        stage="domain.create",
        allowed_in=_OFF,
        refusal="domain is already running",
        state=c.VIR_DOMAIN_RUNNING,
        reason=c.VIR_DOMAIN_RUNNING_BOOTED,
        events=((c.VIR_DOMAIN_EVENT_STARTED, c.VIR_DOMAIN_EVENT_STARTED_BOOTED),),
        restarts=True,
        takes_saved_image=True,
    ),
    "create_paused": Operation(
        stage="domain.create",
        allowed_in=_OFF,
        refusal="domain is already running",
        state=c.VIR_DOMAIN_PAUSED,
        reason=c.VIR_DOMAIN_PAUSED_USER,
        events=(
            (c.VIR_DOMAIN_EVENT_STARTED, c.VIR_DOMAIN_EVENT_STARTED_BOOTED),
            (c.VIR_DOMAIN_EVENT_SUSPENDED, c.VIR_DOMAIN_EVENT_SUSPENDED_PAUSED),
        ),
        restarts=True,
        takes_saved_image=True,
    ),
    "restore": Operation(
        stage="domain.create",
        allowed_in=_OFF,
        refusal="domain is already running",
        state=c.VIR_DOMAIN_RUNNING,
        reason=c.VIR_DOMAIN_RUNNING_RESTORED,
        events=((c.VIR_DOMAIN_EVENT_STARTED, c.VIR_DOMAIN_EVENT_STARTED_RESTORED),),
        restarts=True,
        takes_saved_image=True,
    ),
    "destroy": Operation(
        stage="domain.destroy",
        allowed_in=_ACTIVE,
        state=c.VIR_DOMAIN_SHUTOFF,
        reason=c.VIR_DOMAIN_SHUTOFF_DESTROYED,
        events=((c.VIR_DOMAIN_EVENT_STOPPED, c.VIR_DOMAIN_EVENT_STOPPED_DESTROYED),),
    ),
    "shutdown": Operation(
        stage="domain.shutdown",
        allowed_in=_ACTIVE,
        state=c.VIR_DOMAIN_SHUTOFF,
        reason=c.VIR_DOMAIN_SHUTOFF_SHUTDOWN,
        events=(
            (c.VIR_DOMAIN_EVENT_SHUTDOWN, c.VIR_DOMAIN_EVENT_SHUTDOWN_FINISHED),
            (c.VIR_DOMAIN_EVENT_STOPPED, c.VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN),
        ),
        by_guest=True,
    ),
    "reboot": Operation(stage="domain.reboot", allowed_in=_ACTIVE, by_guest=True, restarts=True),
    "reset": Operation(stage="domain.reset", allowed_in=_ACTIVE, restarts=True),
    # A guest that is not told to dump its memory only logs it.
    "inject_nmi": Operation(stage="domain.inject_nmi", allowed_in=_ACTIVE),
    "suspend": Operation(
        stage="domain.suspend",
        allowed_in=_RUNNING,
        no_change_in=_PAUSED,
        state=c.VIR_DOMAIN_PAUSED,
        reason=c.VIR_DOMAIN_PAUSED_USER,
        events=((c.VIR_DOMAIN_EVENT_SUSPENDED, c.VIR_DOMAIN_EVENT_SUSPENDED_PAUSED),),
    ),
    "resume": Operation(
        stage="domain.resume",
        allowed_in=_PAUSED,
        refusal="domain is already running",
        state=c.VIR_DOMAIN_RUNNING,
        reason=c.VIR_DOMAIN_RUNNING_UNPAUSED,
        events=((c.VIR_DOMAIN_EVENT_RESUMED, c.VIR_DOMAIN_EVENT_RESUMED_UNPAUSED),),
    ),
    "managed_save": Operation(
        stage="domain.save",
        allowed_in=_ACTIVE,
        state=c.VIR_DOMAIN_SHUTOFF,
        reason=c.VIR_DOMAIN_SHUTOFF_SAVED,
        events=((c.VIR_DOMAIN_EVENT_STOPPED, c.VIR_DOMAIN_EVENT_STOPPED_SAVED),),
        saves_image=True,
    ),
}


def refusal(operation: Operation, state: int) -> str:
    """Return why the operation is refused in this state."""
    return NOT_RUNNING if state == c.VIR_DOMAIN_SHUTOFF else operation.refusal
