"""pause, unpause, suspend, resume."""

from __future__ import annotations

from devstack_lite.objects.registry import Json
from devstack_lite.states import TaskState, VmState
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.server_actions.asking import Asking, HostAction

PAUSE = HostAction(
    name="pause", event="compute_pause_instance",
    rule="os_compute_api:os-pause-server:pause",
    vm_states=(VmState.ACTIVE,), task_state=TaskState.PAUSING,
)  # fmt: skip
UNPAUSE = HostAction(
    name="unpause", event="compute_unpause_instance",
    rule="os_compute_api:os-pause-server:unpause",
    vm_states=(VmState.PAUSED,), task_state=TaskState.UNPAUSING,
)  # fmt: skip
SUSPEND = HostAction(
    name="suspend", event="compute_suspend_instance",
    rule="os_compute_api:os-suspend-server:suspend",
    vm_states=(VmState.ACTIVE,), task_state=TaskState.SUSPENDING,
)  # fmt: skip
RESUME = HostAction(
    name="resume", event="compute_resume_instance",
    rule="os_compute_api:os-suspend-server:resume",
    vm_states=(VmState.SUSPENDED,), task_state=TaskState.RESUMING,
)  # fmt: skip


class StandingStillController:
    """Guests that stand still, in memory or on disk."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    @api(status=202, action="pause")
    def pause(self, req: Request, id: str, body: Json) -> None:  # noqa: A002 - the route's name
        """Stop a server's processors; its memory stays."""
        self._asking.begin(req, id, PAUSE)

    @api(status=202, action="unpause")
    def unpause(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Let a paused server go on."""
        self._asking.begin(req, id, UNPAUSE)

    @api(status=202, action="suspend")
    def suspend(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Put a server's memory on disk and the server off."""
        self._asking.begin(req, id, SUSPEND)

    @api(status=202, action="resume")
    def resume(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Have a suspended server go on where it was."""
        self._asking.begin(req, id, RESUME)
