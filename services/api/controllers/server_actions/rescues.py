"""rescue, unrescue."""

from __future__ import annotations

import secrets

from devstack_lite.db.boot_checks import find_image
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import TaskState, VmState
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.server_actions.asking import Asking, HostAction
from services.api.schemas import rescues as schemas

RESCUE = HostAction(
    name="rescue", event="compute_rescue_instance", rule="os_compute_api:os-rescue",
    vm_states=(VmState.ACTIVE, VmState.STOPPED, VmState.ERROR), task_state=TaskState.RESCUING,
)  # fmt: skip
UNRESCUE = HostAction(
    name="unrescue", event="compute_unrescue_instance", rule="os_compute_api:os-unrescue",
    vm_states=(VmState.RESCUED,), task_state=TaskState.UNRESCUING,
)  # fmt: skip

STABLE = {"hw_rescue_bus", "hw_rescue_device"}
"""Properties of an image that becomes one more disk; without them Nova replaces the first one."""


class RescuesController:
    """A server runs from another image while its own disk is mended."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    @api(action="rescue", body=schemas.RESCUE)
    def rescue(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002 - the route's name
        """Run a server from an image, its own where none is given."""
        asked = body["rescue"] or {}
        seen = self._asking.get_built(req, id, RESCUE)
        image_id = self._image(req, seen, asked.get("rescue_image_ref"))
        self._asking.begin(req, id, RESCUE, arguments={"rescue_image_ref": image_id})
        return {"adminPass": asked.get("adminPass") or secrets.token_urlsafe(9)}

    def _image(self, req: Request, seen: Instance, wanted: str | None) -> str:
        bfv_refusal = Invalid(
            f"Instance {seen.uuid} cannot be rescued: Cannot rescue a volume-backed instance"
        )
        if not seen.image_ref and not (wanted and req.since(2, 87)):
            raise bfv_refusal
        if wanted is None:
            return seen.image_ref
        refusal = Invalid(f"Requested rescue image '{wanted}' is not supported")
        try:
            image = find_image(self._asking.db, req.context, wanted)
        except Invalid as error:
            raise refusal from error
        if image["status"] != "active":
            raise refusal
        if not seen.image_ref and not STABLE & set(image.get("properties") or {}):
            raise bfv_refusal
        return wanted

    @api(status=202, action="unrescue")
    def unrescue(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Run a rescued server from its own disk again."""
        self._asking.begin(req, id, UNRESCUE)
