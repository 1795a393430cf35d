"""Actions that set a server right: an administrator's word on its state, and its password."""

from __future__ import annotations

from devstack_lite.exceptions import InstanceInvalidState, InstanceIsLocked
from devstack_lite.objects.registry import Json
from devstack_lite.states import VmState
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.server_actions.asking import Asking
from services.api.schemas import server_actions as schemas


class ServerStatesController:
    """POST /servers/{id}/action with os-resetState or changePassword."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    @api(status=202, action="os-resetState", body=schemas.RESET_STATE)
    def reset_state(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Have a server be active or in error, whatever it is and does."""
        seen = self._asking.get(req, id, "os_compute_api:os-admin-actions:reset_state")
        self._asking.instances.reset_state(
            req.context,
            uuid=seen.uuid,
            vm_state=VmState(body["os-resetState"]["state"]),
        )

    @api(status=202, action="changePassword", body=schemas.CHANGE_PASSWORD)
    def change_password(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Set the administrator's password in a server that runs.

        The host is asked directly: a password stands in no row and in no log.
        """
        instance = self._asking.get(req, id, "os_compute_api:os-admin-password")
        if instance.is_locked and not req.context.is_admin:
            raise InstanceIsLocked.of(instance.uuid)
        for attribute, is_fine in (
            ("vm_state", instance.vm_state is VmState.ACTIVE),
            ("task_state", instance.task_state is None),
        ):
            if not is_fine:
                raise InstanceInvalidState.of(
                    instance.uuid, action="changePassword", attribute=attribute,
                    state=str(getattr(instance, attribute)),
                )  # fmt: skip
        self._asking.compute.set_admin_password(
            req.context, host=str(instance.host), instance=instance,
            password=body["changePassword"]["adminPass"],
        )  # fmt: skip
