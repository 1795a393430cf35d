"""/v2.0/ports."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.clients.network import PORT_IDS_HEADER
from devstack_lite.db import networks, ports
from devstack_lite.db.engine import Database
from devstack_lite.db.ports import PortFilter
from devstack_lite.exceptions import Forbidden, Invalid, NotFound
from devstack_lite.objects.network import Port
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.networks import NetworksAPI
from services.network import schemas, views
from services.network.access import is_true, owner_of, view_of
from services.network.listing import fields_of, listed

Json = dict[str, Any]

_COLUMNS = {
    "id": "id", "name": "name", "network_id": "network_id", "device_id": "device_id",
    "device_owner": "device_owner", "mac_address": "mac_address", "status": "status",
    "project_id": "project_id", "tenant_id": "project_id", "binding:host_id": "host_id",
}  # fmt: skip
_PLAIN = ("name", "description", "device_id", "device_owner", "mac_address")
_EXTRA = ("binding:vnic_type", "binding:profile", "port_security_enabled")


class PortsController:
    """A project's ports."""

    def __init__(self, db: Database, conductor: NetworksAPI) -> None:
        self._db = db
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List ports."""
        found = ports.list_ports(self._db, _filter_of(req))
        return listed(req, "ports", [self._view(req, one) for one in found])

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one port."""
        found = ports.get_port(self._db, id, project_id=view_of(req.context))
        return {"port": fields_of(req, self._view(req, found))}

    def _view(self, req: Request, port: Port) -> Json:
        shown = views.port(port, is_admin=bool(req.context.is_admin))
        if req.headers.get(PORT_IDS_HEADER):
            shown["network_name"] = port.network_name
        return shown

    @api(status=201, body=schemas.one_or_many("port", schemas.PORT, "network_id"))
    def create(self, req: Request, body: Json) -> Json:
        """Make one port or many, in one transaction."""
        many = body.get("ports")
        bodies = many or [body["port"]]
        ids = _ids(req, len(bodies))
        wanted = [self._wanted(req, one, port_id) for one, port_id in zip(bodies, ids, strict=True)]
        made = self._conductor.create_ports(req.context, ports=wanted)
        shown = {one.id: self._view(req, one) for one in made}
        in_order = [shown[port_id] for port_id in ids if port_id in shown]
        return {"ports": in_order} if many else {"port": in_order[0]}

    def _wanted(self, req: Request, one: Json, port_id: str) -> Port:
        network_id = one["network_id"]
        network = networks.get_network(self._db, network_id, project_id=view_of(req.context))
        is_own = network.project_id == req.context.project_id
        if network.external and not (is_own or req.context.is_admin):
            raise Forbidden("(rule:create_port) is disallowed by policy")
        host = one.get("binding:host_id") or ""
        self._check_binding(req, one)
        fixed = one.get("fixed_ips")
        return Port(
            id=port_id,
            network_id=network_id,
            project_id=owner_of(req.context, one),
            admin_state_up=is_true(one.get("admin_state_up", True)),
            status="ACTIVE" if host and one.get("device_id") else "DOWN",
            host_id=host,
            extra={key: one[key] for key in _EXTRA if key in one},
            fixed_ips=tuple(fixed) if fixed is not None else None,
            **{key: one[key] for key in _PLAIN if key in one},
        )

    @staticmethod
    def _check_binding(req: Request, one: Json) -> None:
        """Raise Forbidden when somebody binds a port who is neither an administrator nor compute.

        Neutron knows compute by its service token; here it says the ports' ids.
        """
        if one.get("binding:host_id") and not (
            req.context.is_admin or req.headers.get(PORT_IDS_HEADER)
        ):
            raise Forbidden("(rule:create_port:binding:host_id) is disallowed by policy")

    @api(body=schemas.one("port", schemas.PORT))
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a port; binding it to a host makes it ACTIVE."""
        found = ports.get_port(self._db, id, project_id=view_of(req.context))
        wanted = body["port"]
        self._check_binding(req, wanted)
        values: Json = {key: wanted[key] for key in _PLAIN if key in wanted}
        if "admin_state_up" in wanted:
            values["admin_state_up"] = is_true(wanted["admin_state_up"])
        if "binding:host_id" in wanted:
            values["host_id"] = wanted["binding:host_id"] or ""
        if "fixed_ips" in wanted:
            values["fixed_ips"] = wanted["fixed_ips"]
        extra = {key: wanted[key] for key in _EXTRA if key in wanted}
        if extra:
            values["extra"] = {**found.extra, **extra}
        if {"device_id", "binding:host_id"} & wanted.keys():
            is_bound = values.get("host_id", found.host_id) and values.get(
                "device_id", found.device_id
            )
            values["status"] = "ACTIVE" if is_bound else "DOWN"
        changed = self._conductor.update_port(req.context, port_id=id, values=values)
        return {"port": self._view(req, changed)}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a port and free its addresses."""
        ports.get_port(self._db, id, project_id=view_of(req.context))
        if not self._conductor.delete_port(req.context, port_id=id):
            raise NotFound(f"Port {id} could not be found.", kind="port")


def _ids(req: Request, count: int) -> list[str]:
    """Return the ids of new ports: those that our own client gives, else fresh ones."""
    given = req.headers.get(PORT_IDS_HEADER)
    if not given:
        return [str(uuid.uuid4()) for _ in range(count)]
    ids = given.split(",")
    if len(ids) != count:
        raise Invalid(f"{PORT_IDS_HEADER} names {len(ids)} ports, the body {count}")
    try:
        return [str(uuid.UUID(one)) for one in ids]
    except ValueError as error:
        raise Invalid(f"{PORT_IDS_HEADER} holds what is no UUID") from error


def _filter_of(req: Request) -> PortFilter:
    columns = tuple(
        (column, tuple(req.GET.getall(key))) for key, column in _COLUMNS.items() if key in req.GET
    )
    addresses, subnet_ids = [], []
    for text in req.GET.getall("fixed_ips"):
        key, _, value = text.partition("=")
        if key == "ip_address":
            addresses.append(value)
        elif key == "subnet_id":
            subnet_ids.append(value)
    return PortFilter(
        columns=columns,
        addresses=tuple(addresses),
        subnet_ids=tuple(subnet_ids),
        project_id=view_of(req.context),
    )
