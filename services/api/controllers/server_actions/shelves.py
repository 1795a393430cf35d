"""shelveOffload, unshelve; shelve itself makes an image, and is with the others that do."""

from __future__ import annotations

from devstack_lite.db import hosts
from devstack_lite.exceptions import Conflict, Invalid
from devstack_lite.objects.registry import Json
from devstack_lite.states import TaskState, VmState
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.server_actions.asking import Asking, HostAction
from services.api.policy import require_admin
from services.api.schemas import moves as schemas

RULE = "os_compute_api:os-shelve"
UNSHELVE = HostAction(
    name="unshelve", event="compute_unshelve_instance", rule=f"{RULE}:unshelve",
    vm_states=(VmState.SHELVED,), task_state=TaskState.UNSHELVING,
)  # fmt: skip


class ShelvesController:
    """Shelved servers that leave their hosts, and come back."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    @api(status=202, action="shelveOffload")
    def offload(self, req: Request, id: str, body: Json) -> None:  # noqa: A002 - the route's name
        """Take a shelved server from its host; it keeps its image, ports and volumes."""
        seen = self._asking.get(req, id, f"{RULE}:shelve_offload", is_for_admins=True)
        self._asking.moves.begin_offload(req.context, uuid=seen.uuid)

    @api(status=202, action="unshelve", body=schemas.unshelve)
    def unshelve(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Have a shelved server run again: where it is, or, offloaded, where there is room."""
        asked = (req.since(2, 77) and body["unshelve"]) or {}
        seen = self._asking.get(req, id, f"{RULE}:unshelve")
        if asked.get("host"):
            require_admin(req.context, f"{RULE}:unshelve_to_host")
        if seen.vm_state is not VmState.SHELVED_OFFLOADED:
            if asked:
                raise Conflict(
                    f"Specifying an availability zone or a host when unshelving server"
                    f" '{seen.uuid}' with status '{seen.vm_state}' is not supported. The server"
                    f" status must be SHELVED_OFFLOADED.", kind="instance",
                )  # fmt: skip
            self._asking.begin(req, id, UNSHELVE)
            return
        self._check_place(asked.get("availability_zone"), asked.get("host"))
        self._asking.moves.begin_unshelve(
            req.context, uuid=seen.uuid, target_host=asked.get("host"),
            zone=asked.get("availability_zone"), is_zone_given="availability_zone" in asked,
        )  # fmt: skip

    def _check_place(self, zone: str | None, host: str | None) -> None:
        """Raise Invalid for a zone or a host that is none."""
        computes = [
            service
            for service in hosts.list_services(self._asking.db)
            if service.binary == "nova-compute"
        ]
        if zone is not None and zone not in {one.availability_zone for one in computes}:
            raise Invalid("The requested availability zone is not available")
        if host is not None and host not in {one.host for one in computes}:
            raise Invalid(f"Compute host {host} could not be found.")
