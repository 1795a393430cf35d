"""trigger_crash_dump and injectNetworkInfo; what was removed: resetNetwork, os-getRDPConsole."""

from __future__ import annotations

from typing import NoReturn

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.registry import Json
from devstack_lite.states import TaskState, VmState
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.removed import gone
from services.api.controllers.server_actions.asking import Asking, HostAction
from services.api.schemas import server_actions as schemas

TRIGGER_CRASH_DUMP = HostAction(
    name="trigger_crash_dump", event="compute_trigger_crash_dump",
    rule="os_compute_api:servers:trigger_crash_dump",
    vm_states=(VmState.ACTIVE, VmState.PAUSED, VmState.RESCUED, VmState.ERROR),
    task_state=TaskState.TRIGGERING_CRASH_DUMP,
)  # fmt: skip
ADMIN_RULE = "os_compute_api:os-admin-actions"


class InterventionsController:
    """What is done to a server that does not answer."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    @api(status=202, action="trigger_crash_dump", body=schemas.TRIGGER_CRASH_DUMP, since="2.17")
    def trigger_crash_dump(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Send a server's guest a non-maskable interrupt; what it does then is its own affair."""
        self._asking.begin(req, id, TRIGGER_CRASH_DUMP)

    @api(status=202, action="injectNetworkInfo")
    def inject_network_info(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Do nothing, as Nova's libvirt driver: the guest asks for its addresses itself."""
        self._asking.get(req, id, f"{ADMIN_RULE}:inject_network_info", is_for_admins=True)

    @api(action="resetNetwork")
    def reset_network(self, req: Request, id: str, body: Json) -> NoReturn:  # noqa: A002
        """Raise 410: only Nova's Xen driver, which is gone, had anything to reset."""
        raise gone()

    @api(action="os-getRDPConsole", until="2.5")
    def rdp_console(self, req: Request, id: str, body: Json) -> NoReturn:  # noqa: A002
        """Refuse: only Nova's Hyper-V driver, which is gone, had one."""
        raise Invalid(
            "The server could not comply with the request since it is either malformed or otherwise"
            " incorrect."
        )
