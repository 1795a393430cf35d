"""os-start, os-stop, reboot."""

from __future__ import annotations

from devstack_lite.objects.registry import Json
from devstack_lite.states import TaskState, VmState
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.server_actions.asking import Asking, HostAction
from services.api.schemas import servers as schemas

STOP = HostAction(
    name="stop", event="compute_stop_instance", rule="os_compute_api:servers:stop",
    vm_states=(VmState.ACTIVE, VmState.ERROR), task_state=TaskState.POWERING_OFF,
)  # fmt: skip
START = HostAction(
    name="start", event="compute_start_instance", rule="os_compute_api:servers:start",
    vm_states=(VmState.STOPPED,), task_state=TaskState.POWERING_ON,
)  # fmt: skip
REBOOT_SOFT = HostAction(
    name="reboot", event="compute_reboot_instance", rule="os_compute_api:servers:reboot",
    vm_states=(VmState.ACTIVE,), task_state=TaskState.REBOOTING,
)  # fmt: skip
REBOOT_HARD = HostAction(
    name="reboot", event="compute_reboot_instance", rule="os_compute_api:servers:reboot",
    vm_states=(
        VmState.ACTIVE, VmState.STOPPED, VmState.PAUSED, VmState.SUSPENDED, VmState.ERROR,
    ),
    task_state=TaskState.REBOOTING_HARD,
)  # fmt: skip


class PowerController:
    """Servers on and off."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    @api(status=202, action="os-stop")
    def stop(self, req: Request, id: str, body: Json) -> None:  # noqa: A002 - the route's name
        """Shut a server down."""
        self._asking.begin(req, id, STOP)

    @api(status=202, action="os-start")
    def start(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Start a server that is stopped."""
        self._asking.begin(req, id, START)

    @api(status=202, action="reboot", body=schemas.REBOOT)
    def reboot(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Restart a server, gently (SOFT) or not (HARD)."""
        is_hard = body["reboot"]["type"].upper() == "HARD"
        self._asking.begin(req, id, REBOOT_HARD if is_hard else REBOOT_SOFT)
