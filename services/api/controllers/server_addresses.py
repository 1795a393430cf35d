"""/servers/{id}/ips."""

from __future__ import annotations

from devstack_lite.db import instances, server_network
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from services.api.policy import authorize, visible_project
from services.api.views import servers as views

RULE = "os_compute_api:ips"


class ServerAddressesController:
    """A server's addresses by network. Read only."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def index(self, req: Request, server_id: str) -> Json:
        """Show all of them."""
        return {"addresses": self._addresses(req, server_id, f"{RULE}:index")}

    def show(self, req: Request, server_id: str, id: str) -> Json:  # noqa: A002 - the route's name
        """Show those on the network of that name."""
        found = self._addresses(req, server_id, f"{RULE}:show")
        if id not in found:
            raise NotFound("Instance is not a member of specified network", kind="network")
        return {id: found[id]}

    def _addresses(self, req: Request, server_id: str, rule: str) -> Json:
        """Return them as they are shown here. Raises NotFound, Forbidden."""
        project_id = visible_project(req.context)
        instance = instances.get_instance(self._db, server_id, project_id=project_id)
        authorize(req.context, rule, project_id=instance.project_id)
        shown = views.addresses(instance, server_network.read_network(self._db, [instance]))
        return {
            name: [{"version": entry["version"], "addr": entry["addr"]} for entry in entries]
            for name, entries in shown.items()
        }
