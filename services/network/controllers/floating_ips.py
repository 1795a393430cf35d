"""/v2.0/floatingips."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from devstack_lite.db import floating_ips as rows
from devstack_lite.db import networks, ports
from devstack_lite.db.engine import Database
from devstack_lite.db.ports import PortFilter
from devstack_lite.exceptions import Forbidden, Invalid
from devstack_lite.objects.routing import FloatingIp
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.floating_ips import FloatingIpsAPI
from services.network import schemas, schemas_routing, views_routing
from services.network.access import owner_of, view_of
from services.network.listing import fields_of, listed
from services.network.tagging import with_tags

Json = dict[str, Any]


class FloatingIpsController:
    """A project's floating IPs."""

    def __init__(self, db: Database, conductor: FloatingIpsAPI) -> None:
        self._db = db
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List floating IPs."""
        found = rows.list_floating_ips(self._db, project_id=view_of(req.context))
        return listed(req, "floatingips", self._views(found))

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one floating IP."""
        return {"floatingip": fields_of(req, self._views([self._get(req, id)])[0])}

    def _get(self, req: Request, floating_ip_id: str) -> FloatingIp:
        return rows.get_floating_ip(self._db, floating_ip_id, project_id=view_of(req.context))

    def _views(self, found: Sequence[FloatingIp]) -> list[Json]:
        ids = tuple(one.port_id for one in found if one.port_id)
        held = ports.list_ports(self._db, PortFilter(columns=(("id", ids),))) if ids else []
        by_id = {port.id: port for port in held}
        shown = [views_routing.floating_ip(one, by_id.get(one.port_id or "")) for one in found]
        return with_tags(self._db, shown)

    @api(
        status=201,
        body=schemas.one("floatingip", schemas_routing.FLOATING_IP, "floating_network_id"),
    )
    def create(self, req: Request, body: Json) -> Json:
        """Take an address of an external network."""
        wanted = body["floatingip"]
        if wanted.get("floating_ip_address") and not req.context.is_admin:
            raise Forbidden("(rule:create_floatingip:floating_ip_address) is disallowed by policy")
        network = networks.get_network(
            self._db, wanted["floating_network_id"], project_id=view_of(req.context)
        )
        self._check_port(req, wanted)
        floating = FloatingIp(
            id=str(uuid.uuid4()),
            project_id=owner_of(req.context, wanted),
            network_id=network.id,
            description=wanted.get("description", ""),
            address=wanted.get("floating_ip_address", ""),
            subnet_id=wanted.get("subnet_id"),
            port_id=wanted.get("port_id"),
            fixed_address=wanted.get("fixed_ip_address"),
        )
        made = self._conductor.create_floating_ip(req.context, floating_ip=floating)
        return {"floatingip": self._views([made])[0]}

    def _check_port(self, req: Request, wanted: Json) -> None:
        """Raise NotFound for a port that the caller does not see, Invalid for none where needed."""
        if wanted.get("port_id"):
            ports.get_port(self._db, wanted["port_id"], project_id=view_of(req.context))
        elif wanted.get("fixed_ip_address"):
            raise Invalid(
                "Bad floatingip request: fixed_ip_address cannot be specified without a port_id.",
                kind="BadRequest",
            )

    @api(body=schemas.one("floatingip", schemas_routing.FLOATING_IP_CHANGE))
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Have it stand for a port's address, or for nothing."""
        found = self._get(req, id)
        wanted = dict(body["floatingip"])
        if wanted.get("fixed_ip_address"):
            wanted.setdefault("port_id", found.port_id)
        self._check_port(req, wanted)
        values = {key: wanted[key] for key in ("port_id", "description") if key in wanted}
        values["fixed_address"] = wanted.get("fixed_ip_address")
        changed = self._conductor.update_floating_ip(req.context, floating_ip_id=id, values=values)
        return {"floatingip": self._views([changed])[0]}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Give the address back."""
        self._get(req, id)
        self._conductor.delete_floating_ip(req.context, floating_ip_id=id)
