"""/v2.0/routers."""

from __future__ import annotations

import ipaddress
import uuid
from typing import Any

from devstack_lite.db import networks, ports
from devstack_lite.db import routers as rows
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Forbidden, Invalid
from devstack_lite.objects.network import Port
from devstack_lite.objects.routing import Gateway, Router
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.routers import RoutersAPI
from services.network import schemas, schemas_routing, views_routing
from services.network.access import is_true, owner_of, view_of
from services.network.listing import fields_of, listed
from services.network.tagging import with_tags

Json = dict[str, Any]

_ADMINS_OWN = ("external_fixed_ips", "enable_snat")
"""What of a gateway only an administrator may say, as in Neutron's default policy."""


class RoutersController:
    """A project's routers."""

    def __init__(self, db: Database, conductor: RoutersAPI) -> None:
        self._db = db
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List routers."""
        found = rows.list_routers(self._db, project_id=view_of(req.context))
        shown = [views_routing.router(one) for one in found]
        return listed(req, "routers", with_tags(self._db, shown))

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one router."""
        return {"router": fields_of(req, self._view(self._get(req, id)))}

    def _view(self, router: Router) -> Json:
        return with_tags(self._db, [views_routing.router(router)])[0]

    def _get(self, req: Request, router_id: str) -> Router:
        return rows.get_router(self._db, router_id, project_id=view_of(req.context))

    @api(status=201, body=schemas.one("router", schemas_routing.ROUTER))
    def create(self, req: Request, body: Json) -> Json:
        """Make a router, with a way out if one is named."""
        wanted = body["router"]
        _check_routes(wanted)
        router = Router(
            id=str(uuid.uuid4()),
            project_id=owner_of(req.context, wanted),
            name=wanted.get("name", ""),
            description=wanted.get("description", ""),
            admin_state_up=is_true(wanted.get("admin_state_up", True)),
            gateway=self._gateway(req, wanted, "create_router"),
            routes=tuple(wanted.get("routes", ())),
        )
        made = self._conductor.create_router(req.context, router=router)
        return {"router": views_routing.router(made)}

    def _gateway(self, req: Request, wanted: Json, rule: str) -> Gateway | None:
        """Return the way out that a body asks for. Raises NotFound, Forbidden."""
        asked = wanted.get("external_gateway_info")
        if not asked:
            return None
        for name in _ADMINS_OWN:
            if name in asked and not req.context.is_admin:
                raise Forbidden(f"(rule:{rule}:external_gateway_info:{name}) is disallowed")
        network = networks.get_network(
            self._db, asked["network_id"], project_id=view_of(req.context)
        )
        fixed = asked.get("external_fixed_ips")
        return Gateway(
            network_id=network.id,
            enable_snat=is_true(asked.get("enable_snat", True)),
            fixed_ips=tuple(fixed) if fixed else None,
        )

    @api(body=schemas.one("router", schemas_routing.ROUTER_CHANGE))
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a router, or open or close its way out."""
        self._get(req, id)
        wanted = body["router"]
        _check_routes(wanted)
        values = {key: wanted[key] for key in ("name", "description", "routes") if key in wanted}
        if "admin_state_up" in wanted:
            values["admin_state_up"] = is_true(wanted["admin_state_up"])
        changed = self._conductor.update_router(
            req.context,
            router_id=id,
            values=values,
            gateway=self._gateway(req, wanted, "update_router"),
            changes_gateway="external_gateway_info" in wanted,
        )
        return {"router": self._view(changed)}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a router."""
        self._get(req, id)
        self._conductor.delete_router(req.context, router_id=id)

    @api(body=schemas_routing.INTERFACE)
    def add_router_interface(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Join a router to a subnet, or have it take a port."""
        self._get(req, id)
        port_id, subnet_id = body.get("port_id"), body.get("subnet_id")
        if port_id and subnet_id:
            raise _bad("Cannot specify both subnet-id and port-id")
        if port_id:
            ports.get_port(self._db, port_id, project_id=view_of(req.context))
            port = self._conductor.add_router_port(req.context, router_id=id, port_id=port_id)
        elif subnet_id:
            networks.get_subnet(self._db, subnet_id, project_id=view_of(req.context))
            port = self._conductor.add_router_subnet(
                req.context, router_id=id, subnet_id=subnet_id, port_id=str(uuid.uuid4())
            )
        else:
            raise _bad("Either subnet_id or port_id must be specified")
        return _interface(id, port)

    @api(body=schemas_routing.INTERFACE)
    def remove_router_interface(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Part a router from a subnet; its port goes."""
        self._get(req, id)
        port_id, subnet_id = body.get("port_id"), body.get("subnet_id")
        if not (port_id or subnet_id):
            raise _bad("Either subnet_id or port_id must be specified")
        port = self._conductor.remove_router_interface(
            req.context, router_id=id, port_id=port_id, subnet_id=subnet_id
        )
        return _interface(id, port)

    @api(body=schemas.one("router", schemas_routing.ROUTES, "routes"))
    def add_extraroutes(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Give a router further routes."""
        return self._change_routes(req, id, added=body["router"]["routes"], removed=[])

    @api(body=schemas.one("router", schemas_routing.ROUTES, "routes"))
    def remove_extraroutes(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Take routes from a router; those that it does not have are gone already."""
        return self._change_routes(req, id, added=[], removed=body["router"]["routes"])

    def _change_routes(
        self, req: Request, router_id: str, *, added: list[Json], removed: list[Json]
    ) -> Json:
        self._get(req, router_id)
        _check_routes({"routes": added})
        changed = self._conductor.change_routes(
            req.context, router_id=router_id, added=added, removed=removed
        )
        return {"router": self._view(changed)}


def _bad(message: str) -> Invalid:
    return Invalid(f"Bad router request: {message}.", kind="BadRequest")


def _check_routes(wanted: Json) -> None:
    for route in wanted.get("routes", ()):
        try:
            ipaddress.ip_network(route["destination"])
        except ValueError as error:
            raise Invalid(f"Invalid input for routes. Reason: {error}.") from error


def _interface(router_id: str, port: Port) -> Json:
    subnet_ids = [fixed["subnet_id"] for fixed in port.fixed_ips or ()]
    return {
        "id": router_id,
        "project_id": port.project_id,
        "tenant_id": port.project_id,
        "port_id": port.id,
        "network_id": port.network_id,
        "subnet_id": subnet_ids[0] if subnet_ids else None,
        "subnet_ids": subnet_ids,
        "tags": [],
    }
