"""/v2.0/networks."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import networks as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.network import Network
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.networks import NetworksAPI
from services.network import schemas, views
from services.network.access import is_true, owner_of, require_admin_for, require_owner, view_of
from services.network.listing import fields_of, listed
from services.network.tagging import with_tags

Json = dict[str, Any]

DEFAULT_MTU = 1450
"""What Neutron gives a VXLAN network over Ethernet: 1500 less the tunnel's 50 bytes."""

_FLAGS = {
    "admin_state_up": "admin_state_up",
    "shared": "shared",
    "router:external": "external",
    "port_security_enabled": "port_security_enabled",
}


class NetworksController:
    """Networks: a project's own, shared and external ones."""

    def __init__(self, db: Database, conductor: NetworksAPI) -> None:
        self._db = db
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List networks."""
        found = rows.list_networks(self._db, project_id=view_of(req.context))
        subnet_ids = rows.subnet_ids_of(self._db)
        shown = [views.network(one, subnet_ids.get(one.id, [])) for one in found]
        return listed(req, "networks", with_tags(self._db, shown))

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one network."""
        found = rows.get_network(self._db, id, project_id=view_of(req.context))
        return {"network": fields_of(req, self._view(found))}

    def _view(self, network: Network) -> Json:
        shown = views.network(network, rows.subnet_ids_of(self._db, network.id)[network.id])
        return with_tags(self._db, [shown])[0]

    @api(status=201, body=schemas.one_or_many("network", schemas.NETWORK))
    def create(self, req: Request, body: Json) -> Json:
        """Make one network or many."""
        many = body.get("networks")
        wanted = [self._wanted(req, one) for one in (many or [body["network"]])]
        made = self._conductor.create_networks(req.context, networks=wanted)
        shown = [views.network(one, []) for one in made]
        return {"networks": shown} if many else {"network": shown[0]}

    def _wanted(self, req: Request, one: Json) -> Network:
        require_admin_for(req.context, one, "shared", "router:external")
        return Network(
            id=str(uuid.uuid4()),
            name=one.get("name", ""),
            description=one.get("description", ""),
            project_id=owner_of(req.context, one),
            mtu=int(one.get("mtu", DEFAULT_MTU)),
            admin_state_up=is_true(one.get("admin_state_up", True)),
            shared=is_true(one.get("shared")),
            external=is_true(one.get("router:external")),
            port_security_enabled=is_true(one.get("port_security_enabled", True)),
        )

    @api(body=schemas.one("network", schemas.NETWORK_CHANGE))
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a network."""
        found = rows.get_network(self._db, id, project_id=view_of(req.context))
        require_owner(req.context, found.project_id, "update_network")
        wanted = body["network"]
        require_admin_for(req.context, wanted, "shared", "router:external")
        values = {key: wanted[key] for key in ("name", "description") if key in wanted}
        if "mtu" in wanted:
            values["mtu"] = int(wanted["mtu"])
        values |= {column: is_true(wanted[key]) for key, column in _FLAGS.items() if key in wanted}
        changed = self._conductor.update_network(req.context, network_id=id, values=values)
        return {"network": self._view(changed)}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a network with its subnets."""
        found = rows.get_network(self._db, id, project_id=view_of(req.context))
        require_owner(req.context, found.project_id, "delete_network")
        self._conductor.delete_network(req.context, network_id=id)
