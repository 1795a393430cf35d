"""/os-baremetal-nodes, up to 2.35: what Nova passes on to Ironic, which is not here."""

from __future__ import annotations

from typing import NoReturn

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.faults import HttpError
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.policy import require_admin

RULE = "os_compute_api:os-baremetal-nodes"
UNTIL = "2.35"


class BaremetalNodesController:
    """No node is known; what Nova has never passed on is refused in its words."""

    @api(until=UNTIL)
    def index(self, req: Request) -> NoReturn:
        """List them, for administrators: nobody can say."""
        require_admin(req.context, f"{RULE}:list")
        raise _no_ironic()

    @api(until=UNTIL)
    def show(self, req: Request, id: str) -> NoReturn:  # noqa: A002 - the route's name
        """Show one, for administrators: nobody can say."""
        require_admin(req.context, f"{RULE}:show")
        raise _no_ironic()

    @api(until=UNTIL)
    def create(self, req: Request, body: Json) -> NoReturn:
        """Refuse to make one."""
        raise _ask_ironic("node-create")

    @api(until=UNTIL)
    def delete(self, req: Request, id: str) -> NoReturn:  # noqa: A002
        """Refuse to remove one."""
        raise _ask_ironic("node-delete")

    @api(action="add_interface", until=UNTIL)
    def add_interface(self, req: Request, id: str, body: Json) -> NoReturn:  # noqa: A002
        """Refuse to give one a port."""
        raise _ask_ironic("port-create")

    @api(action="remove_interface", until=UNTIL)
    def remove_interface(self, req: Request, id: str, body: Json) -> NoReturn:  # noqa: A002
        """Refuse to take a port from one."""
        raise _ask_ironic("port-delete")


def _no_ironic() -> HttpError:
    return HttpError(501, "Ironic client unavailable, cannot access Ironic.")


def _ask_ironic(command: str) -> Invalid:
    return Invalid(
        f"Command not supported. Please use Ironic command {command} to perform this action."
    )
